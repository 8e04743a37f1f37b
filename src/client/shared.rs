//! The state of a session that the handles of a client can see.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::net::unix::UCred;

use super::tracker::Tracker;
use crate::events::Hub;
use crate::message::{Event, Greeting};

/// How far an attempt to connect has come, to explain a timeout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Progress {
    /// The connection is being made.
    #[default]
    Connecting,
    /// The connection exists, and the greeting has not come.
    AwaitingGreeting {
        /// The first bytes that have come.
        seen: Vec<u8>,
    },
    /// The connection exists, and the guest agent has not answered the synchronization.
    Synchronizing {
        /// The agent's error, if it has refused `guest-sync-delimited`; not safe to show as it is.
        refusal: Option<String>,
    },
    /// The greeting has come, and the reply to the negotiation has not.
    Negotiating,
    /// The session is established.
    Established,
}

/// The state that a client shares with its sessions.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hub: Hub,
    pub(super) tracker: Tracker,
    seen: Mutex<Seen>,
}

/// What is known of the current session.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) greeting: Option<Greeting>,
    pub(super) progress: Progress,
    /// Open files can be sent over the connection.
    pub(super) passes_descriptors: bool,
    /// The process and the user at the other end.
    pub(super) credentials: Option<UCred>,
    /// The peer was asked to end, and agreed.
    pub(super) has_quit: bool,
}

impl Shared {
    pub(super) fn new(hub: Hub) -> Self {
        Self { hub, tracker: Tracker::default(), seen: Mutex::default() }
    }

    /// Hands events to the tracker, and to all streams and waits.
    pub(super) fn publish(&self, events: impl AsRef<[Event]> + IntoIterator<Item = Event>) {
        events.as_ref().iter().for_each(|event| self.tracker.observe(event));
        self.hub.publish(events);
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
