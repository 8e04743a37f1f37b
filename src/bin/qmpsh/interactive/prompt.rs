//! The prompt: which VM it is, and in which state.
//!
//! `(QEMU) `, `(web1) ` if the VM has a name, `(web1 paused) ` if it does not run; `(QSD) ` for a storage daemon and
//! `(QGA) ` for a guest agent, which have neither. A task asks the peer, and asks again when an event tells of a change.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::output::columns::cut;
use crate::session::queries::{self, Query};
use crate::session::{Session, SharedDialect, Tracker};
use crate::terminal::Sink;
use qmpsh::client::{Client, ExecuteError};
use qmpsh::language::syntax::Dialect;
use qmpsh::text;

/// The prompt without a connection.
pub(super) const DISCONNECTED: &str = "(disconnected) ";

/// How long the first prompt waits for what the peer says.
const PATIENCE: Duration = Duration::from_millis(5);

/// Columns that a name or a state may have: both come from the peer.
const WIDEST: usize = 24;

/// What the prompt shows of the peer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Label {
    name: Option<String>,
    /// `None` while it runs, and as long as it is unknown.
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

/// How the peer answered.
#[derive(Debug, PartialEq, Eq)]
enum Answer<T> {
    Is(T),
    /// It does not know the command.
    Unknown,
    /// Anything else.
    Nothing,
}

/// Keeps the prompt true while a session lasts.
#[derive(Debug)]
pub(super) struct Prompt {
    sink: Sink,
    dialect: SharedDialect,
    tracker: Arc<Tracker>,
    updater: JoinSet<()>,
    /// `None` without a session.
    shown: Option<watch::Receiver<Shown>>,
}

/// What the prompt shows, and how many run state changes are in it.
#[derive(Debug, Default)]
struct Shown {
    label: Label,
    changes: u64,
}

impl Prompt {
    pub(super) fn new(session: &Session, sink: Sink) -> Self {
        let (dialect, tracker) = (session.dialect.clone(), Arc::clone(&session.tracker));
        Self { sink, dialect, tracker, updater: JoinSet::new(), shown: None }
    }

    /// Asks the peer of a new session.
    pub(super) fn begin(&mut self, session: &Session) {
        // What the peer is now counts as a change.
        self.tracker.expect_run_state_change();
        let (sender, shown) = watch::channel(Shown::default());
        self.shown = Some(shown);
        self.redraw();
        let updater = PromptUpdater {
            client: session.client.clone(),
            sink: self.sink.clone(),
            dialect: self.dialect.clone(),
            changes: self.tracker.run_state_changes(),
            shown: sender,
        };
        self.updater = JoinSet::new();
        self.updater.spawn(updater.run());
    }

    /// Waits until the prompt shows all changes, but not long: a late prompt is worse than one that changes. Cancel safe.
    pub(super) async fn settle(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        let changes = *self.tracker.run_state_changes().borrow();
        // An error means that the session ended.
        let _ = timeout(PATIENCE, shown.wait_for(|shown| shown.changes >= changes)).await;
    }

    /// Shows that the session ended.
    pub(super) fn end(&mut self) {
        self.updater = JoinSet::new();
        self.shown = None;
        self.redraw();
    }

    /// Shows the language of the next line.
    pub(super) fn redraw(&self) {
        self.sink.set_prompt(match &self.shown {
            Some(shown) => shown.borrow().label.prompt(self.dialect.get()),
            None => DISCONNECTED.to_owned(),
        });
    }
}

/// Asks the peer, and asks again after each change.
struct PromptUpdater {
    client: Client,
    sink: Sink,
    dialect: SharedDialect,
    changes: watch::Receiver<u64>,
    shown: watch::Sender<Shown>,
}

impl PromptUpdater {
    async fn run(mut self) {
        let changes = *self.changes.borrow_and_update();
        if self.client.is_guest_agent() {
            // A guest agent does not know these queries.
            return self.show(&Label { kind: Kind::GuestAgent, ..Label::default() }, changes);
        }
        // Both are sent before the first is answered.
        let (state, name) = tokio::join!(run_state(&self.client), name(&self.client));
        let kind = if state == Answer::Unknown { Kind::StorageDaemon } else { Kind::Vm };
        let mut label = Label { name, kind, state: None };
        label.set_state(state);
        self.show(&label, changes);
        while label.kind == Kind::Vm && self.changes.changed().await.is_ok() {
            let changes = *self.changes.borrow_and_update();
            label.set_state(run_state(&self.client).await);
            self.show(&label, changes);
        }
    }

    fn show(&self, label: &Label, changes: u64) {
        self.sink.set_prompt(label.prompt(self.dialect.get()));
        self.shown.send_replace(Shown { label: label.clone(), changes });
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

/// The run state; `None` while the VM runs.
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

/// Sends a query and reads its reply.
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
    fn prompts_show_name_state_and_kind() {
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
