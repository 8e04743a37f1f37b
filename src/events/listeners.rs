//! The receivers of events.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::queue::Queue;
use super::window::Window;

/// All streams and waits, under one lock: events that come together take it once.
pub(super) struct Listeners {
    pub(super) queues: Vec<Queue>,
    pub(super) window: Window,
    /// The number of the next stream.
    pub(super) next: u64,
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").field("streams", &self.queues.len()).finish_non_exhaustive()
    }
}

pub(super) fn lock(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}
