//! The run states of a session, and their watchers.

use std::fmt;

use tokio::sync::mpsc;

/// The run state of a session (E1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runstate {
    /// Fully disconnected: no task, no socket, nothing pending.
    Idle,
    /// Connecting, listening, accepting, or establishing the session.
    Connecting,
    /// Connected; messages flow.
    Running,
    /// Ending, or ended and waiting for [`disconnect`](super::Session::disconnect) to collect the result.
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

/// An operation came in a run state that does not allow it (E7).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{protocol} {}", self.sentence())]
pub struct StateError {
    pub(super) protocol: &'static str,
    /// The state the session was in.
    pub state: Runstate,
    /// The state the operation needs.
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

/// Sees every transition of a session, in order, from the moment it was made (E1).
///
/// Each watcher has a queue of its own: what it has not read yet is kept, and no transition is skipped, however short.
#[derive(Debug)]
pub struct StateWatcher(mpsc::UnboundedReceiver<Runstate>);

impl StateWatcher {
    /// The next transition; `None` when the session is gone. Cancel safe.
    pub async fn changed(&mut self) -> Option<Runstate> {
        self.0.recv().await
    }

    /// The next transition that has happened already, if there is one.
    pub fn try_changed(&mut self) -> Option<Runstate> {
        self.0.try_recv().ok()
    }
}

/// The watchers of one session.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<mpsc::UnboundedSender<Runstate>>);

impl Watchers {
    pub(super) fn add(&mut self) -> StateWatcher {
        // Remove dropped watchers here too: a session may be watched often and change seldom.
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
