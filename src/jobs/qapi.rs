//! The events and replies about jobs and the migration, reduced to the members that are used.

use serde::Deserialize;
use serde_json::Number;

use super::job::Progress;

pub(super) const STATUS_CHANGE: &str = "JOB_STATUS_CHANGE";
pub(super) const COMPLETED: &str = "BLOCK_JOB_COMPLETED";
pub(super) const CANCELLED: &str = "BLOCK_JOB_CANCELLED";
pub(super) const READY: &str = "BLOCK_JOB_READY";
pub(super) const PENDING: &str = "BLOCK_JOB_PENDING";
pub(super) const ERROR: &str = "BLOCK_JOB_ERROR";
pub(super) const MIGRATION: &str = "MIGRATION";
pub(super) const MIGRATION_PASS: &str = "MIGRATION_PASS";

/// Returns true if events of this name are about jobs.
pub(crate) fn concerns_jobs(event: &[u8]) -> bool {
    event == STATUS_CHANGE.as_bytes() || event.starts_with(b"BLOCK_JOB_")
}

/// Returns true if events of this name are about a migration.
pub(crate) fn concerns_migration(event: &[u8]) -> bool {
    [MIGRATION, MIGRATION_PASS].iter().any(|name| event == name.as_bytes())
}

/// The `data` of `JOB_STATUS_CHANGE`.
#[derive(Deserialize)]
pub(super) struct StatusChange {
    pub(super) id: String,
    pub(super) status: String,
}

/// The `data` of a `BLOCK_JOB_…` event.
#[derive(Deserialize)]
pub(super) struct BlockJobEvent {
    /// `BLOCK_JOB_PENDING` calls it `id`.
    #[serde(alias = "id")]
    pub(super) device: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    len: Option<Number>,
    offset: Option<Number>,
    pub(super) error: Option<String>,
    /// What QEMU does about an error: `stop`, `report`, `ignore`.
    pub(super) action: Option<String>,
}

impl BlockJobEvent {
    pub(super) fn progress(&self) -> Option<Progress> {
        progress(self.offset.as_ref()?, self.len.as_ref()?)
    }
}

/// An element of what `query-jobs` or `query-block-jobs` returns.
#[derive(Deserialize)]
pub(super) struct JobInfo {
    #[serde(alias = "device")]
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// In `query-block-jobs` since QEMU 2.12.
    pub(super) status: Option<String>,
    #[serde(rename = "current-progress", alias = "offset")]
    current: Number,
    #[serde(rename = "total-progress", alias = "len")]
    total: Number,
    #[serde(default)]
    pub(super) paused: bool,
    #[serde(default)]
    pub(super) ready: bool,
    /// In `query-block-jobs` alone.
    pub(super) speed: Option<u64>,
    #[serde(rename = "io-status")]
    pub(super) io_status: Option<String>,
    pub(super) error: Option<String>,
}

impl JobInfo {
    pub(super) fn progress(&self) -> Option<Progress> {
        progress(&self.current, &self.total)
    }
}

/// The `data` of `MIGRATION`.
#[derive(Deserialize)]
pub(super) struct MigrationEvent {
    pub(super) status: String,
}

/// The `data` of `MIGRATION_PASS`.
#[derive(Deserialize)]
pub(super) struct MigrationPass {
    pub(super) pass: Number,
}

/// What `query-migrate` returns.
#[derive(Deserialize)]
pub(super) struct MigrationInfo {
    pub(super) status: Option<String>,
    #[serde(rename = "error-desc")]
    pub(super) error: Option<String>,
    pub(super) ram: Option<MigrationStats>,
    pub(super) disk: Option<MigrationStats>,
    /// Where it listens, if it comes in.
    #[serde(rename = "socket-address", default)]
    pub(super) socket_address: serde_json::Value,
    #[serde(rename = "total-time")]
    pub(super) total_time: Option<Number>,
    pub(super) downtime: Option<Number>,
}

/// The `ram` or `disk` of [`MigrationInfo`].
#[derive(Deserialize)]
pub(super) struct MigrationStats {
    pub(super) transferred: Number,
    pub(super) remaining: Number,
    pub(super) total: Number,
    pub(super) mbps: Number,
    #[serde(rename = "dirty-sync-count")]
    pub(super) passes: Number,
}

/// Returns the number as a count, or 0 if it is not one.
pub(super) fn count(number: &Number) -> u64 {
    number.as_u64().unwrap_or(0)
}

fn progress(current: &Number, total: &Number) -> Option<Progress> {
    Some(Progress { current: current.as_u64()?, total: total.as_u64()? })
}
