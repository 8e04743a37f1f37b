//! The prompt: which VM it is, and in which state.
//!
//! `(QEMU) `, `(web1) ` if the VM has a name, `(web1 paused) ` if it does not run; `(QSD) ` for a storage daemon and
//! `(QGA) ` for a guest agent, which have neither. A task of its own asks the peer, and asks again when an event tells of a change, so that nothing waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::SharedDialect;
use crate::output::columns::cut;
use crate::session::queries::{self, Query};
use crate::terminal::Sink;
use qmpsh::client::{Client, ExecuteError};
use qmpsh::events::{Delivery, EventStream};
use qmpsh::language::syntax::Dialect;
use qmpsh::text;

/// Without a connection.
pub(super) const DISCONNECTED: &str = "(disconnected) ";

/// How long the first prompt waits for what the peer says.
const PATIENCE: Duration = Duration::from_millis(5);

/// Columns that a name, or a state, may take: both come from outside.
const WIDEST: usize = 24;

/// Bytes of events that may wait; what they say does not matter.
const ROOM: usize = 4096;

/// The events after which a VM may be in another state. A panic, an error of a disk and the watchdog have `STOP` behind them; so has
/// `SHUTDOWN` where QEMU stays, and where it ends a question would be lost, and make a reset of the end of the connection. Source:
/// run-state.json.
const CHANGES: [&str; 6] = ["STOP", "RESUME", "RESET", "SUSPEND", "WAKEUP", "MIGRATION"];

/// What the peer has said of itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Label {
    name: Option<String>,
    /// None while it runs, and before it has said so.
    state: Option<String>,
    kind: Kind,
}

/// What the peer is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Vm,
    StorageDaemon,
    GuestAgent,
}

/// What `query-status` returns.
#[derive(Deserialize)]
struct RunState {
    running: bool,
    status: String,
}

/// What `query-name` returns.
#[derive(Deserialize)]
struct Name {
    name: Option<String>,
}

/// How a peer answered a question.
#[derive(Debug, PartialEq, Eq)]
enum Answer<T> {
    Is(T),
    /// It does not know that command.
    Unknown,
    /// Nothing to go by.
    Nothing,
}

/// Keeps the prompt true while a session lasts.
#[derive(Debug)]
pub(super) struct Prompt {
    sink: Sink,
    dialect: SharedDialect,
    updater: JoinSet<()>,
    /// How many changes were told.
    told: Arc<AtomicU64>,
    /// None without a session.
    shown: Option<watch::Receiver<Shown>>,
}

/// What the prompt shows, and how many of the changes that were told are in it.
#[derive(Debug, Default)]
struct Shown {
    label: Label,
    told: u64,
}

impl Prompt {
    pub(super) fn new(sink: Sink, dialect: SharedDialect) -> Self {
        Self { sink, dialect, updater: JoinSet::new(), told: Arc::default(), shown: None }
    }

    /// Asks the peer of a new session.
    pub(super) fn begin(&mut self, client: &Client) {
        // The first thing to be shown is what it is now.
        self.told = Arc::new(AtomicU64::new(1));
        let told = Arc::clone(&self.told);
        let changes = client.events(Delivery::Newest { room: ROOM }, move |event| {
            let is_one = CHANGES.contains(&&*event.name());
            told.fetch_add(is_one.into(), Ordering::Relaxed);
            is_one
        });
        let (sender, shown) = watch::channel(Shown::default());
        self.shown = Some(shown);
        self.redraw();
        let updater = PromptUpdater {
            client: client.clone(),
            sink: self.sink.clone(),
            dialect: self.dialect.clone(),
            told: Arc::clone(&self.told),
            shown: sender,
        };
        self.updater = JoinSet::new();
        self.updater.spawn(updater.run(changes));
    }

    /// Waits until it shows what was told, but not long: a prompt that comes late is worse than one that changes. Cancel safe.
    pub(super) async fn settle(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        let told = self.told.load(Ordering::Relaxed);
        // An error means that nobody follows any more.
        let _ = timeout(PATIENCE, shown.wait_for(|shown| shown.told >= told)).await;
    }

    /// The session is over.
    pub(super) fn end(&mut self) {
        self.updater = JoinSet::new();
        self.shown = None;
        self.redraw();
    }

    /// Lines may be taken for another language now.
    pub(super) fn redraw(&self) {
        self.sink.set_prompt(match &self.shown {
            Some(shown) => shown.borrow().label.prompt(self.dialect.get()),
            None => DISCONNECTED.to_owned(),
        });
    }
}

/// Asks, and asks again.
struct PromptUpdater {
    client: Client,
    sink: Sink,
    dialect: SharedDialect,
    told: Arc<AtomicU64>,
    shown: watch::Sender<Shown>,
}

impl PromptUpdater {
    async fn run(self, mut changes: EventStream) {
        let told = self.told.load(Ordering::Relaxed);
        if self.client.is_guest_agent() {
            // It knows none of the questions.
            return self.show(&Label { kind: Kind::GuestAgent, ..Label::default() }, told);
        }
        // Both are sent before the first is answered.
        let (state, name) = tokio::join!(run_state(&self.client), name(&self.client));
        let kind = if state == Answer::Unknown { Kind::StorageDaemon } else { Kind::Vm };
        let mut label = Label { name, kind, state: None };
        label.set_state(state);
        self.show(&label, told);
        while label.kind == Kind::Vm {
            changes.batch().await;
            let told = self.told.load(Ordering::Relaxed);
            label.set_state(run_state(&self.client).await);
            self.show(&label, told);
        }
    }

    fn show(&self, label: &Label, told: u64) {
        self.sink.set_prompt(label.prompt(self.dialect.get()));
        self.shown.send_replace(Shown { label: label.clone(), told });
    }
}

impl Label {
    fn set_state(&mut self, answer: Answer<Option<String>>) {
        if let Answer::Is(state) = answer {
            self.state = state;
        }
    }

    fn prompt(&self, dialect: Dialect) -> String {
        let name = match (&self.name, self.kind) {
            (Some(name), _) => text::line(name),
            (None, Kind::Vm) => "QEMU".into(),
            (None, Kind::StorageDaemon) => "QSD".into(),
            (None, Kind::GuestAgent) => "QGA".into(),
        };
        let mut prompt = format!("({}", cut(&name, WIDEST));
        if dialect == Dialect::Hmp {
            prompt.push_str(" hmp");
        }
        if let Some(state) = &self.state {
            prompt.extend([" ", &cut(&text::line(state), WIDEST)]);
        }
        prompt + ") "
    }
}

/// None: it runs.
async fn run_state(client: &Client) -> Answer<Option<String>> {
    match ask(client, &Query::Status).await {
        Answer::Is(RunState { running: true, .. }) => Answer::Is(None),
        Answer::Is(RunState { status, .. }) => Answer::Is(Some(status)),
        Answer::Unknown => Answer::Unknown,
        Answer::Nothing => Answer::Nothing,
    }
}

async fn name(client: &Client) -> Option<String> {
    match ask(client, &Query::Name).await {
        Answer::Is(Name { name }) => name.filter(|name| !name.trim().is_empty()),
        Answer::Unknown | Answer::Nothing => None,
    }
}

/// Asks what changes nothing, and is not shown.
async fn ask<T: for<'de> Deserialize<'de>>(client: &Client, query: &Query) -> Answer<T> {
    match queries::ask(client, query).await {
        Ok(reply) => {
            let value = reply.result().and_then(|result| serde_json::from_slice(&result).ok());
            value.map_or(Answer::Nothing, Answer::Is)
        }
        Err(ExecuteError::Server { class, .. }) if class == "CommandNotFound" => Answer::Unknown,
        Err(_) => Answer::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts() {
        let check = |name: Option<&str>, state: Option<&str>, kind: Kind, expected: &str| {
            let label = Label { name: name.map(str::to_owned), state: state.map(str::to_owned), kind };
            assert_eq!(label.prompt(Dialect::Qmp), expected);
        };
        check(None, None, Kind::Vm, "(QEMU) ");
        check(Some("web1"), None, Kind::Vm, "(web1) ");
        check(Some("web1"), Some("paused"), Kind::Vm, "(web1 paused) ");
        check(None, Some("prelaunch"), Kind::Vm, "(QEMU prelaunch) ");
        check(None, None, Kind::StorageDaemon, "(QSD) ");
        check(None, None, Kind::GuestAgent, "(QGA) ");
        let paused = Label { state: Some("paused".to_owned()), ..Label::default() };
        assert_eq!(paused.prompt(Dialect::Hmp), "(QEMU hmp paused) ");
        check(Some("\u{1b}]0;x\u{7}\u{202e}\n"), None, Kind::Vm, r"(\u{1b}]0;x\u{7}\u{202e}…) ");
        check(
            Some(&"é".repeat(30)),
            Some(&"漢".repeat(30)),
            Kind::Vm,
            &format!("({}… {}…) ", "é".repeat(23), "漢".repeat(11)),
        );
    }
}
