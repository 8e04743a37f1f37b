//! The events and replies, as far as they are of use here. What does not look like them is passed over.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Number;

use super::Progress;

pub(super) const STATUS_CHANGE: &str = "JOB_STATUS_CHANGE";
pub(super) const COMPLETED: &str = "BLOCK_JOB_COMPLETED";
pub(super) const CANCELLED: &str = "BLOCK_JOB_CANCELLED";
pub(super) const READY: &str = "BLOCK_JOB_READY";
pub(super) const PENDING: &str = "BLOCK_JOB_PENDING";
pub(super) const ERROR: &str = "BLOCK_JOB_ERROR";
pub(super) const MIGRATION: &str = "MIGRATION";
pub(super) const MIGRATION_PASS: &str = "MIGRATION_PASS";

/// The `data` of `JOB_STATUS_CHANGE`.
#[derive(Deserialize)]
pub(super) struct StatusChange<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
}

/// The `data` of a `BLOCK_JOB_…` event.
#[derive(Deserialize)]
pub(super) struct BlockJobEvent<'a> {
    /// `BLOCK_JOB_PENDING` calls it `id`.
    #[serde(borrow, alias = "id")]
    pub(super) device: Cow<'a, str>,
    #[serde(borrow, rename = "type", default)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) len: Option<Number>,
    #[serde(default)]
    pub(super) offset: Option<Number>,
    #[serde(borrow, default)]
    pub(super) error: Option<Cow<'a, str>>,
    /// What is done about an error: `stop`, `report`, `ignore`.
    #[serde(borrow, default)]
    pub(super) action: Option<Cow<'a, str>>,
}

impl BlockJobEvent<'_> {
    pub(super) fn progress(&self) -> Option<Progress> {
        progress(self.offset.as_ref()?, self.len.as_ref()?)
    }
}

/// One of `query-jobs`.
#[derive(Deserialize)]
pub(super) struct JobInfo<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(rename = "current-progress")]
    current: Number,
    #[serde(rename = "total-progress")]
    total: Number,
    #[serde(borrow, default)]
    pub(super) error: Option<Cow<'a, str>>,
}

impl JobInfo<'_> {
    pub(super) fn progress(&self) -> Option<Progress> {
        progress(&self.current, &self.total)
    }
}

/// One of `query-block-jobs`.
#[derive(Deserialize)]
pub(super) struct BlockJobInfo<'a> {
    #[serde(borrow)]
    pub(super) device: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    len: Number,
    offset: Number,
    #[serde(default)]
    pub(super) paused: bool,
    #[serde(default)]
    pub(super) ready: bool,
    #[serde(borrow, rename = "io-status", default)]
    pub(super) io_status: Option<Cow<'a, str>>,
    /// Since QEMU 2.12.
    #[serde(borrow, default)]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) error: Option<Cow<'a, str>>,
}

impl BlockJobInfo<'_> {
    pub(super) fn progress(&self) -> Option<Progress> {
        progress(&self.offset, &self.len)
    }
}

/// The `data` of `MIGRATION`.
#[derive(Deserialize)]
pub(super) struct MigrationEvent<'a> {
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
}

/// The `data` of `MIGRATION_PASS`.
#[derive(Deserialize)]
pub(super) struct MigrationPass {
    pub(super) pass: Number,
}

/// What `query-migrate` returns.
#[derive(Deserialize)]
pub(super) struct MigrationInfo<'a> {
    #[serde(borrow, default)]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "error-desc")]
    pub(super) error: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) ram: Option<MigrationStats>,
    #[serde(default)]
    pub(super) disk: Option<MigrationStats>,
}

/// Its `ram` and `disk`.
#[derive(Deserialize)]
pub(super) struct MigrationStats {
    pub(super) transferred: Number,
    pub(super) remaining: Number,
    pub(super) total: Number,
    pub(super) mbps: Number,
    #[serde(rename = "dirty-sync-count")]
    pub(super) passes: Number,
}

/// The number as a count; 0 if it is not one.
pub(super) fn count(number: &Number) -> u64 {
    number.as_u64().unwrap_or(0)
}

fn progress(current: &Number, total: &Number) -> Option<Progress> {
    Some(Progress { current: current.as_u64()?, total: total.as_u64()? })
}
