//! One job.

use serde::Serialize;

use super::Status;

/// How far a job has come. For block jobs these are bytes; a total of 1 tells nothing but whether it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub current: u64,
    /// What there is to do; it can grow.
    pub total: u64,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It has done what it was to do.
    Completed,
    /// It failed, with QEMU's error message; not safe to show as it is.
    Failed(&'a str),
    /// It failed, and was dismissed before anybody had asked why.
    FailedUnexplained,
    /// It was cancelled.
    Cancelled,
    /// It was there and is gone; this session did not see how it ended.
    Unknown,
}

/// How far a job is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Goal {
    /// Until `job-complete` can be given.
    Ready,
    /// Until `job-finalize` can be given.
    Pending,
    /// Until it is over.
    #[default]
    Concluded,
}

/// What a job or a migration needs from outside to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// It is ready: `job-complete`.
    Complete,
    /// It is pending: `job-finalize`.
    Finalize,
    /// It is paused: `job-resume`.
    Resume,
    /// It has stopped for an error of its disk: `job-resume`, once that is mended.
    Mend,
    /// A migration would switch over: `migrate-continue`.
    Continue,
    /// A migration has lost its connection: `migrate-recover` and `migrate-pause`.
    Recover,
}

/// A job, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Job {
    /// Its id; for a block job without one, the device's.
    pub id: String,
    /// What it does: `backup`, `mirror`, `create`; not known before the first query.
    pub kind: Option<String>,
    /// What it is at; `None`: only its end was told, as by a QEMU older than 3.0.
    pub status: Option<Status>,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// QEMU's error message.
    pub(super) error: Option<String>,
    /// It was told that the job was completed, or cancelled.
    pub(super) end: Option<End>,
    /// It has begun to abort.
    pub(super) aborted: bool,
    /// It has stopped for an error of its disk.
    pub(super) io_error: bool,
    /// No query shows it any more.
    pub(super) gone: bool,
    /// A query has shown it since the last event: only so is its error known.
    pub(super) was_asked: bool,
    /// When it was heard of first, among the jobs.
    pub(super) number: u64,
    /// The arrival of the last event that told what it is at, or what it was when the last answer was asked for.
    pub(super) heard: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Cancelled,
}

/// What QEMU says to the job that it was cancelled.
const CANCELLED: &str = "Operation canceled";

impl Job {
    pub(super) fn new(id: &str, number: u64) -> Self {
        Self {
            id: id.to_owned(),
            kind: None,
            status: None,
            progress: None,
            error: None,
            end: None,
            aborted: false,
            io_error: false,
            gone: false,
            was_asked: false,
            number,
            heard: 0,
        }
    }

    /// Whether no query shows it any more.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether it is over, with its end known as well as it ever will be.
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

    /// Whether it has concluded, and no query has said how yet: an event does not tell the error.
    pub fn is_to_be_asked(&self) -> bool {
        self.is_concluded() && !self.was_asked
    }

    /// Whether it stays until `job-dismiss`: it has concluded and a query has shown it after that.
    pub fn is_to_be_dismissed(&self) -> bool {
        self.is_concluded() && self.was_asked
    }

    fn is_concluded(&self) -> bool {
        !self.gone && self.status == Some(Status::Concluded)
    }

    /// Whether the last answer to a query is about what it is at: an event does not tell how far it has come.
    pub fn is_answered(&self) -> bool {
        self.was_asked
    }

    /// Whether it is where it was waited for to be, or beyond, and not over.
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

    /// What it needs from outside to go on, if anything.
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

    /// As `query-jobs` shows a job, on one line, with an `outcome` if it is over.
    pub fn to_json(&self) -> String {
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
        }
        let outcome = self.outcome();
        let shown = Shown {
            id: &self.id,
            kind: self.kind.as_deref(),
            // It was that before it went; `null` would say less.
            status: if outcome.is_some() { Some("concluded") } else { self.status.as_ref().map(Status::as_str) },
            current_progress: self.progress.map(|progress| progress.current),
            total_progress: self.progress.map(|progress| progress.total),
            outcome: outcome.map(Outcome::name),
            error: match outcome {
                Some(Outcome::Cancelled) => Some(CANCELLED),
                _ => self.error.as_deref(),
            },
        };
        // Strings and numbers: nothing in it can fail.
        serde_json::to_string(&shown).unwrap_or_default()
    }
}

impl Outcome<'_> {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed(_) | Outcome::FailedUnexplained => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::Unknown => "unknown",
        }
    }
}
