//! One job.

use std::time::Duration;

use serde::Serialize;

use super::status::Status;

/// The progress of a job. For block jobs these are bytes; a total of 1 only says whether the job has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub current: u64,
    /// What there is to do in all; it can grow.
    pub total: u64,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It succeeded.
    Completed,
    /// It failed, with QEMU's error message; not safe to show as it is.
    Failed(&'a str),
    /// It failed, and was dismissed before a query could ask why.
    FailedUnexplained,
    /// It was canceled.
    Cancelled,
    /// It existed and is gone; this session did not see how it ended.
    Unknown,
}

/// The point up to which a wait for a job goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Goal {
    /// Until `job-complete` can be given.
    Ready,
    /// Until `job-finalize` can be given.
    Pending,
    /// Until it has ended.
    #[default]
    Concluded,
}

/// What a job or a migration needs from the user to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// It is ready: `job-complete`.
    Complete,
    /// It is pending: `job-finalize`.
    Finalize,
    /// It is paused: `job-resume`.
    Resume,
    /// It has stopped for an I/O error: `job-resume`, once the disk is repaired.
    Mend,
    /// A migration is ready to switch over: `migrate-continue`.
    Continue,
    /// A migration is to come in, and QEMU does not listen for it yet: `migrate-incoming`.
    Incoming,
    /// A migration has lost its connection: `migrate-recover` and `migrate-pause`.
    Recover,
}

/// A job, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Job {
    /// Its id; for a block job without one, the id of the device.
    pub id: String,
    /// Its type: `backup`, `mirror`, `create`; unknown before the first query.
    pub kind: Option<String>,
    /// Its status; `None` if only its end is known, as with a QEMU older than 3.0.
    pub status: Option<Status>,
    /// Its progress.
    pub progress: Option<Progress>,
    /// The most bytes a second that it copies; 0 without a limit. `None` before the first `query-block-jobs`.
    pub speed: Option<u64>,
    /// QEMU's error message.
    pub(super) error: Option<String>,
    /// How it ended, from an event.
    pub(super) end: Option<End>,
    /// It has begun to abort.
    pub(super) aborted: bool,
    /// It has stopped for an I/O error.
    pub(super) io_error: bool,
    /// When it began and ended, in microseconds since 1970 by the peer's clock, if events told.
    pub(super) began: Option<i64>,
    pub(super) ended: Option<i64>,
    /// No query shows it anymore.
    pub(super) gone: bool,
    /// A query has shown it since the last event. Only a query has its error.
    pub(super) was_asked: bool,
    /// Its place in the order in which the jobs were first seen.
    pub(super) number: u64,
    /// The arrival of the last event about it, or the last event before the last query that showed it.
    pub(super) heard: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Cancelled,
}

/// QEMU's error message of a job that was canceled.
const CANCELLED: &str = "Operation canceled";

impl Job {
    pub(super) fn new(id: &str, number: u64) -> Self {
        Self { id: id.to_owned(), number, ..Self::default() }
    }

    /// Returns true if no query shows it anymore.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Returns how it ended, once it has ended and no more can be learned about it.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        let concluded = self.status == Some(Status::Concluded);
        if !self.gone && !concluded {
            return None;
        }
        Some(match (&self.error, self.end) {
            (_, Some(End::Cancelled)) => Outcome::Cancelled,
            (Some(error), _) if error == CANCELLED => Outcome::Cancelled,
            (Some(error), _) => Outcome::Failed(error),
            (None, _) if self.aborted => Outcome::FailedUnexplained,
            (None, Some(End::Completed)) => Outcome::Completed,
            (None, None) if concluded => Outcome::Completed,
            (None, None) => Outcome::Unknown,
        })
    }

    /// Returns how long it took, once it has ended; `None` if this session did not see its beginning and its end.
    pub fn took(&self) -> Option<Duration> {
        let took = self.ended?.checked_sub(self.began?)?;
        u64::try_from(took).ok().map(Duration::from_micros)
    }

    /// Returns true if it has concluded and no query has said how: an event does not have the error.
    pub fn is_to_be_asked(&self) -> bool {
        self.is_concluded() && !self.was_asked
    }

    /// Returns true if it stays until `job-dismiss`: it has concluded, and a query has shown it after that.
    pub fn is_to_be_dismissed(&self) -> bool {
        self.is_concluded() && self.was_asked
    }

    fn is_concluded(&self) -> bool {
        !self.gone && self.status == Some(Status::Concluded)
    }

    /// Returns true if a query has shown it since the last event: an event does not have the progress.
    pub fn is_answered(&self) -> bool {
        self.was_asked
    }

    /// Returns true if it has reached the goal and has not ended.
    pub fn has_reached(&self, goal: Goal) -> bool {
        match goal {
            _ if self.gone => false,
            Goal::Ready => {
                matches!(self.status, Some(Status::Ready | Status::Standby | Status::Waiting | Status::Pending))
            }
            Goal::Pending => self.status == Some(Status::Pending),
            Goal::Concluded => false,
        }
    }

    /// Returns what it needs from the user to go on, if anything.
    pub fn attention(&self) -> Option<Attention> {
        match self.status.as_ref()? {
            _ if self.gone => None,
            Status::Ready => Some(Attention::Complete),
            Status::Pending => Some(Attention::Finalize),
            Status::Paused | Status::Standby if self.io_error => Some(Attention::Mend),
            Status::Paused | Status::Standby => Some(Attention::Resume),
            _ => None,
        }
    }

    /// Returns the job as `query-jobs` has it, on one line, with an `outcome` if it has ended.
    pub fn to_json(&self) -> String {
        self.json(false)
    }

    /// Returns the job like [`to_json`](Self::to_json), with `"dismissed": true` if no query shows it anymore.
    pub fn to_listed_json(&self) -> String {
        self.json(self.gone)
    }

    fn json(&self, dismissed: bool) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Shown<'a> {
            id: &'a str,
            #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
            kind: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            current_progress: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            total_progress: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            outcome: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            dismissed: bool,
        }
        let outcome = self.outcome();
        let shown = Shown {
            id: &self.id,
            kind: self.kind.as_deref(),
            // It was that before it went; `null` says less.
            status: if outcome.is_some() { Some("concluded") } else { self.status.as_ref().map(Status::as_str) },
            current_progress: self.progress.map(|progress| progress.current),
            total_progress: self.progress.map(|progress| progress.total),
            outcome: outcome.map(Outcome::name),
            error: match outcome {
                Some(Outcome::Cancelled) => Some(CANCELLED),
                _ => self.error.as_deref(),
            },
            dismissed,
        };
        // Strings and numbers cannot fail to serialize.
        serde_json::to_string(&shown).unwrap_or_default()
    }
}

impl Outcome<'_> {
    /// Returns a word for it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed(_) | Outcome::FailedUnexplained => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::Unknown => "unknown",
        }
    }
}
