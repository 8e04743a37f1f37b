//! `qmpsh run`: starts QEMU with a monitor that no other process can reach, and ends it.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::dial::Opening;
use super::explain::Problem;
use super::output;
use crate::cli::Options;
use crate::output::messages::Notifier;
use crate::signals::{Ending, Interrupts, or_never};
use crate::status::Failure;
use qmpsh::client::{Client, ExecuteError, Progress};
use qmpsh::error::describe;
use qmpsh::message::Request;
use qmpsh::protocol::Runstate;
use qmpsh::text;
use qmpsh::transport::child::{End, Group, Process};
use qmpsh::transport::{SocketFile, UnixLink};

/// How long qmpsh waits for QEMU to end after `quit`, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// How long qmpsh waits for the exit status of a process that has closed its monitor.
const ENDING: Duration = Duration::from_secs(1);

/// The ids of the monitors. No id that a user chooses begins with the name of this program.
const OURS: &str = "qmpsh-run";
const SECOND: &str = "qmpsh-run-second";

/// A QEMU to start, running, or left to itself.
#[derive(Default)]
pub(super) struct Run {
    command: Vec<OsString>,
    monitor: Option<PathBuf>,
    qemu: Option<Process>,
    is_established: bool,
    is_detached: bool,
    /// The user knows how it ended.
    end_is_told: Rc<Cell<bool>>,
}

impl Run {
    pub(super) fn new(command: Vec<OsString>, monitor: Option<PathBuf>) -> Self {
        Self { command, monitor, ..Self::default() }
    }

    /// Returns the program's name without its directory, safe for a terminal.
    pub(super) fn shown(&self) -> String {
        let program = self.program();
        let name = Path::new(program).file_name().unwrap_or(program);
        text::line(&name.to_string_lossy()).into_owned()
    }

    fn program(&self) -> &OsStr {
        self.command.first().map(OsString::as_os_str).unwrap_or_default()
    }

    /// Starts QEMU and establishes the session. [`close`](Self::close) ends QEMU, also if this fails.
    pub(super) async fn open(
        &mut self,
        client: &Client,
        options: &Options,
        notifier: &Notifier,
    ) -> Result<(), Failure> {
        let shown = self.shown();
        let (socket, output) = self.start(notifier)?;
        let Some(qemu) = &self.qemu else { return Ok(()) };
        client.session().open_with_socket(socket).map_err(|error| Failure::no_session(describe(&error)))?;

        let mut accept = pin!(client.session().accept());
        let mut end = pin!(qemu.end());
        let mut patience = pin!(or_never(options.wait.map(sleep)));
        let limit = options.connect_timeout;
        let mut handshake = interval_at(Instant::now() + limit, limit);
        handshake.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut has_ended = false;
        let mut was_negotiating = false;
        let failure = loop {
            tokio::select! {
                biased;
                ended = &mut end, if !has_ended => {
                    // With -daemonize a child of QEMU keeps the socket.
                    if !ended.is_success() {
                        break died(&shown, ended);
                    }
                    has_ended = true;
                }
                accepted = &mut accept => match accepted {
                    Ok(()) => {
                        self.is_established = true;
                        return Ok(());
                    }
                    Err(error) => {
                        // QEMU closes its monitor a moment before it ends.
                        break match timeout(ENDING, qemu.end()).await {
                            Ok(ended) => died(&shown, ended),
                            Err(_) => Failure::no_session(Problem::Failed(error).explain(&shown)),
                        };
                    }
                },
                () = &mut patience => {
                    let seconds = options.wait.unwrap_or_default().as_secs_f64();
                    break Failure::no_session(format!("no greeting from {shown} within {seconds} s"));
                }
                _ = handshake.tick() => match client.progress() {
                    progress @ Progress::Negotiating if was_negotiating => {
                        break Failure::no_session(Problem::TookTooLong { progress, limit, tls: None }.explain(&shown));
                    }
                    Progress::Negotiating => was_negotiating = true,
                    _ => notifier.say(&format!(
                        "no greeting from {shown} yet: still waiting (Ctrl-C ends it, --wait SECONDS sets a limit)"
                    )),
                }
            }
        };
        if let Some(output) = output {
            // The last output of QEMU comes before the failure.
            let _ = timeout(ENDING, output).await;
        }
        self.end_is_told.set(true);
        Err(failure)
    }

    /// Starts QEMU with a monitor on one end of a pair of sockets. Returns the other end, and a receiver that ends when
    /// all output of QEMU was shown.
    fn start(&mut self, notifier: &Notifier) -> Result<(UnixLink, Option<oneshot::Receiver<()>>), Failure> {
        if let Some(path) = &self.monitor {
            // QEMU would remove any file it finds there.
            SocketFile::check_free(path).map_err(|error| {
                Failure::no_session(format!(
                    "cannot make the monitor {}: {}",
                    text::line(&path.to_string_lossy()),
                    describe(&error)
                ))
            })?;
        }
        let program = self.program().to_owned();
        let failed = |error: io::Error| Failure::no_session(explain_start(&error, &program));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let mut command = Command::new(&program);
        command.args(self.command.iter().skip(1)).args(self.monitors(&theirs)).stdin(Stdio::null());
        let output = match notifier {
            Notifier::Stderr(_) => {
                command.stdout(io::stderr().as_fd().try_clone_to_owned().map_err(failed)?);
                None
            }
            Notifier::Console(sink) => Some(output::show(&mut command, sink.clone()).map_err(failed)?),
        };
        self.qemu = Some(Process::spawn_with(&mut command, Group::Own, theirs.into()).map_err(failed)?);
        let ours = tokio::net::UnixStream::from_std(ours).map_err(failed)?.into();
        Ok((ours, output))
    }

    /// Returns the arguments that add our monitor and the second one to QEMU's command line.
    fn monitors(&self, socket: &impl AsRawFd) -> Vec<OsString> {
        let mut args = Vec::new();
        let storage_daemon = self.shown().contains("storage-daemon");
        let mut add = |id: &str, chardev: OsString| {
            if storage_daemon {
                args.extend(["--chardev".into(), chardev, "--monitor".into(), format!("chardev={id}").into()]);
            } else {
                // `-mon` is deprecated since QEMU 11.1.
                args.extend(["-chardev".into(), chardev, "-qmp".into(), format!("chardev:{id}").into()]);
            }
        };
        add(OURS, format!("socket,id={OURS},fd={}", socket.as_raw_fd()).into());
        if let Some(path) = &self.monitor {
            let mut chardev = format!("socket,id={SECOND},server=on,wait=off,path=").into_bytes();
            for &byte in path.as_os_str().as_bytes() {
                // QEMU's escape for a comma.
                chardev.extend(std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 }));
            }
            add(SECOND, OsString::from_vec(chardev));
        }
        args
    }

    /// Waits until QEMU ends, and fails with how it ended.
    pub(super) fn again(&self) -> Option<Opening> {
        let end = self.qemu.as_ref()?.end();
        let (shown, is_told) = (self.shown(), Rc::clone(&self.end_is_told));
        Some(Box::pin(async move {
            let end = end.await;
            is_told.set(true);
            Err(Failure::no_session(format!("{shown} {end}")))
        }))
    }

    /// Leaves QEMU running. Returns a warning if it has no monitor to reconnect to.
    pub(super) fn detach(&mut self) -> Option<String> {
        self.is_detached = true;
        if let Some(qemu) = self.qemu.take() {
            qemu.leave();
        }
        let shown = self.shown();
        self.monitor
            .is_none()
            .then(|| format!("warning: {shown} runs on without a monitor to reconnect to (--monitor PATH makes one)"))
    }

    /// Ends QEMU, unless it was detached: `quit`, then SIGTERM, then SIGKILL. A signal to this program leads to the
    /// next step at once.
    pub(super) async fn close(&mut self, client: &Client, notifier: &Notifier) {
        if self.is_detached {
            // QEMU runs on whatever becomes of this connection.
            let _ = timeout(ENDING, client.disconnect()).await;
        }
        let Some(qemu) = self.qemu.take() else { return };
        let mut escalation = Escalation::new();
        let mut signalled = None;
        // A QEMU without a session is usually ending already.
        let grace = if client.session().state() == Runstate::Running { GRACE } else { ENDING };
        let by_itself = self.is_established && escalation.within(grace, quit(&qemu, client)).await == Some(true);
        if !by_itself {
            for signal in [Signal::TERM, Signal::KILL] {
                signalled = Some(signal);
                qemu.signal(signal);
                if escalation.within(GRACE, gone(&qemu, client)).await.is_some() {
                    break;
                }
            }
        }
        let shown = self.shown();
        // A daemon has left the group.
        if client.session().state() == Runstate::Running {
            notifier.say(&format!("warning: {shown} has become a daemon and is still running"));
        }
        match timeout(ENDING, qemu.end()).await {
            Ok(end) if signalled.is_none() && !end.is_success() && !self.end_is_told.get() => {
                notifier.say(&format!("{shown} {end}"));
            }
            Ok(_) if signalled == Some(Signal::KILL) => {
                notifier.say(&format!("{shown} did not end by itself, so qmpsh killed it"));
            }
            _ => {}
        }
        qemu.reap();
        if let Some(path) = &self.monitor {
            SocketFile::remove_stale(path);
        }
    }
}

/// Asks QEMU to quit and waits until it has ended. Returns false if it refuses.
async fn quit(qemu: &Process, client: &Client) -> bool {
    if client.session().state() == Runstate::Running
        && let Err(ExecuteError::Server { .. }) = client.execute(Request::new("quit")).await
    {
        return false;
    }
    gone(qemu, client).await;
    true
}

/// Waits until the process has ended and its end of the connection is closed. With -daemonize, or a wrapper, another
/// process has that end.
async fn gone(qemu: &Process, client: &Client) {
    let mut state = client.session().watch();
    qemu.end().await;
    // The rest of the group was not asked to end.
    qemu.signal(Signal::TERM);
    while client.session().state() == Runstate::Running {
        state.changed().await;
    }
}

/// Waits that a signal to this program cuts short.
struct Escalation {
    interrupt: Option<Interrupts>,
    ending: Option<Ending>,
}

impl Escalation {
    fn new() -> Self {
        // Without signals the waits take their whole time.
        Self { interrupt: Interrupts::unless_ignored().ok(), ending: Ending::new().ok() }
    }

    /// Returns the output of `work` if it ends within `limit` and before a signal comes.
    async fn within<T>(&mut self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = or_never(self.interrupt.as_mut().map(Interrupts::next)) => None,
            _ = or_never(self.ending.as_mut().map(Ending::signal)) => None,
            () = sleep(limit) => None,
        }
    }
}

fn died(shown: &str, end: End) -> Failure {
    Failure::no_session(format!("{shown} {end}, before its greeting"))
}

fn explain_start(error: &io::Error, program: &OsStr) -> String {
    let shown = program.to_string_lossy();
    let shown = text::line(&shown);
    match error.kind() {
        io::ErrorKind::NotFound => format!("cannot start {shown}: no such program"),
        io::ErrorKind::PermissionDenied => format!("cannot start {shown}: it is not executable"),
        _ => format!("cannot start {shown}: {}", describe(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_gets_the_monitors() {
        #[track_caller]
        fn check(program: &str, monitor: Option<&str>, expected: &[&str]) {
            let socket = std::fs::File::open("/dev/null").unwrap();
            let run = Run::new(vec![program.into(), "-S".into()], monitor.map(PathBuf::from));
            let expected: Vec<OsString> =
                expected.iter().map(|arg| arg.replace("fd=N", &format!("fd={}", socket.as_raw_fd())).into()).collect();
            assert_eq!(run.monitors(&socket), expected, "{program}");
        }
        let ours = ["-chardev", "socket,id=qmpsh-run,fd=N", "-qmp", "chardev:qmpsh-run"];
        check("qemu-system-x86_64", None, &ours);
        check("/opt/storage-daemon/qemu-kvm", None, &ours);
        let second = [
            "-chardev",
            "socket,id=qmpsh-run-second,server=on,wait=off,path=/tmp/a,,b",
            "-qmp",
            "chardev:qmpsh-run-second",
        ];
        check("./qemu", Some("/tmp/a,b"), &[ours, second].concat());
        let daemon = ["--chardev", "socket,id=qmpsh-run,fd=N", "--monitor", "chardev=qmpsh-run"];
        check("/usr/bin/qemu-storage-daemon", None, &daemon);
    }
}
