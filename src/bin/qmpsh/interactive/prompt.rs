//! The prompt: the name and the run state of the VM.
//!
//! It is `(QEMU) `, `(web1) ` if the VM has a name, and `(web1 paused) ` if it does not run. A storage daemon has `(QSD) ` and a
//! guest agent `(QGA) `. A task asks the peer, and asks again when an event tells of a change, or may be missing.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::output::columns::cut;
use crate::session::queries::{self, Query};
use crate::session::{SeenEvents, Session, SharedDialect};
use crate::terminal::Sink;
use qmpsh::client::{Client, ExecuteError};
use qmpsh::language::syntax::Dialect;
use qmpsh::text;

/// The prompt without a connection.
pub(super) const DISCONNECTED: &str = "(disconnected) ";

/// How long a prompt waits for the peer's answer.
const PATIENCE: Duration = Duration::from_millis(5);

/// Run states that QEMU may leave without an event: the prompt asks again with each line. Tried on 7.2 and 11.1.
const SILENT: [&str; 4] = ["finish-migrate", "inmigrate", "restore-vm", "save-vm"];

/// The most columns for a name or a state: both come from the peer.
const WIDEST: usize = 24;

/// What the prompt shows of the peer.
#[derive(Debug, Clone)]
struct Label {
    /// The name of the VM, or what the peer is.
    name: String,
    /// `None` while the VM runs, and if it is unknown.
    state: Option<String>,
}

impl Default for Label {
    fn default() -> Self {
        Self { name: "QEMU".to_owned(), state: None }
    }
}

/// The value that `query-status` returns.
#[derive(Deserialize)]
struct RunState {
    running: bool,
    status: String,
}

/// The value that `query-name` returns.
#[derive(Deserialize)]
struct Name {
    name: Option<String>,
}

/// Keeps the prompt up to date while a session lasts.
#[derive(Debug)]
pub(super) struct Prompt {
    sink: Sink,
    dialect: SharedDialect,
    seen: Arc<SeenEvents>,
    updater: JoinSet<()>,
    /// `None` without a session.
    shown: Option<watch::Receiver<Shown>>,
}

/// What the prompt shows, and how many changes of the run state it includes.
#[derive(Debug, Default)]
struct Shown {
    label: Label,
    changes: u64,
}

impl Prompt {
    pub(super) fn new(session: &Session, sink: Sink) -> Self {
        let (dialect, seen) = (session.dialect.clone(), Arc::clone(&session.seen));
        Self { sink, dialect, seen, updater: JoinSet::new(), shown: None }
    }

    /// Starts to ask the peer of a new session.
    pub(super) fn begin(&mut self, session: &Session) {
        self.seen = Arc::clone(&session.seen);
        // The state at the beginning counts as a change.
        self.seen.expect_run_state_change();
        let (sender, shown) = watch::channel(Shown::default());
        self.shown = Some(shown);
        self.redraw();
        let updater = PromptUpdater {
            client: session.client.clone(),
            sink: self.sink.clone(),
            dialect: self.dialect.clone(),
            changes: self.seen.run_state_changes(),
            shown: sender,
        };
        self.updater = JoinSet::new();
        self.updater.spawn(updater.run());
    }

    /// Waits a moment until the prompt shows all changes: a late prompt is worse than one that changes. Cancel safe.
    pub(super) async fn settle(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        if shown.borrow().label.state.as_deref().is_some_and(|state| SILENT.contains(&state)) {
            self.seen.expect_run_state_change();
        }
        let changes = *self.seen.run_state_changes().borrow();
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
        let mut changes = *self.changes.borrow_and_update();
        if self.client.is_guest_agent() {
            // A guest agent does not know these queries.
            return self.show(&Label { name: "QGA".to_owned(), state: None }, changes);
        }
        // Both are sent before the first is answered.
        let (mut state, name) =
            tokio::join!(ask::<RunState>(&self.client, Query::Status), ask::<Name>(&self.client, Query::Name));
        // A storage daemon has no run state.
        let is_vm = !matches!(&state, Err(ExecuteError::Server { class, .. }) if class == "CommandNotFound");
        let name = name.ok().flatten().and_then(|answer| answer.name).filter(|name| !name.trim().is_empty());
        let name = name.unwrap_or_else(|| if is_vm { "QEMU" } else { "QSD" }.to_owned());
        let mut label = Label { name, state: None };
        loop {
            if let Ok(Some(RunState { running, status })) = state {
                label.state = (!running).then_some(status);
            }
            self.show(&label, changes);
            if !is_vm || self.changes.changed().await.is_err() {
                return;
            }
            changes = *self.changes.borrow_and_update();
            state = ask(&self.client, Query::Status).await;
        }
    }

    fn show(&self, label: &Label, changes: u64) {
        self.sink.set_prompt(label.prompt(self.dialect.get()));
        self.shown.send_replace(Shown { label: label.clone(), changes });
    }
}

impl Label {
    fn prompt(&self, dialect: Dialect) -> String {
        let mut prompt = format!("({}", cut(&text::line(&self.name), WIDEST));
        if dialect == Dialect::Hmp {
            prompt.push_str(" hmp");
        }
        if let Some(state) = &self.state {
            prompt.extend([" ", &cut(&text::line(state), WIDEST)]);
        }
        prompt + ") "
    }
}

/// Sends a query and reads its result; `None` if it is of another type.
async fn ask<T: for<'de> Deserialize<'de>>(client: &Client, query: Query) -> Result<Option<T>, ExecuteError> {
    let reply = queries::ask(client, &query).await?;
    Ok(reply.result().and_then(|result| serde_json::from_slice(&result).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_show_name_and_state() {
        let check = |name: Option<&str>, state: Option<&str>, dialect: Dialect, expected: &str| {
            let name = name.map_or(Label::default().name, str::to_owned);
            assert_eq!(Label { name, state: state.map(str::to_owned) }.prompt(dialect), expected);
        };
        check(None, None, Dialect::Qmp, "(QEMU) ");
        check(Some("web1"), None, Dialect::Qmp, "(web1) ");
        check(Some("web1"), Some("paused"), Dialect::Qmp, "(web1 paused) ");
        check(None, Some("prelaunch"), Dialect::Qmp, "(QEMU prelaunch) ");
        check(Some("QSD"), None, Dialect::Qmp, "(QSD) ");
        check(Some("QGA"), None, Dialect::Qmp, "(QGA) ");
        check(None, Some("paused"), Dialect::Hmp, "(QEMU hmp paused) ");
        check(Some("\u{1b}]0;x\u{7}\u{202e}\n"), None, Dialect::Qmp, r"(\u{1b}]0;x\u{7}\u{202e}…) ");
        check(
            Some(&"é".repeat(30)),
            Some(&"漢".repeat(30)),
            Dialect::Qmp,
            &format!("({}… {}…) ", "é".repeat(23), "漢".repeat(11)),
        );
    }
}
