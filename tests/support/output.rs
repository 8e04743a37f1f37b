//! The status and output of a program that has ended.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;

use rustix::process::Signal;
use tempfile::TempDir;

use super::excerpt;

/// What a program left when it ended. The asserting methods show all of it when they fail.
#[derive(Debug)]
pub struct Output {
    pub(super) command: String,
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) home: Arc<TempDir>,
}

impl Output {
    #[track_caller]
    pub fn stdout(&self, expected: &str) -> &Self {
        self.check(self.stdout == expected.as_bytes(), &format!("stdout {}", excerpt(expected.as_bytes())))
    }

    #[track_caller]
    pub fn stdout_contains(&self, part: &str) -> &Self {
        self.check(self.stdout_text().contains(part), &format!("stdout with {part:?}"))
    }

    #[track_caller]
    pub fn stderr(&self, expected: &str) -> &Self {
        self.check(self.stderr == expected.as_bytes(), &format!("stderr {}", excerpt(expected.as_bytes())))
    }

    #[track_caller]
    pub fn stderr_contains(&self, part: &str) -> &Self {
        self.check(self.stderr_text().contains(part), &format!("stderr with {part:?}"))
    }

    #[track_caller]
    pub fn status(&self, expected: i32) -> &Self {
        self.check(self.status.code() == Some(expected), &format!("status {expected}"))
    }

    #[track_caller]
    pub fn ended_by(&self, signal: Signal) -> &Self {
        self.check(self.status.signal() == Some(signal.as_raw()), &format!("an end by {signal:?}"))
    }

    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    #[track_caller]
    fn check(&self, holds: bool, expected: &str) -> &Self {
        assert!(holds, "expected {expected}\n{self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "$ {}\n{}\n", self.command, self.status)?;
        write!(f, "stdout: {}\nstderr: {}", excerpt(&self.stdout), excerpt(&self.stderr))
    }
}
