//! `COMMAND | PIPELINE`: the rest of a line, run by `sh -c`, with the command's result on its stdin.
//!
//! It starts with the first result, so that nothing runs if the command fails. A command that prints nothing gives it an empty
//! stdin. `.follow` starts it at the beginning.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::{Buf as _, Bytes};
use nix::sys::signal::{self, SigSet, SigmaskHow};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::unix::pipe::Sender;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::status::{Failure, Status};
use qmpsh::text;
use qmpsh::transport::child::End;

/// How many characters of a pipeline a message shows.
const SHOWN: usize = 60;

/// How many pipelines run.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Whether the command of a batch that feeds a pipeline runs until Ctrl-C.
static RUNS_UNTIL_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Notifies that command of Ctrl-C.
static INTERRUPTED: Notify = Notify::const_new();

/// Sets whether the command of a batch that feeds a pipeline runs until Ctrl-C.
pub(crate) fn set_runs_until_interrupted(runs_until_interrupted: bool) {
    RUNS_UNTIL_INTERRUPTED.store(runs_until_interrupted, Ordering::Relaxed);
}

/// Handles Ctrl-C in a batch. Returns whether it is for a pipeline that runs, as with `system(3)`.
pub(crate) fn takes_interrupt() -> bool {
    if RUNS_UNTIL_INTERRUPTED.load(Ordering::Relaxed) {
        INTERRUPTED.notify_waiters();
    }
    RUNNING.load(Ordering::Relaxed) > 0
}

/// Waits for a Ctrl-C that ends a command without an end. Cancel safe.
pub(crate) async fn interrupted() {
    INTERRUPTED.notified().await;
}

/// A pipeline that gets results in place of stdout. It may not run yet.
pub(crate) struct Piped {
    text: String,
    pub(crate) running: Option<Pipeline>,
    /// The command runs until Ctrl-C.
    pub(crate) runs_until_interrupted: bool,
}

impl Piped {
    pub(crate) fn new(text: String) -> Self {
        Self { text, running: None, runs_until_interrupted: false }
    }

    /// Starts it, if it does not run yet.
    pub(crate) fn start(&mut self, group: Group) -> Result<&mut Pipeline, Failure> {
        match &mut self.running {
            Some(running) => Ok(running),
            none => {
                let pipeline = Pipeline::start(&self.text, group, self.runs_until_interrupted).map_err(|error| {
                    Failure::new(Status::CommandFailed, format!("cannot run {}: {error}", shown(&self.text)))
                })?;
                Ok(none.insert(pipeline))
            }
        }
    }

    /// The outcome of the line after the pipeline ended.
    pub(crate) fn result(&self, end: End) -> Result<(), Failure> {
        match end {
            _ if end.is_success() => Ok(()),
            End::Killed(signal) if signal == Signal::INT.as_raw() => Err(Failure::silent(Status::Interrupted)),
            end => Err(Failure::new(Status::CommandFailed, format!("{} {end}", shown(&self.text)))),
        }
    }
}

/// The pipeline in a sentence.
fn shown(pipeline: &str) -> String {
    format!("the pipeline `{}`", text::excerpt(pipeline.as_bytes(), SHOWN))
}

/// To which process group a pipeline belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// That of qmpsh: Ctrl-C and Ctrl-Z reach both.
    Ours,
    /// A group of its own, which can have the terminal.
    Own,
}

/// A pipeline that runs. When this is dropped, it gets the end of its stdin.
pub(crate) struct Pipeline {
    pid: Pid,
    group: Group,
    /// `None` if it is closed, or nobody reads it anymore.
    stdin: Option<Sender>,
    /// The group holder lives as long as this is open.
    _group_holder: Option<ChildStdin>,
    changes: UnboundedReceiver<Change>,
    end: Option<End>,
}

/// A change of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A signal stopped it, such as that of Ctrl-Z.
    Stopped(i32),
    /// Its group got Ctrl-C. It may go on, as a pager does.
    Interrupted,
    Ended(End),
}

impl Pipeline {
    /// Starts it. If the command runs until Ctrl-C, a group of its own notices Ctrl-C for it.
    fn start(text: &str, group: Group, runs_until_interrupted: bool) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(text).stdin(Stdio::piped());
        if group == Group::Own {
            command.process_group(0);
        }
        let mut child = spawn(&mut command)?;
        let pid = Pid::from_child(&child);
        // Only this end is non-blocking.
        let stdin = child.stdin.take().map(OwnedFd::from).map(Sender::from_owned_fd).transpose()?;
        let (sender, changes) = unbounded_channel();
        // Without a group holder, Ctrl-C ends the command with the pipeline.
        let group_holder =
            if runs_until_interrupted && group == Group::Own { group_holder(pid, sender.clone()).ok() } else { None };
        RUNNING.fetch_add(1, Ordering::Relaxed);
        let pipeline = Self { pid, group, stdin, _group_holder: group_holder.flatten(), changes, end: None };
        std::thread::Builder::new().name("pipeline".to_owned()).spawn(move || watch(pid, &sender))?;
        Ok(pipeline)
    }

    /// Writes `bytes`, and removes from it what was written. Returns a change of the pipeline that comes before the end: then call
    /// it again. If nobody reads, it drops the rest. Cancel safe.
    pub(crate) async fn write(&mut self, bytes: &mut Bytes) -> Option<Change> {
        while !bytes.is_empty() {
            let Some(stdin) = &self.stdin else {
                bytes.clear();
                return None;
            };
            tokio::select! {
                biased;
                change = self.changes.recv() => {
                    let change = change.unwrap_or(Change::Ended(End::Unknown));
                    if let Change::Ended(end) = change {
                        self.end = Some(end);
                        self.stdin = None;
                    }
                    return Some(change);
                }
                ready = stdin.writable() => match ready.and_then(|()| stdin.try_write(bytes)) {
                    Ok(written) => bytes.advance(written),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    // The reader has seen enough, as `head` does.
                    Err(_) => self.stdin = None,
                },
            }
        }
        None
    }

    /// Closes its stdin.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Whether nobody reads what is written.
    pub(crate) fn is_closed(&self) -> bool {
        self.stdin.is_none()
    }

    /// Waits until it stops or ends. Once it has ended, returns at once. Cancel safe.
    pub(crate) async fn change(&mut self) -> Change {
        if let Some(end) = self.end {
            return Change::Ended(end);
        }
        let change = self.changes.recv().await.unwrap_or(Change::Ended(End::Unknown));
        if let Change::Ended(end) = change {
            self.end = Some(end);
            self.stdin = None;
        }
        change
    }

    /// Waits until nobody reads its stdin. Cancel safe.
    pub(crate) async fn gone(&mut self) {
        if self.stdin.is_none() {
            return;
        }
        self.ended().await;
    }

    /// Waits until it stops or ends; forever once it has ended. Cancel safe.
    pub(crate) async fn next_change(&mut self) -> Change {
        if self.end.is_some() { std::future::pending().await } else { self.change().await }
    }

    /// Waits for its end. Cancel safe.
    pub(crate) async fn ended(&mut self) -> End {
        loop {
            if let Change::Ended(end) = self.change().await {
                return end;
            }
        }
    }

    /// Its process group, if it has one of its own and runs.
    pub(crate) fn own_group(&self) -> Option<Pid> {
        (self.group == Group::Own && self.end.is_none()).then_some(self.pid)
    }

    /// Sends a signal to the whole pipeline, if it has a group of its own and runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.own_group() {
            // An error means that it has ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Starts a child that heeds Ctrl-Z. A child inherits the signal mask of the thread that starts it, which may block Ctrl-Z.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let found = SigSet::from(signal::SIGTSTP).thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
    let spawned = command.spawn();
    found.thread_set_mask()?;
    spawned
}

/// Starts a process in the group of a pipeline that only waits. Ctrl-C ends it even where a pager ignores Ctrl-C.
fn group_holder(group: Pid, changes: UnboundedSender<Change>) -> io::Result<Option<ChildStdin>> {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(command.process_group(group.as_raw_pid()))?;
    let stdin = child.stdin.take();
    std::thread::Builder::new().name("group_holder".to_owned()).spawn(move || {
        if child.wait().is_ok_and(|status| status.signal() == Some(Signal::INT.as_raw())) {
            // An error means that nobody waits for changes anymore.
            let _ = changes.send(Change::Interrupted);
        }
    })?;
    Ok(stdin)
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends each change of a child, and reaps it.
fn watch(pid: Pid, changes: &UnboundedSender<Change>) {
    loop {
        let end = match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::STOPPED) {
            Err(Errno::INTR) => continue,
            Err(_) | Ok(None) => End::Unknown,
            Ok(Some(status)) if status.stopped() => {
                // An error means that nobody waits for changes anymore.
                let _ = changes.send(Change::Stopped(status.stopping_signal().unwrap_or_default()));
                continue;
            }
            Ok(Some(status)) => {
                let exited = status.exit_status().map(End::Exited);
                exited.or(status.terminating_signal().map(End::Killed)).unwrap_or(End::Unknown)
            }
        };
        let _ = changes.send(Change::Ended(end));
        return;
    }
}
