//! Who helps with the line being typed: what the peer can do, and what exists there.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::values::{Answers, LiveValues, WithDeadline, live_values};
use super::{Repl, SharedDialect};
use crate::builtins::COMMANDS;
use crate::session::queries::{self, Query};
use crate::terminal;
use qmpsh::client::{Client, ExecuteError};
use qmpsh::language::complete::{self, BuiltinCommand, Color, Completion, Context, Live, Nothing};
use qmpsh::language::syntax::{Dialect, Span};
use qmpsh::schema::{Schema, SchemaError};

/// How long a prompt stands before the peer is asked what it can do: what was typed ahead comes first.
const PAUSE: Duration = Duration::from_millis(30);

/// Asked by the editor's thread, told by the shell's task.
#[derive(Debug)]
pub(crate) struct Assistant {
    schema: Mutex<Option<Arc<Schema>>>,
    builtins: Vec<BuiltinCommand<'static>>,
    dialect: SharedDialect,
    values: LiveValues,
}

impl Assistant {
    /// With what answers its questions, which must be run; before the client connects.
    pub(crate) fn new(client: &Client, dialect: SharedDialect) -> (Arc<Self>, Answers) {
        let (values, answers) = live_values(client);
        let builtins = COMMANDS.iter();
        let builtins =
            builtins.map(|row| BuiltinCommand { name: row.name, words: row.words, about: row.summary }).collect();
        (Arc::new(Self { schema: Mutex::default(), builtins, dialect, values }), answers)
    }

    /// What the peer can do, or that it is not known any more.
    pub(super) fn set_schema(&self, schema: Option<Arc<Schema>>) {
        *self.schema.lock().unwrap_or_else(PoisonError::into_inner) = schema;
    }

    /// A command was run: something may be different.
    pub(super) fn invalidate(&self) {
        self.values.invalidate();
    }

    /// Another peer may be there.
    pub(super) fn forget(&self) {
        self.set_schema(None);
        self.values.forget();
    }

    fn schema(&self) -> Option<Arc<Schema>> {
        self.schema.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing is known of the words of a line.
    fn is_hmp(&self, text: &str) -> bool {
        self.dialect.get() == Dialect::Hmp && !text.starts_with('.')
    }

    fn context<'a>(&'a self, schema: Option<&'a Arc<Schema>>, live: &'a dyn Live) -> Context<'a> {
        Context { schema: schema.map(|schema| &**schema), live, builtins: &self.builtins }
    }
}

impl terminal::Assistant for Assistant {
    fn complete(&self, text: &str, cursor: usize) -> Completion {
        let schema = self.schema();
        let live = WithDeadline::new(&self.values);
        let context = self.context(schema.as_ref(), &live);
        match self.dialect.get() {
            Dialect::Qmp => complete::complete(text, cursor, context),
            Dialect::Hmp => complete::complete_hmp(text, cursor, context),
        }
    }

    fn hint(&self, text: &str) -> Option<String> {
        if self.is_hmp(text) {
            return None;
        }
        let schema = self.schema();
        complete::hint(text, self.context(schema.as_ref(), &Nothing))
    }

    fn colors(&self, text: &str, cursor: usize) -> Vec<(Span, Color)> {
        if self.is_hmp(text) {
            return Vec::new();
        }
        let schema = self.schema();
        complete::colors(text, cursor, self.context(schema.as_ref(), &Nothing))
    }
}

impl Repl<'_, '_> {
    /// The peer has said what it can do, or that it does not say.
    pub(super) fn on_schema(&mut self, schema: Option<Arc<Schema>>) {
        if let Some(schema) = &schema {
            self.session_schema.know(schema);
        }
        self.assistant.set_schema(schema);
        self.console.repaint();
    }

    /// What was run may have changed something, and a line may have needed the schema before it came by itself.
    pub(super) fn after_commands(&mut self) {
        self.assistant.invalidate();
        match (&self.coming, self.session_schema.known()) {
            (Some(_), Some(schema)) => {
                self.coming = None;
                self.assistant.set_schema(Some(schema));
            }
            // The next line may be there already.
            (Some(coming), None) if !coming.is_asked() => self.coming = Some(schema(self.client)),
            _ => {}
        }
    }
}

/// The schema on its way, or nothing if the peer has none.
pub(super) struct Coming {
    asked: Arc<AtomicBool>,
    schema: Pin<Box<dyn Future<Output = Option<Arc<Schema>>> + Send>>,
}

impl Coming {
    /// Whether the question was sent.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits for it; once. Cancel safe.
    pub(super) async fn schema(&mut self) -> Option<Arc<Schema>> {
        self.schema.as_mut().await
    }
}

/// Waits for the schema, if it is on its way. Cancel safe.
pub(super) async fn come(coming: &mut Option<Coming>) -> Option<Arc<Schema>> {
    let Some(pending) = coming else { return std::future::pending().await };
    let schema = pending.schema().await;
    *coming = None;
    schema
}

/// Asks for the schema, after a pause, and reads it where it holds up nobody.
pub(super) fn schema(client: &Client) -> Coming {
    let client = client.clone();
    let asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&asked);
    let schema = Box::pin(async move {
        tokio::time::sleep(PAUSE).await;
        asks.store(true, Ordering::Relaxed);
        let list_of_agent = || fetch_schema(&client, Query::GuestInfo, Schema::parse_guest_info);
        if client.is_guest_agent() {
            return list_of_agent().await.ok().flatten();
        }
        match fetch_schema(&client, Query::Schema, Schema::parse).await {
            Ok(schema) => schema,
            // With `-N` nobody has said what the peer is.
            Err(ExecuteError::Server { .. }) if client.greeting().is_none() => list_of_agent().await.ok().flatten(),
            Err(_) => None,
        }
    });
    Coming { asked, schema }
}

async fn fetch_schema(
    client: &Client,
    query: Query,
    parse: fn(&[u8]) -> Result<Schema, SchemaError>,
) -> Result<Option<Arc<Schema>>, ExecuteError> {
    let reply = queries::ask(client, &query).await?;
    let Some(result) = reply.result() else { return Ok(None) };
    let read = tokio::task::spawn_blocking(move || parse(&result)).await;
    // An error is told when a line needs the schema.
    Ok(read.ok().and_then(Result::ok).map(Arc::new))
}
