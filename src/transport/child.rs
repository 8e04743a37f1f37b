//! A process that was started here, with what it starts itself: watched, signalled, and not left behind.

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::watch;

/// How often the end is looked for while nothing else can be done.
const POLL: Duration = Duration::from_millis(1);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It asks something at a terminal that it may not use, and would stand still for ever.
    Asks,
    /// Its status is unknown: another part of the program has collected it.
    Unknown,
}

impl End {
    /// Whether nothing speaks against success.
    pub fn is_success(self) -> bool {
        matches!(self, End::Exited(0) | End::Unknown)
    }
}

/// The end of a sentence that begins with the program's name.
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

/// Whose process group a process is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Its own: Ctrl-C does not reach it, and a signal reaches all that it starts.
    Own,
    /// Its own, and it may not use the terminal.
    OwnWithoutTerminal,
    /// That of this program: it may ask at the terminal.
    Ours,
}

/// A process. Dropping it kills it, and all of its group if it has one of its own; unless it was left or reaped.
#[derive(Debug)]
pub struct Process {
    /// It is not reaped before the group is done with: until then no other group can have its number.
    child: Option<Child>,
    group: Group,
    end: watch::Receiver<Option<End>>,
}

impl Process {
    /// Starts it in a group of its own.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Self::start(command.process_group(0), Group::Own)
    }

    /// Starts it in a group of its own; asking something at the terminal is its [end](End::Asks).
    pub fn spawn_without_terminal(command: &mut Command) -> io::Result<Self> {
        Self::start(command.process_group(0), Group::OwnWithoutTerminal)
    }

    /// Starts it in the group of this program.
    pub fn spawn_beside(command: &mut Command) -> io::Result<Self> {
        Self::start(command, Group::Ours)
    }

    fn start(command: &mut Command, group: Group) -> io::Result<Self> {
        let child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let (sender, end) = watch::channel(None);
        let process = Self { child: Some(child), group, end };
        let work = move || sender.send_replace(Some(wait(pid, group == Group::OwnWithoutTerminal)));
        std::thread::Builder::new().name("waiting".to_owned()).spawn(work)?;
        Ok(process)
    }

    /// Waits for its end. Cancel safe.
    pub fn end(&self) -> impl Future<Output = End> + Send + use<> {
        let mut end = self.end.clone();
        async move {
            match end.wait_for(Option::is_some).await {
                Ok(end) => end.unwrap_or(End::Unknown),
                Err(_) => End::Unknown,
            }
        }
    }

    /// The pipes to its stdin, stdout and stderr, where there are such.
    pub fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        match &mut self.child {
            Some(child) => (child.stdin.take(), child.stdout.take(), child.stderr.take()),
            None => (None, None, None),
        }
    }

    /// Watches for its end.
    pub fn watch(&self) -> watch::Receiver<Option<End>> {
        self.end.clone()
    }

    /// Its end, if it has ended.
    pub fn ended(&self) -> Option<End> {
        *self.end.borrow()
    }

    /// Sends a signal to the process, and those it has started if it has a group of its own.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            let pid = Pid::from_child(child);
            // They may have gone, or changed to another user: then there is nothing to be done about them.
            let _ = if self.group == Group::Ours { kill_process(pid, signal) } else { kill_process_group(pid, signal) };
        }
    }

    /// Sends SIGTERM, and SIGKILL if that has not ended it within `grace`; this blocks, as a rule for a millisecond.
    pub fn end_now(&mut self, grace: Duration) {
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

    /// It has ended: ends what is left of its group too.
    pub fn reap(mut self) {
        self.signal(Signal::TERM);
        if let Some(mut child) = self.child.take() {
            let _ = child.try_wait();
        }
    }

    /// It goes on without us.
    pub fn leave(mut self) {
        self.child = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of a child, without reaping it. With `asking`, being stopped because it wants the terminal is one.
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
                // It was stopped by hand; reap that state, which is reported once.
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
            Process::spawn(Command::new("sh").args(["-c", script])).expect("a shell")
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
        let mut process = Process::spawn_without_terminal(
            command.args(["-c", "trap '' TERM; echo; sleep 1000"]).stdout(std::process::Stdio::piped()),
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
        let process = Process::spawn_without_terminal(Command::new("sleep").arg("1000")).expect("sleep");
        process.signal(Signal::STOP);
        process.signal(Signal::CONT);
        process.signal(Signal::TERM);
        assert_eq!(process.end().await, End::Killed(15));
    }

    #[tokio::test]
    async fn a_process_that_wants_the_terminal_has_ended() {
        let process = Process::spawn_without_terminal(Command::new("sleep").arg("1000")).expect("sleep");
        process.signal(Signal::TTIN);
        assert_eq!(process.end().await, End::Asks);
        assert_eq!(End::Asks.to_string(), "asked something at the terminal, where it cannot be answered");
    }
}
