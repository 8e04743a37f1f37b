//! The state of jobs and of a migration, as events and replies to queries tell it. No I/O.
//!
//! A job may end before the command that started it is answered, and then no query knows it anymore. So its events are kept.
//! The error of a job that has to be dismissed is in no event, only in `query-jobs`. So both are needed, with the order in
//! which they came ([`Event::arrival`](crate::message::Event::arrival)).
//! Source: docs/qmp.md, "Events"; docs/qmp.md, "Jobs"; QEMU's `job.json`, `block-core.json` and `migration.json`.
//!
//! ```
//! use qmpsh::jobs::{Jobs, Outcome};
//!
//! let mut jobs = Jobs::default();
//! let reply = br#"[{"id": "c1", "type": "create", "status": "concluded", "current-progress": 1, "total-progress": 1,
//!                   "error": "Could not create '/missing/x'"}]"#;
//! let asked = jobs.latest();
//! jobs.on_query(reply, asked, true);
//! let job = jobs.get("c1").ok_or("not there")?;
//! assert_eq!(job.outcome(), Some(Outcome::Failed("Could not create '/missing/x'")));
//! assert!(job.is_to_be_dismissed());
//! # Ok::<_, &str>(())
//! ```

mod history;
mod job;
mod migration;
mod qapi;
#[cfg(test)]
#[path = "samples_tests.rs"]
mod samples;
mod status;

pub use history::{Jobs, REMEMBERED};
pub use job::{Attention, Goal, Job, Outcome, Progress};
pub use migration::{Migration, MigrationOutcome, MigrationPhase};
pub(crate) use qapi::{concerns_jobs, concerns_migration};
pub use status::Status;
