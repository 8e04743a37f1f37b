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

/// How QEMU spells them.
const NAMES: [(Status, &str); 10] = [
    (Status::Created, "created"),
    (Status::Running, "running"),
    (Status::Paused, "paused"),
    (Status::Ready, "ready"),
    (Status::Standby, "standby"),
    (Status::Waiting, "waiting"),
    (Status::Pending, "pending"),
    (Status::Aborting, "aborting"),
    (Status::Concluded, "concluded"),
    (Status::Null, "null"),
];

impl Status {
    /// The name that QEMU gives it.
    pub fn as_str(&self) -> &str {
        match self {
            Status::Other(name) => name,
            known => NAMES.iter().find(|(status, _)| status == known).map_or("", |(_, name)| name),
        }
    }
}

impl From<&str> for Status {
    fn from(name: &str) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Status::Other(name.to_owned()), |(status, _)| status.clone())
    }
}

/// As QEMU spells it; not safe to show as it is.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
