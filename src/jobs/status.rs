//! The status of a job.

/// The status of a job. Source: `JobStatus` in QEMU's `job.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It exists and has not begun.
    Created,
    /// It is working.
    Running,
    /// It has stopped, by request or for an error, and can go on.
    Paused,
    /// It is done and keeps the copy up to date, until `job-complete` or `job-cancel`.
    Ready,
    /// It was paused while it was ready.
    Standby,
    /// It waits for the other jobs of its transaction.
    Waiting,
    /// It waits for `job-finalize`.
    Pending,
    /// It failed or was canceled, and cleans up.
    Aborting,
    /// It has ended; with `auto-dismiss` off it waits for `job-dismiss`.
    Concluded,
    /// It is gone.
    Null,
    /// A status that a newer QEMU may have.
    Other(String),
}

/// QEMU's names.
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
    /// Returns QEMU's name for it; not safe to show as it is.
    pub fn as_str(&self) -> &str {
        match self {
            Status::Other(name) => name,
            known => NAMES.iter().find(|(status, _)| status == known).map_or("", |(_, name)| name),
        }
    }

    /// Returns true if the job has stopped and can go on.
    pub(super) fn is_paused(&self) -> bool {
        matches!(self, Status::Paused | Status::Standby)
    }
}

impl From<&str> for Status {
    fn from(name: &str) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Status::Other(name.to_owned()), |(status, _)| status.clone())
    }
}
