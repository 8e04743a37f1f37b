//! The one migration of a QEMU.

use super::memory::kept;
use super::wire::{self, MigrationEvent, MigrationInfo, MigrationPass, MigrationStats};
use super::{Attention, Progress};
use crate::message::Event;

/// What a migration is at. Source: `MigrationStatus` in QEMU's `migration.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationPhase {
    /// None has begun.
    None,
    /// It is at work.
    Working,
    /// It waits for a command or for the other side.
    Waiting,
    /// It is over.
    Over(MigrationOutcome),
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationOutcome {
    /// The guest is on the other side.
    Completed,
    /// The guest stays where it was.
    Failed,
    /// It was given up by request.
    Cancelled,
}

/// The migration, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Migration {
    status: Option<String>,
    error: Option<String>,
    progress: Option<Progress>,
    transferred: u64,
    megabits: f64,
    pass: u64,
    /// The status in the last answer to `query-migrate`.
    answered: Option<String>,
    heard: u64,
}

impl Migration {
    /// Something happened; whether it is about the migration. Such events come with the capability `events` only.
    pub fn on_event(&mut self, event: &Event) -> bool {
        let data = event.data().unwrap_or_default();
        let data = &*data;
        match &*event.name() {
            wire::MIGRATION => {
                let Ok(told) = serde_json::from_slice::<MigrationEvent<'_>>(data) else { return false };
                if told.status == "setup" {
                    // Another one begins.
                    *self = Self::default();
                }
                self.status = Some(kept(&told.status));
                self.heard = event.arrival();
                true
            }
            wire::MIGRATION_PASS => {
                let Ok(told) = serde_json::from_slice::<MigrationPass>(data) else { return false };
                self.pass = wire::count(&told.pass);
                true
            }
            _ => false,
        }
    }

    /// The arrival of the last event about it: how old an answer may be whose question is asked now.
    pub fn latest(&self) -> u64 {
        self.heard
    }

    /// What `query-migrate` returned that was asked when the latest event was `asked`. False: that is not what it returns.
    pub fn on_query(&mut self, result: &[u8], asked: u64) -> bool {
        // An array would do for a structure.
        let is_object = result.trim_ascii_start().starts_with(b"{");
        let Ok(info) = serde_json::from_slice::<MigrationInfo<'_>>(result) else { return false };
        if !is_object {
            return false;
        }
        self.answered = info.status.as_deref().map(kept);
        if self.answered.is_some() && self.heard <= asked {
            self.status.clone_from(&self.answered);
        }
        // What was told of a failure before a new beginning is forgotten with it.
        self.error = info.error.as_deref().map(kept);
        let parts: Vec<&MigrationStats> = info.ram.iter().chain(&info.disk).collect();
        if !parts.is_empty() {
            let sum = |of: fn(&MigrationStats) -> u64| parts.iter().map(|part| of(part)).fold(0, u64::saturating_add);
            let total = sum(|part| wire::count(&part.total));
            let remaining = sum(|part| wire::count(&part.remaining));
            self.progress = Some(Progress { current: total.saturating_sub(remaining), total });
            self.transferred = sum(|part| wire::count(&part.transferred));
            self.megabits = parts.iter().filter_map(|part| part.mbps.as_f64()).sum();
            self.pass = self.pass.max(wire::count(&parts[0].passes));
        }
        true
    }

    /// Whether there is one, and what it is at.
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

    /// Whether the last answer to `query-migrate` is about what it is at: an event tells neither the error nor the amounts.
    pub fn is_answered(&self) -> bool {
        self.answered == self.status
    }

    /// What it needs from outside to go on, if anything.
    pub fn attention(&self) -> Option<Attention> {
        match self.status.as_deref() {
            Some("pre-switchover") => Some(Attention::Continue),
            Some("postcopy-paused") => Some(Attention::Recover),
            _ => None,
        }
    }

    /// Its status, as QEMU spells it; not safe to show as it is.
    pub fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("none")
    }

    /// QEMU's error message; not safe to show as it is.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// How many bytes of the guest's memory and disks need not be sent any more, of how many.
    pub fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// How many bytes were sent.
    pub fn transferred(&self) -> u64 {
        self.transferred
    }

    /// Bytes a second, by the peer's own measure.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rough number, and `as` saturates")]
    pub fn rate(&self) -> u64 {
        (self.megabits * 1e6 / 8.0) as u64
    }

    /// How many times the memory has been gone through.
    pub fn pass(&self) -> u64 {
        self.pass
    }
}

#[cfg(test)]
#[path = "migration_tests.rs"]
mod tests;
