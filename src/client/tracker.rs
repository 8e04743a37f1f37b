//! What events and queries have told of jobs and the migration.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::jobs::{Jobs, Migration, concerns_jobs, concerns_migration};
use crate::message::Event;

/// The jobs and the migration of the current session.
#[derive(Debug, Default)]
pub struct Tracker {
    jobs: Mutex<Jobs>,
    migration: Mutex<Migration>,
    news: watch::Sender<u64>,
}

impl Tracker {
    /// Takes in an event. The task of the connection calls it with each, in order.
    pub(super) fn observe(&self, event: &Event) {
        let name = event.name_bytes();
        let is_news = if concerns_jobs(&name) {
            self.jobs().on_event(event)
        } else {
            concerns_migration(&name) && self.migration().on_event(event)
        };
        if is_news {
            self.tell();
        }
    }

    /// Wakes those that wait for news: something has come, or nothing will.
    pub(super) fn tell(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    /// Forgets everything: the next peer may be another one.
    pub(super) fn clear(&self) {
        self.jobs().clear();
        *self.migration() = Migration::default();
    }

    /// Returns the jobs, as events and replies have told.
    pub fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the migration, as events and replies have told.
    pub fn migration(&self) -> MutexGuard<'_, Migration> {
        self.migration.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a receiver that changes with each event about a job or the migration, and when the session ends.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}
