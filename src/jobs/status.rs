//! What a job is at.

use std::fmt;

/// What a job is at. Source: `JobStatus` in QEMU's `job.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is there, and has not begun.
    Created,
    /// It is at work.
    Running,
    /// It has stopped by request or for an error, and can go on.
    Paused,
    /// It has done its part and keeps it up to date, until `job-complete` (or `job-cancel`).
    Ready,
    /// Paused while it was ready.
    Standby,
    /// It waits for the other jobs of its transaction.
    Waiting,
    /// It waits for `job-finalize`.
    Pending,
    /// It failed or was cancelled, and tidies up.
    Aborting,
    /// It is over; with `auto-dismiss` off it waits for `job-dismiss`.
    Concluded,
    /// It is gone.
    Null,
    /// One that a newer QEMU may have.
    Other(String),
}

impl Status {
    /// As QEMU spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Ready => "ready",
            Status::Standby => "standby",
            Status::Waiting => "waiting",
            Status::Pending => "pending",
            Status::Aborting => "aborting",
            Status::Concluded => "concluded",
            Status::Null => "null",
            Status::Other(name) => name,
        }
    }
}

impl From<&str> for Status {
    fn from(name: &str) -> Self {
        match name {
            "created" => Status::Created,
            "running" => Status::Running,
            "paused" => Status::Paused,
            "ready" => Status::Ready,
            "standby" => Status::Standby,
            "waiting" => Status::Waiting,
            "pending" => Status::Pending,
            "aborting" => Status::Aborting,
            "concluded" => Status::Concluded,
            "null" => Status::Null,
            name => Status::Other(name.to_owned()),
        }
    }
}

/// As QEMU spells it; not safe to show as it is.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
