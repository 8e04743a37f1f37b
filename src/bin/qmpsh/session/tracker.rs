//! What the events of a session tell: jobs, the migration, and changes of the run state.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use qmpsh::jobs::{Jobs, Migration, concerns_jobs, concerns_migration};
use qmpsh::message::Event;

/// The events after which a VM may be in another run state.
///
/// QEMU sends `STOP` after a panic, a disk error and the watchdog, and after `SHUTDOWN` where it stays. Where `SHUTDOWN` ends it, a
/// query would be lost and turn the end of the connection into a reset. Source: QEMU's `qapi/run-state.json`.
const RUN_STATE_CHANGES: [&str; 6] = ["STOP", "RESUME", "RESET", "SUSPEND", "WAKEUP", "MIGRATION"];

/// Follows every event from the first on.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    jobs: Mutex<Jobs>,
    migration: Mutex<Migration>,
    job_news: Notify,
    run_state_changes: watch::Sender<u64>,
    events: AtomicU64,
}

impl Tracker {
    /// Takes in an event; see [`ClientBuilder::on_event`](qmpsh::client::ClientBuilder::on_event).
    pub(crate) fn observe(&self, event: &Event) {
        self.events.fetch_add(1, Ordering::Relaxed);
        let name = event.name();
        if RUN_STATE_CHANGES.contains(&&*name) {
            self.expect_run_state_change();
        }
        let is_news = if concerns_jobs(&name) {
            lock(&self.jobs).on_event(event)
        } else {
            concerns_migration(&name) && lock(&self.migration).on_event(event)
        };
        if is_news {
            self.job_news.notify_one();
        }
    }

    /// The jobs, as events and replies have told.
    pub(crate) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.jobs)
    }

    /// The migration, as events and replies have told.
    pub(crate) fn migration(&self) -> MutexGuard<'_, Migration> {
        lock(&self.migration)
    }

    /// Waits for an event about a job or the migration, or returns at once if one came since the last call. Cancel safe.
    pub(crate) async fn job_news(&self) {
        self.job_news.notified().await;
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

    /// Forgets jobs and migration: the next peer may be another one.
    pub(crate) fn clear(&self) {
        self.jobs().clear();
        *self.migration() = Migration::default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
