//! The events of a session, as far as the shell keeps count of them.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use qmpsh::message::Event;

/// The events after which a VM may be in another run state.
///
/// QEMU sends `STOP` after a panic, a disk error and the watchdog, and after `SHUTDOWN` where it stays. Where `SHUTDOWN` ends it, a
/// query would be lost and turn the end of the connection into a reset. Source: QEMU's `qapi/run-state.json`.
const RUN_STATE_CHANGES: [&str; 6] = ["STOP", "RESUME", "RESET", "SUSPEND", "WAKEUP", "MIGRATION"];

/// Follows every event from the first on.
#[derive(Debug, Default)]
pub(crate) struct SeenEvents {
    run_state_changes: watch::Sender<u64>,
    events: AtomicU64,
}

impl SeenEvents {
    /// Takes in an event; see [`ClientBuilder::on_event`](qmpsh::client::ClientBuilder::on_event).
    pub(crate) fn observe(&self, event: &Event) {
        self.events.fetch_add(1, Ordering::Relaxed);
        // Only the prompt shows the run state. A batch with a million events saves the decoding of their names.
        let is_followed = self.run_state_changes.receiver_count() > 0;
        if is_followed && RUN_STATE_CHANGES.contains(&&*event.name()) {
            self.expect_run_state_change();
        }
    }

    /// Counts the events after which the run state may be another one.
    pub(crate) fn run_state_changes(&self) -> watch::Receiver<u64> {
        self.run_state_changes.subscribe()
    }

    /// Notes that the run state may be another one.
    pub(crate) fn expect_run_state_change(&self) {
        self.run_state_changes.send_modify(|count| *count += 1);
    }

    /// How many events have come.
    pub(crate) fn event_count(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }
}
