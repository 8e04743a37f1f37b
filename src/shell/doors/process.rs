//! A process that was started here, with what it starts itself: watched, signalled, and not left behind.

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::watch;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Exited(i32),
    Killed(i32),
    /// Somebody else has collected its status.
    Unknown,
}

impl End {
    pub(super) fn is_success(self) -> bool {
        matches!(self, End::Exited(0) | End::Unknown)
    }
}

/// The end of a sentence that begins with the program's name.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            End::Exited(status) => write!(f, "ended with exit status {status}"),
            End::Killed(signal) => match nix::sys::signal::Signal::try_from(signal) {
                Ok(name) => write!(f, "was ended by signal {signal} ({name})"),
                Err(_) => write!(f, "was ended by signal {signal}"),
            },
            End::Unknown => f.write_str("has ended"),
        }
    }
}

/// A process in a group of its own. Dropping it kills the group, unless it was [left](Self::leave) or
/// [reaped](Self::reap).
pub(super) struct Process {
    /// It is not reaped before the group is done with: until then no other group can have its number.
    child: Option<Child>,
    end: watch::Receiver<Option<End>>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let pid = Pid::from_child(&child);
        let (sender, end) = watch::channel(None);
        let process = Self { child: Some(child), end };
        std::thread::Builder::new().name("waiting".to_owned()).spawn(move || sender.send_replace(Some(wait(pid))))?;
        Ok(process)
    }

    /// Waits for its end. Cancel safe.
    pub(super) fn end(&self) -> impl Future<Output = End> + use<> {
        let mut end = self.end.clone();
        async move {
            match end.wait_for(Option::is_some).await {
                Ok(end) => end.unwrap_or(End::Unknown),
                Err(_) => End::Unknown,
            }
        }
    }

    /// Sends a signal to the process and those it has started.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            // They may have gone, or changed to another user: then there is nothing to be done about them.
            let _ = kill_process_group(Pid::from_child(child), signal);
        }
    }

    /// It has ended: ends what is left of its group too.
    pub(super) fn reap(mut self) {
        self.signal(Signal::TERM);
        if let Some(mut child) = self.child.take() {
            let _ = child.try_wait();
        }
    }

    /// It goes on without us.
    pub(super) fn leave(mut self) {
        self.child = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }
}

/// Waits for the end of a child, without reaping it.
fn wait(pid: Pid) -> End {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(Errno::INTR) => {}
            Err(_) | Ok(None) => return End::Unknown,
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
}
