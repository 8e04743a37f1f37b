//! Child processes: started, watched, signalled, and not left behind.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::watch;

use super::watcher::Watcher;

/// How often [`Process::end_now`] checks for the end.
const POLL: Duration = Duration::from_millis(1);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It is stopped, because it asked something at a terminal that it may not use.
    Asks,
    /// Unknown, because another part of the program has collected the status.
    Unknown,
}

impl End {
    /// Returns true unless the process is known to have failed.
    pub fn is_success(self) -> bool {
        matches!(self, End::Exited(0) | End::Unknown)
    }
}

/// The end of a sentence that begins with the name of the program.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            End::Exited(status) => write!(f, "ended with exit status {status}"),
            End::Killed(signal) => match nix::sys::signal::Signal::try_from(signal) {
                Ok(named) => write!(f, "was ended by signal {signal} ({named})"),
                Err(_) => write!(f, "was ended by signal {signal}"),
            },
            End::Asks => f.write_str("asked something at the terminal, where it cannot be answered"),
            End::Unknown => f.write_str("has ended"),
        }
    }
}

/// The process group of a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Its own: Ctrl-C does not reach it, and a signal reaches all that it starts.
    Own,
    /// Its own, and asking something at the terminal is its [end](End::Asks).
    OwnWithoutTerminal,
    /// That of this program: it may ask at the terminal.
    Ours,
}

/// A child process. Dropping it kills the process and, if it has its own group, the group, unless it was left or reaped.
/// If this program dies first, as by SIGKILL, they get SIGTERM, and SIGKILL 5 s later.
#[derive(Debug)]
pub struct Process {
    /// Reaped last: until then no other process can have its number.
    child: Option<Child>,
    group: Group,
    end: watch::Receiver<Option<End>>,
    watcher: Option<Watcher>,
}

impl Process {
    /// Starts a process, and before it a shell (`sh`) that watches it.
    pub fn spawn(command: &mut Command, group: Group) -> io::Result<Self> {
        Self::start(command, group, None, None)
    }

    /// Starts a process that inherits `descriptor` under its number.
    pub fn spawn_with(command: &mut Command, group: Group, descriptor: OwnedFd) -> io::Result<Self> {
        Self::start(command, group, Some(descriptor), None)
    }

    /// Starts a process in the group of this program. If this program dies first, `directory` is removed.
    pub(super) fn spawn_in(directory: &Path, command: &mut Command) -> io::Result<Self> {
        Self::start(command, Group::Ours, None, Some(directory))
    }

    fn start(
        command: &mut Command,
        group: Group,
        descriptor: Option<OwnedFd>,
        directory: Option<&Path>,
    ) -> io::Result<Self> {
        let mut watcher = if group == Group::Ours { Watcher::of_process(directory)? } else { Watcher::of_group()? };
        if group != Group::Ours {
            command.process_group(watcher.group().as_raw_pid());
        }
        if let Some(descriptor) = &descriptor {
            // Inheritable only from here to the drop, so that no other child gets it.
            rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty())?;
        }
        let child = command.spawn()?;
        drop(descriptor);
        let pid = Pid::from_child(&child);
        let (sender, end) = watch::channel(None);
        let named = if group == Group::Ours { watcher.name(pid) } else { Ok(()) };
        let process = Self { child: Some(child), group, end, watcher: Some(watcher) };
        named?;
        let work = move || sender.send_replace(Some(wait(pid, group == Group::OwnWithoutTerminal)));
        std::thread::Builder::new().name("waiting".to_owned()).spawn(work)?;
        Ok(process)
    }

    /// Waits for the end of the process. Cancel safe.
    pub fn end(&self) -> impl Future<Output = End> + Send + use<> {
        let mut end = self.end.clone();
        async move {
            match end.wait_for(Option::is_some).await {
                Ok(end) => end.unwrap_or(End::Unknown),
                Err(_) => End::Unknown,
            }
        }
    }

    /// Takes the pipes to stdin, stdout and stderr, where there are such.
    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        match &mut self.child {
            Some(child) => (child.stdin.take(), child.stdout.take(), child.stderr.take()),
            None => (None, None, None),
        }
    }

    /// Watches for the end of the process.
    pub(super) fn watch(&self) -> watch::Receiver<Option<End>> {
        self.end.clone()
    }

    /// Returns the end of the process, if it has ended.
    pub(super) fn ended(&self) -> Option<End> {
        *self.end.borrow()
    }

    /// Sends a signal to the process, or to its group if it has its own.
    pub fn signal(&self, signal: Signal) {
        let (Some(child), Some(watcher)) = (&self.child, &self.watcher) else { return };
        // It fails if they are gone or run as another user, which cannot be helped.
        let _ = if self.group == Group::Ours {
            kill_process(Pid::from_child(child), signal)
        } else {
            kill_process_group(watcher.group(), signal)
        };
    }

    /// Sends SIGTERM, and SIGKILL if the process has not ended within `grace`. It blocks, usually for a millisecond.
    pub(super) fn end_now(&mut self, grace: Duration) {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        while self.ended().is_none() && begun.elapsed() < grace {
            std::thread::sleep(POLL);
        }
        self.kill();
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }

    /// Ends the rest of the group of a process that has ended.
    pub fn reap(mut self) {
        self.signal(Signal::TERM);
        if let Some(mut child) = self.child.take() {
            let _ = child.try_wait();
        }
    }

    /// Leaves the process running.
    pub fn leave(mut self) {
        self.watcher = None;
        self.child = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of a child without reaping it. If `asking`, a stop because it wants the terminal is an end.
fn wait(pid: Pid, asking: bool) -> End {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let options = if asking { options | WaitIdOptions::STOPPED } else { options };
    loop {
        match waitid(WaitId::Pid(pid), options) {
            Err(Errno::INTR) => {}
            Err(_) | Ok(None) => return End::Unknown,
            Ok(Some(status)) if status.stopped() => {
                let wants_terminal = [Signal::TTIN, Signal::TTOU].map(|signal| Some(signal.as_raw()));
                if wants_terminal.contains(&status.stopping_signal()) {
                    return End::Asks;
                }
                // It was stopped by hand. That state is reported once, so it is collected here.
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
            }
            Ok(Some(status)) => {
                let exited = status.exit_status().map(End::Exited);
                return exited.or(status.terminating_signal().map(End::Killed)).unwrap_or(End::Unknown);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_process_is_seen() {
        #[track_caller]
        fn start(script: &str) -> Process {
            Process::spawn(Command::new("sh").args(["-c", script]), Group::Own).expect("a shell")
        }
        async fn check(script: &str, expected: End, text: &str) {
            let process = start(script);
            let end = process.end().await;
            assert_eq!((end, end.to_string().as_str()), (expected, text));
            process.reap();
        }
        check("exit 0", End::Exited(0), "ended with exit status 0").await;
        check("exit 7", End::Exited(7), "ended with exit status 7").await;
        check("kill -9 $$", End::Killed(9), "was ended by signal 9 (SIGKILL)").await;

        let process = start("sleep 1000 & sleep 1000");
        process.signal(Signal::TERM);
        assert_eq!(process.end().await, End::Killed(15));
        assert_eq!(process.end().await, End::Killed(15), "as often as one likes");
        process.reap();

        let process = start("sleep 1000 & sleep 1000");
        let end = process.end();
        drop(process);
        assert!(matches!(end.await, End::Killed(9) | End::Unknown));
    }

    #[tokio::test]
    async fn what_does_not_heed_sigterm_is_killed() {
        let command = &mut Command::new("sh");
        let mut process = Process::spawn(
            command.args(["-c", "trap '' TERM; echo; sleep 1000"]).stdout(std::process::Stdio::piped()),
            Group::OwnWithoutTerminal,
        )
        .expect("a shell");
        let mut stdout = process.child.as_mut().and_then(|child| child.stdout.take()).expect("a pipe");
        // The trap is set.
        std::io::Read::read_exact(&mut stdout, &mut [0]).expect("a line");
        let end = process.end();
        process.end_now(Duration::from_millis(20));
        assert!(matches!(end.await, End::Killed(9) | End::Unknown));
    }

    #[tokio::test]
    async fn a_process_stopped_by_hand_has_not_ended() {
        let process = Process::spawn(Command::new("sleep").arg("1000"), Group::OwnWithoutTerminal).expect("sleep");
        process.signal(Signal::STOP);
        process.signal(Signal::CONT);
        process.signal(Signal::TERM);
        assert_eq!(process.end().await, End::Killed(15));
    }

    #[tokio::test]
    async fn a_process_that_wants_the_terminal_has_ended() {
        let process = Process::spawn(Command::new("sleep").arg("1000"), Group::OwnWithoutTerminal).expect("sleep");
        process.signal(Signal::TTIN);
        assert_eq!(process.end().await, End::Asks);
        assert_eq!(End::Asks.to_string(), "asked something at the terminal, where it cannot be answered");
    }
}
