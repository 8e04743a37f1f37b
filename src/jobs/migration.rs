//! The one migration of a QEMU.

use std::time::Duration;

use super::history::kept;
use super::job::{Attention, Progress};
use super::qapi::{self, MigrationEvent, MigrationInfo, MigrationPass, MigrationStats};
use crate::message::Event;
use serde_json::Number;

/// The phase of a migration. Source: `MigrationStatus` in QEMU's `migration.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationPhase {
    /// No migration has begun.
    None,
    /// It is working.
    Working,
    /// It waits for a command or for the other host.
    Waiting,
    /// It has ended.
    Over(MigrationOutcome),
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationOutcome {
    /// The guest runs on the other host.
    Completed,
    /// The guest stays on this host.
    Failed,
    /// It was canceled by request.
    Cancelled,
}

/// The migration, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Migration {
    /// QEMU's error message; not safe to show as it is.
    pub error: Option<String>,
    /// How many bytes of the guest's memory and disks need not be sent anymore, of how many.
    pub progress: Option<Progress>,
    /// How many bytes were sent.
    pub transferred: u64,
    /// How many times QEMU has sent the changed memory.
    pub pass: u64,
    /// How long it has taken.
    pub took: Option<Duration>,
    /// How long the guest stood still, once it is known.
    pub downtime: Option<Duration>,
    status: Option<String>,
    /// Megabits a second, as QEMU measures them.
    megabits: f64,
    /// It listens for the other host.
    listens: bool,
    /// The status in the last reply to `query-migrate`.
    answered: Option<String>,
    heard: u64,
}

impl Migration {
    /// Takes in an event. Returns true if it is about the migration. Such events need the migration capability `events`.
    pub fn on_event(&mut self, event: &Event) -> bool {
        let data = event.raw_data().unwrap_or_default();
        let data = &*data;
        match &*event.name() {
            qapi::MIGRATION => {
                let Ok(told) = serde_json::from_slice::<MigrationEvent>(data) else { return false };
                if told.status == "setup" {
                    // A new migration begins.
                    *self = Self::default();
                }
                self.status = Some(kept(&told.status));
                self.heard = event.arrival();
                true
            }
            qapi::MIGRATION_PASS => {
                let Ok(told) = serde_json::from_slice::<MigrationPass>(data) else { return false };
                self.pass = qapi::count(&told.pass);
                true
            }
            _ => false,
        }
    }

    /// Returns the arrival of the last event about the migration. Read it before sending a query.
    pub fn latest(&self) -> u64 {
        self.heard
    }

    /// Takes in what `query-migrate` returned. `asked` is what [`latest`](Self::latest) was when it was sent. Returns false if
    /// `result` is not what the command returns.
    pub fn on_query(&mut self, result: &[u8], asked: u64) -> bool {
        // serde would also take an array.
        let is_object = result.trim_ascii_start().starts_with(b"{");
        let Ok(info) = serde_json::from_slice::<MigrationInfo>(result) else { return false };
        if !is_object {
            return false;
        }
        self.answered = info.status.as_deref().map(kept);
        if self.answered.is_some() && self.heard <= asked {
            self.status.clone_from(&self.answered);
        }
        self.listens = !info.socket_address.is_null();
        // An error of an earlier migration is forgotten.
        self.error = info.error.as_deref().map(kept);
        let millis = |number: Option<Number>| Some(Duration::from_millis(number?.as_u64()?));
        self.took = millis(info.total_time);
        self.downtime = millis(info.downtime);
        let parts: Vec<&MigrationStats> = info.ram.iter().chain(&info.disk).collect();
        if !parts.is_empty() {
            let sum = |of: fn(&MigrationStats) -> u64| parts.iter().map(|part| of(part)).fold(0, u64::saturating_add);
            let total = sum(|part| qapi::count(&part.total));
            let remaining = sum(|part| qapi::count(&part.remaining));
            self.progress = Some(Progress { current: total.saturating_sub(remaining), total });
            self.transferred = sum(|part| qapi::count(&part.transferred));
            self.megabits = parts.iter().filter_map(|part| part.mbps.as_f64()).sum();
            self.pass = self.pass.max(qapi::count(&parts[0].passes));
        }
        true
    }

    /// Returns the phase.
    pub fn phase(&self) -> MigrationPhase {
        match self.status.as_deref() {
            None | Some("none") => MigrationPhase::None,
            Some("completed") => MigrationPhase::Over(MigrationOutcome::Completed),
            Some("failed") => MigrationPhase::Over(MigrationOutcome::Failed),
            Some("cancelled") => MigrationPhase::Over(MigrationOutcome::Cancelled),
            Some("pre-switchover" | "postcopy-paused") => MigrationPhase::Waiting,
            Some(_) => MigrationPhase::Working,
        }
    }

    /// Returns true if the last reply to `query-migrate` is about the current status. An event has neither the error nor the
    /// amounts.
    pub fn is_answered(&self) -> bool {
        self.answered == self.status
    }

    /// Returns true if the last reply to `query-migrate` has an address where QEMU listens for the other host.
    pub fn listens(&self) -> bool {
        self.listens
    }

    /// Returns what it needs from the user to go on, if anything.
    pub fn attention(&self) -> Option<Attention> {
        match self.status.as_deref() {
            Some("pre-switchover") => Some(Attention::Continue),
            Some("postcopy-paused") => Some(Attention::Recover),
            _ => None,
        }
    }

    /// Returns QEMU's name of its status; not safe to show as it is.
    pub fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("none")
    }

    /// Returns the bytes sent a second, as QEMU measures them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rough number, and `as` saturates")]
    pub fn rate(&self) -> u64 {
        (self.megabits * 1e6 / 8.0) as u64
    }
}

#[cfg(test)]
#[path = "migration_tests.rs"]
mod tests;
