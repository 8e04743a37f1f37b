//! `exec:` and `ssh://`.

mod exec;
mod ssh;
mod sshd;

use std::fs;
use std::path::Path;

use crate::support::{DEADLINE, poll_until};

/// Waits until no process has this in its command line.
#[track_caller]
fn is_gone(mark: &Path) {
    is_gone_with("", mark);
}

/// Waits until no process has `before` and this in its command line.
#[track_caller]
fn is_gone_with(before: &str, mark: &Path) {
    let mark = format!("{before}{}", mark.display());
    let found = || {
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.find(|line| String::from_utf8_lossy(line).contains(&mark))
    };
    let gone = poll_until(DEADLINE, || found().is_none().then_some(()));
    assert!(gone.is_some(), "still there: {:?}", found().map(|line| line.escape_ascii().to_string()));
}
