//! What the session knows of jobs and of the migration: fed by every event that concerns them, from the first on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use qmpsh::client::Client;
use qmpsh::events::{Delivery, EventStream};
use qmpsh::jobs::{Jobs, Migration, concerns_jobs, concerns_migration};
use qmpsh::message::Event;

/// Keeps what events tell, whether anybody asks or not.
#[derive(Debug)]
pub(crate) struct JobMemory {
    known: Arc<Known>,
    /// It lets nothing through: all is done where events are let through, so that none waits and none is lost.
    _listening: Option<EventStream>,
}

#[derive(Debug, Default)]
struct Known {
    jobs: Mutex<Jobs>,
    migration: Mutex<Migration>,
    changed: Notify,
}

impl JobMemory {
    /// Made before the client connects, so that no event is missed. Without a command that could ask, `listens` is false,
    /// and events cost nothing here.
    pub(crate) fn new(client: &Client, listens: bool) -> Self {
        let known = Arc::new(Known::default());
        let listening = Arc::clone(&known);
        let look = move |event: &Event| {
            listening.on_event(event);
            false
        };
        Self { known, _listening: listens.then(|| client.events(Delivery::Newest { room: 0 }, look)) }
    }

    /// The jobs, as events and answers have told until now.
    pub(crate) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        lock(&self.known.jobs)
    }

    /// The migration, likewise.
    pub(crate) fn migration(&self) -> MutexGuard<'_, Migration> {
        lock(&self.known.migration)
    }

    /// Waits for the next event about a job or the migration, or returns at once if one came since the last time.
    /// Cancel safe.
    pub(crate) async fn changed(&self) {
        self.known.changed.notified().await;
    }

    /// Forgets everything: the session has ended, and the next peer may be another one.
    pub(crate) fn clear(&self) {
        self.jobs().clear();
        *self.migration() = Migration::default();
    }
}

impl Known {
    /// Called for every event, so what does not concern it costs no more than a look at its name.
    fn on_event(&self, event: &Event) {
        let name = event.name();
        let news = if concerns_jobs(&name) {
            lock(&self.jobs).on_event(event)
        } else {
            concerns_migration(&name) && lock(&self.migration).on_event(event)
        };
        if news {
            self.changed.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
