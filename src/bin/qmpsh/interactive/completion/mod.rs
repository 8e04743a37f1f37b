//! Helps with the line being typed: completion, hints and colors, from the peer's schema and from what exists there.
//!
//! `existing` asks the peer for the names that exist, `replies` finds them in its replies, and `qom_types` has the types that ship
//! with the program.

mod existing;
mod qom_types;
mod replies;

use std::sync::{Arc, Mutex, PoisonError};

use crate::builtins::{COMMANDS, Description};
use crate::session::schema::SessionSchema;
use crate::session::{Session, SharedDialect};
use crate::terminal;
use existing::{LiveValues, WithDeadline};
use qmpsh::language::complete::{self, BuiltinCommand, Color, Completion, Context, Live, Nothing};
use qmpsh::language::syntax::{Dialect, Span};
use qmpsh::schema::Schema;

/// The assistant that the editor asks at each key.
#[derive(Debug)]
pub(crate) struct Assistant {
    schema: Mutex<Arc<SessionSchema>>,
    builtins: Vec<BuiltinCommand<'static>>,
    dialect: SharedDialect,
    live: Mutex<Arc<LiveValues>>,
}

impl Assistant {
    /// Call it on the runtime.
    pub(super) fn new(session: &Session) -> Arc<Self> {
        let live = Mutex::new(LiveValues::new(session));
        let builtin = |&Description { name, words, takes, summary: about, .. }: &Description| BuiltinCommand {
            name,
            words,
            about,
            takes,
        };
        let builtins = COMMANDS.iter().map(builtin).collect();
        let schema = Mutex::new(Arc::clone(&session.schema));
        let dialect = session.dialect.clone();
        Arc::new(Self { schema, builtins, dialect, live })
    }

    /// Begins a new session, or notes the end of one: another peer may come.
    pub(super) fn begin(&self, session: &Session) {
        let schema = if session.is_connected() { Arc::clone(&session.schema) } else { Arc::default() };
        *self.schema.lock().unwrap_or_else(PoisonError::into_inner) = schema;
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = LiveValues::new(session);
    }

    /// Notes that commands ran: what exists may have changed.
    pub(super) fn invalidate(&self) {
        self.live().invalidate();
    }

    fn live(&self) -> Arc<LiveValues> {
        Arc::clone(&self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn schema(&self) -> Option<Arc<Schema>> {
        self.schema.lock().unwrap_or_else(PoisonError::into_inner).known()
    }

    /// Returns true if the line is for the human monitor, whose arguments are unknown.
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
        let values = self.live();
        let live = WithDeadline::new(&values);
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
