//! The run states of a session, and their watchers.

use std::fmt;

use tokio::sync::mpsc;

/// The run state of a session (E1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runstate {
    /// Disconnected: no task, no socket, nothing pending.
    Idle,
    /// Connecting, listening, accepting, or establishing the session.
    Connecting,
    /// Connected; messages flow.
    Running,
    /// Ending, or ended until [`disconnect`](super::Session::disconnect) collects the result.
    Disconnecting,
}

impl fmt::Display for Runstate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Runstate::Idle => "idle",
            Runstate::Connecting => "connecting",
            Runstate::Running => "running",
            Runstate::Disconnecting => "disconnecting",
        })
    }
}

/// The run state does not allow an operation (E7).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{protocol} {}", self.sentence())]
#[non_exhaustive]
pub struct StateError {
    pub(super) protocol: &'static str,
    /// The state of the session.
    pub state: Runstate,
    /// The state that the operation needs.
    pub required: Runstate,
}

impl StateError {
    fn sentence(&self) -> &'static str {
        match self.state {
            Runstate::Idle => "is disconnected and idle.",
            Runstate::Connecting => "is currently connecting.",
            Runstate::Running => "is already connected and running.",
            Runstate::Disconnecting => "is disconnecting. Call disconnect() to return to IDLE state.",
        }
    }
}

/// Receives every transition of a session in order, from when the watcher was made (E1).
///
/// Each watcher has its own queue, so no transition is skipped, however short.
#[derive(Debug)]
pub struct StateWatcher(mpsc::UnboundedReceiver<Runstate>);

impl StateWatcher {
    /// Waits for the next transition; `None` if the session is gone. Cancel safe.
    pub async fn changed(&mut self) -> Option<Runstate> {
        self.0.recv().await
    }

    /// Returns the next transition if it has happened already.
    pub fn try_changed(&mut self) -> Option<Runstate> {
        self.0.try_recv().ok()
    }
}

/// The watchers of one session.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<mpsc::UnboundedSender<Runstate>>);

impl Watchers {
    pub(super) fn add(&mut self) -> StateWatcher {
        // A session may be watched often and change rarely, so dropped watchers are removed here too.
        self.0.retain(|watcher| !watcher.is_closed());
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.push(sender);
        StateWatcher(receiver)
    }

    /// Sends the new state to every watcher.
    pub(super) fn notify(&mut self, state: Runstate) {
        self.0.retain(|watcher| watcher.send(state).is_ok());
    }
}
