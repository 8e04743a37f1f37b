//! `COMMAND | PIPELINE`: the rest of a line, run by `sh -c`, with the command's result on its stdin.
//!
//! It starts with the first result, so that nothing runs if the command fails. If the command prints nothing, its stdin is empty.
//! `.follow` starts it before the first event.

use std::fs::DirEntry;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::{Buf as _, Bytes};
use nix::sys::signal::{self, SigSet, SigmaskHow};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::net::unix::pipe::Sender;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::status::{Failure, Status};
use qmpsh::error::describe;
use qmpsh::text;
use qmpsh::transport::child::End;

/// How many characters of a pipeline a message shows.
const SHOWN: usize = 60;

/// Added to the number of the signal in a shell's exit status for a command that a signal ended.
const BY_SIGNAL: i32 = 128;

/// The number of running pipelines.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The command of a batch that feeds a pipeline runs until Ctrl-C.
static RUNS_UNTIL_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Notifies that command of Ctrl-C.
static INTERRUPTED: Notify = Notify::const_new();

/// Sets whether the command of a batch that feeds a pipeline runs until Ctrl-C.
pub(crate) fn set_runs_until_interrupted(runs_until_interrupted: bool) {
    RUNS_UNTIL_INTERRUPTED.store(runs_until_interrupted, Ordering::Relaxed);
}

/// Handles Ctrl-C in a batch. Returns true if it is for a running pipeline, as with `system(3)`.
pub(crate) fn takes_interrupt() -> bool {
    if RUNS_UNTIL_INTERRUPTED.load(Ordering::Relaxed) {
        INTERRUPTED.notify_waiters();
    }
    RUNNING.load(Ordering::Relaxed) > 0
}

/// Waits for a Ctrl-C that ends a command such as `.follow`. Cancel safe.
pub(crate) async fn interrupted() {
    INTERRUPTED.notified().await;
}

/// A pipeline that gets results in place of stdout. It may not run yet.
pub(crate) struct Piped {
    text: String,
    pub(crate) running: Option<Pipeline>,
    /// The command runs until Ctrl-C.
    pub(crate) runs_until_interrupted: bool,
    is_pager: bool,
}

impl Piped {
    pub(crate) fn new(text: String) -> Self {
        Self { text, running: None, runs_until_interrupted: false, is_pager: false }
    }

    /// A pager. Unless the user has other options for `less`, it shows colors, as with git.
    pub(crate) fn pager(text: String) -> Self {
        Self { is_pager: true, ..Self::new(text) }
    }

    /// Starts it, if it does not run yet.
    pub(crate) fn start(&mut self, group: Group) -> Result<&mut Pipeline, Failure> {
        match &mut self.running {
            Some(running) => Ok(running),
            none => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(&self.text);
                if self.is_pager && std::env::var_os("LESS").is_none() {
                    command.env("LESS", "FRX");
                }
                let pipeline = Pipeline::start(command, group, self.runs_until_interrupted).map_err(|error| {
                    Failure::new(
                        Status::CommandFailed,
                        format!("cannot run {}: {}", shown(&self.text), describe(&error)),
                    )
                })?;
                Ok(none.insert(pipeline))
            }
        }
    }

    /// Returns the outcome of the line after the pipeline ended.
    pub(crate) fn result(&self, end: End) -> Result<(), Failure> {
        match end {
            _ if end.is_success() => Ok(()),
            End::Killed(signal) if signal == Signal::INT.as_raw() => Err(Failure::silent(Status::Interrupted)),
            end => Err(Failure::new(Status::CommandFailed, format!("{} {end}", shown(&self.text)))),
        }
    }
}

/// Names a pipeline in a sentence.
fn shown(pipeline: &str) -> String {
    format!("the pipeline `{}`", text::excerpt(pipeline.as_bytes(), SHOWN))
}

/// The process group of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// The group of qmpsh: Ctrl-C and Ctrl-Z reach both.
    Ours,
    /// A group of its own, which can have the terminal.
    Own,
}

/// A running pipeline. Dropping this closes its stdin.
pub(crate) struct Pipeline {
    pid: Pid,
    group: Group,
    /// `None` if it is closed or has no reader anymore.
    stdin: Option<Sender>,
    /// The group holder lives as long as this is open.
    _group_holder: Option<ChildStdin>,
    changes: UnboundedReceiver<Change>,
    end: Option<End>,
}

/// A change in the state of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A signal stopped it, such as SIGTSTP from Ctrl-Z.
    Stopped(i32),
    /// Its group got Ctrl-C. It may go on, as a pager does.
    Interrupted,
    Ended(End),
}

impl Pipeline {
    /// Starts it. For a command that runs until Ctrl-C, a process in the pipeline's own group notices Ctrl-C.
    fn start(mut command: Command, group: Group, runs_until_interrupted: bool) -> io::Result<Self> {
        command.stdin(Stdio::piped());
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

    /// Writes `bytes` and removes what was written. Returns early with a change of the pipeline; call it again then. Without a
    /// reader, it drops the rest. Cancel safe.
    pub(crate) async fn write(&mut self, bytes: &mut Bytes) -> Option<Change> {
        while !bytes.is_empty() {
            let Some(stdin) = &self.stdin else {
                bytes.clear();
                return None;
            };
            tokio::select! {
                biased;
                change = self.changes.recv() => return Some(self.note(change)),
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

    /// Returns true if its stdin is closed or has no reader.
    pub(crate) fn is_closed(&self) -> bool {
        self.stdin.is_none()
    }

    /// Waits until it stops or ends. Once it has ended, returns at once. Cancel safe.
    pub(crate) async fn change(&mut self) -> Change {
        if let Some(end) = self.end {
            return Change::Ended(end);
        }
        let change = self.changes.recv().await;
        self.note(change)
    }

    /// Remembers the end of the pipeline.
    fn note(&mut self, change: Option<Change>) -> Change {
        let change = change.unwrap_or(Change::Ended(End::Unknown));
        if let Change::Ended(end) = change {
            self.end = Some(end);
            self.stdin = None;
        }
        change
    }

    /// Waits until its stdin has no reader. Cancel safe.
    pub(crate) async fn gone(&mut self) {
        if self.stdin.is_some() {
            self.ended().await;
        }
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

    /// Returns its process group, if it has its own and is running.
    pub(crate) fn own_group(&self) -> Option<Pid> {
        (self.group == Group::Own && self.end.is_none()).then_some(self.pid)
    }

    /// Sends a signal to the whole pipeline, if it has its own group and is running.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.own_group() {
            // An error means that it has ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Starts a child that Ctrl-Z can stop. A child inherits the signal mask of the thread that starts it, which may block Ctrl-Z.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let found = SigSet::from(signal::SIGTSTP).thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
    let spawned = command.spawn();
    found.thread_set_mask()?;
    spawned
}

/// Starts a process that only waits, in the group of a pipeline. Ctrl-C ends it even where a pager ignores Ctrl-C.
fn group_holder(group: Pid, changes: UnboundedSender<Change>) -> io::Result<Option<ChildStdin>> {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(command.process_group(group.as_raw_pid()))?;
    let stdin = child.stdin.take();
    std::thread::Builder::new().name("group_holder".to_owned()).spawn(move || {
        if child.wait().is_ok_and(|status| status.signal() == Some(Signal::INT.as_raw())) {
            // An error means that the pipeline was dropped.
            let _ = changes.send(Change::Interrupted);
        }
    })?;
    Ok(stdin)
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        while let Ok(change) = self.changes.try_recv() {
            self.note(Some(change));
        }
        if self.end.is_none() {
            // The program ends, and the pipeline with it. An error means that it has just ended.
            match self.group {
                Group::Own => {
                    let _ = kill_process_group(self.pid, Signal::TERM);
                }
                Group::Ours => family(self.pid).into_iter().for_each(|pid| {
                    let _ = kill_process(pid, Signal::TERM);
                }),
            }
        }
    }
}

/// Returns a process and all that it started, on Linux. In the group of qmpsh, a signal to the group would reach the caller too.
fn family(first: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<_> = processes.filter_map(|entry| with_parent(&entry)).collect();
    let mut family = vec![first];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// Reads the id of a process and that of its parent. Source: `proc_pid_status(5)`.
fn with_parent(entry: &DirEntry) -> Option<(Pid, Pid)> {
    let pid = |text: &str| Pid::from_raw(text.trim().parse().ok()?);
    let own = pid(entry.file_name().to_str()?)?;
    let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
    Some((own, pid(status.lines().find_map(|line| line.strip_prefix("PPid:"))?)?))
}

/// Returns true if this signal ended the pipeline, or the shell that ran it says so.
pub(crate) fn was_ended_by(end: End, signal: Signal) -> bool {
    end == End::Killed(signal.as_raw()) || end == End::Exited(BY_SIGNAL + signal.as_raw())
}

/// Returns true if the shell could not run the command of the pipeline.
pub(crate) fn is_not_found(end: End) -> bool {
    matches!(end, End::Exited(126 | 127))
}

/// Returns true if a signal ended the pipeline.
pub(crate) fn was_killed(end: End) -> bool {
    match end {
        End::Killed(_) => true,
        End::Exited(status) => status > BY_SIGNAL,
        End::Asks | End::Unknown => false,
    }
}

/// Sends each change of a child, and reaps it.
fn watch(pid: Pid, changes: &UnboundedSender<Change>) {
    loop {
        let end = match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::STOPPED) {
            Err(Errno::INTR) => continue,
            Err(_) | Ok(None) => End::Unknown,
            Ok(Some(status)) if status.stopped() => {
                // An error means that the pipeline was dropped.
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
