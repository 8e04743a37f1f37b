//! `COMMAND | PIPELINE`: the rest of a line, run by `sh -c`, with the command's result on its stdin.
//!
//! It is started with the first result, so that nothing is run if the command fails; a command that prints nothing gives it
//! an empty stdin. One that prints for as long as it runs starts it at the beginning. (What `--pipeline N` does is in `batch/pipeline.rs`.)

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

/// How much of a pipeline a message shows, in characters.
const SHOWN: usize = 60;

/// How many are running.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Whether the command of a batch that feeds one goes on until Ctrl-C.
static GOES_ON: AtomicBool = AtomicBool::new(false);

/// Tells that command of it.
static INTERRUPTED: Notify = Notify::const_new();

/// The command of a batch that feeds a pipeline goes on until Ctrl-C; or it has ended.
pub(crate) fn set_goes_on(runs_until_interrupted: bool) {
    GOES_ON.store(runs_until_interrupted, Ordering::Relaxed);
}

/// Ctrl-C in a batch: whether a pipeline is running that it is for, as `system(3)` has it.
pub(crate) fn takes_interrupt() -> bool {
    if GOES_ON.load(Ordering::Relaxed) {
        INTERRUPTED.notify_waiters();
    }
    RUNNING.load(Ordering::Relaxed) > 0
}

/// Waits for a Ctrl-C that ends a command that goes on. Cancel safe.
pub(crate) async fn interrupted() {
    INTERRUPTED.notified().await;
}

/// Where results go in place of stdout: a pipeline, which may not be running yet.
pub(crate) struct Piped {
    text: String,
    pub(crate) running: Option<Pipeline>,
    /// The command goes on until Ctrl-C.
    pub(crate) runs_until_interrupted: bool,
}

impl Piped {
    pub(crate) fn new(text: String) -> Self {
        Self { text, running: None, runs_until_interrupted: false }
    }

    /// Runs it, if it is not running yet.
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

    /// What its end means for the line; the sentence of a failure begins with nothing.
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
    /// That of the program: Ctrl-C and Ctrl-Z reach both.
    Ours,
    /// One of its own, which can have the terminal.
    Own,
}

/// A pipeline that runs. It goes on when this is dropped, with its stdin at the end.
pub(crate) struct Pipeline {
    pid: Pid,
    group: Group,
    /// `None`: closed, or nobody reads it any more.
    stdin: Option<Sender>,
    /// As long as this is open, the group holder lives.
    _witness: Option<ChildStdin>,
    changes: UnboundedReceiver<Change>,
    end: Option<End>,
}

/// What became of the pipeline while it was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// By this signal, such as Ctrl-Z makes.
    Stopped(i32),
    /// Its group got Ctrl-C; it may go on, as a pager does.
    Interrupted,
    Ended(End),
}

impl Pipeline {
    /// `runs_until_interrupted`: the command goes on until Ctrl-C, of which only a group of the pipeline's own is told.
    fn start(text: &str, group: Group, runs_until_interrupted: bool) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(text).stdin(Stdio::piped());
        if group == Group::Own {
            command.process_group(0);
        }
        let mut child = spawn(&mut command)?;
        let pid = Pid::from_child(&child);
        // Only this end does not wait: the reader's is as it is used to.
        let stdin = child.stdin.take().map(OwnedFd::from).map(Sender::from_owned_fd).transpose()?;
        let (sender, changes) = unbounded_channel();
        // Without one, Ctrl-C ends the command with the pipeline.
        let group_holder =
            if runs_until_interrupted && group == Group::Own { group_holder(pid, sender.clone()).ok() } else { None };
        RUNNING.fetch_add(1, Ordering::Relaxed);
        let pipeline = Self { pid, group, stdin, _witness: group_holder.flatten(), changes, end: None };
        std::thread::Builder::new().name("pipeline".to_owned()).spawn(move || watch(pid, &sender))?;
        Ok(pipeline)
    }

    /// Writes, until all of `bytes` is written or nobody reads it; `Some` if the pipeline changed before that: call it again.
    /// What has been written is no longer in `bytes`. Cancel safe.
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
                    // As `head`: it has seen enough.
                    Err(_) => self.stdin = None,
                },
            }
        }
        None
    }

    /// There is nothing more to read for it.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Whether nobody reads what is written.
    pub(crate) fn is_closed(&self) -> bool {
        self.stdin.is_none()
    }

    /// Waits until it stops or ends; once it has ended, for nothing. Cancel safe.
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

    /// Waits until nobody reads what is written, so that there is no use in more. Cancel safe.
    pub(crate) async fn gone(&mut self) {
        if self.stdin.is_none() {
            return;
        }
        self.ended().await;
    }

    /// Waits for the next stop, or the end; for ever, if that has been told. Cancel safe.
    pub(crate) async fn next_change(&mut self) -> Change {
        if self.end.is_some() { std::future::pending().await } else { self.change().await }
    }

    /// Waits for its end, however often it is stopped. Cancel safe.
    pub(crate) async fn ended(&mut self) -> End {
        loop {
            if let Change::Ended(end) = self.change().await {
                return end;
            }
        }
    }

    /// The process group that it has for itself.
    pub(crate) fn own_group(&self) -> Option<Pid> {
        (self.group == Group::Own && self.end.is_none()).then_some(self.pid)
    }

    /// Sends a signal to the whole pipeline, if it has a group of its own and runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.own_group() {
            // What has gone needs none.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Starts a child that heeds Ctrl-Z: this thread may have it blocked, and a child is as the thread that starts it.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let found = SigSet::from(signal::SIGTSTP).thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
    let spawned = command.spawn();
    found.thread_set_mask()?;
    spawned
}

/// Starts a process in the group of a pipeline that does nothing, and dies of Ctrl-C when a pager does not.
fn group_holder(group: Pid, changes: UnboundedSender<Change>) -> io::Result<Option<ChildStdin>> {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(command.process_group(group.as_raw_pid()))?;
    let stdin = child.stdin.take();
    std::thread::Builder::new().name("group_holder".to_owned()).spawn(move || {
        if child.wait().is_ok_and(|status| status.signal() == Some(Signal::INT.as_raw())) {
            // Who does not listen any more need not know.
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

/// Tells each change of a child, and reaps it.
fn watch(pid: Pid, changes: &UnboundedSender<Change>) {
    loop {
        let end = match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::STOPPED) {
            Err(Errno::INTR) => continue,
            Err(_) | Ok(None) => End::Unknown,
            Ok(Some(status)) if status.stopped() => {
                // Who does not listen any more need not know.
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
