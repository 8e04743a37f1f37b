//! The address to connect to, with the program that leads there: the command of `exec:`, or ssh.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::explain::{Problem, tried};
use crate::cli::Options;
use crate::input::masked::Masked;
use qmpsh::address::Address;
use qmpsh::client::QmpError;
use qmpsh::protocol::{Cause, ConnectError, OpenError, Phase};
use qmpsh::text;
use qmpsh::transport::child::End;
use qmpsh::transport::{DialTarget, Endpoint, Exec, Ssh, StderrTail, Tunnel};

/// How long qmpsh waits for the exit status of a program that has closed the connection.
const ENDING: Duration = Duration::from_millis(500);

/// How much later than ssh this program may get a Ctrl-C.
const CTRL_C: Duration = Duration::from_millis(50);

/// An address to connect to, any number of times.
pub(super) struct Target {
    address: Address,
    /// ssh while it is connected, so that it asks the user for nothing twice.
    tunnel: Option<Arc<Tunnel>>,
    /// The stderr of the program started last.
    program: Option<StderrTail>,
    was_established: bool,
}

impl Target {
    pub(super) fn new(address: Address) -> Self {
        Self { address, tunnel: None, program: None, was_established: false }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Starts the program on the way, and waits until ssh has connected: at most for `limit`, unless ssh can ask the user,
    /// who may take any time.
    pub(super) async fn prepare(&mut self, options: &Options, limit: Duration) -> Result<DialTarget, Problem> {
        self.was_established = false;
        match &self.address {
            Address::Exec(command) => {
                let (link, stderr_tail) = Exec(command.clone()).start().map_err(problem)?;
                self.program = Some(stderr_tail);
                Ok(DialTarget::Link(link))
            }
            Address::Ssh(address) => {
                let tunnel = match self.tunnel.take().filter(|tunnel| tunnel.is_open()) {
                    Some(tunnel) => tunnel,
                    None => {
                        let ssh = Ssh { address: address.clone(), connect_timeout: Some(options.connect_timeout) };
                        self.program = None;
                        let opened = if can_ask() {
                            ssh.open().await
                        } else {
                            let late = || Err(io::Error::new(io::ErrorKind::TimedOut, too_late(limit)));
                            tokio::time::timeout(limit, ssh.open()).await.unwrap_or_else(|_| late())
                        };
                        if opened.is_err() {
                            // Ctrl-C at a question of ssh ends ssh first, and reaches this program a moment later.
                            tokio::time::sleep(CTRL_C).await;
                        }
                        opened.map_err(problem)?
                    }
                };
                self.program = Some(tunnel.stderr_tail().clone());
                self.tunnel = Some(Arc::clone(&tunnel));
                Ok(DialTarget::Link(tunnel.dial().await.map_err(problem)?))
            }
            address => Ok(Endpoint::from(address).into()),
        }
    }

    /// Explains the program's part in a problem, if that says more than the problem itself. Returns true with it if another
    /// attempt may succeed. `waited` is set if there was more than one attempt.
    pub(super) async fn cause(&self, problem: &Problem, waited: Option<Duration>) -> Option<(String, bool)> {
        let program = self.program.as_ref()?;
        let shown = text::line(&Masked::text(&self.address.to_string()).text).into_owned();
        let end = if problem.is_end() {
            program.end(ENDING).await
        } else {
            // qmpsh has usually ended it.
            program.end(Duration::ZERO).await.filter(|end| *end == End::Asks)
        };
        let said = program.said();
        let (why, may_pass) = match (&self.address, end) {
            (Address::Ssh(ssh), _) if said.contains("open failed") => {
                // sshd reports all of these in the same words.
                let (host, path) = (text::line(&ssh.host), ssh.path.to_string_lossy());
                let why = "no such socket, no process listens there, the user may not open it, or forwarding is not allowed (AllowStreamLocalForwarding)";
                (format!("cannot connect to {shown}: {host} cannot open {}: {why}", text::line(&path)), true)
            }
            (_, Some(End::Asks)) => {
                let why = "the command asked a question at the terminal, which exec: does not allow (set up keys first, or use ssh://)";
                (format!("no session with {shown}: {why}"), false)
            }
            (_, Some(end)) => {
                // The shell exits with 126 or 127 if it cannot start the program.
                let may_pass = !matches!(end, End::Exited(126 | 127));
                (format!("no session with {shown}: {} {end}, before the greeting", self.name()), may_pass)
            }
            (_, None) if !said.is_empty() => {
                let explained = problem.explain_address(&shown, Some(&self.address), None, false);
                let may_pass = problem.may_pass(&self.address);
                return Some((format!("{explained}\n  {} says{said}", self.name()), may_pass));
            }
            (_, None) => return None,
        };
        // ssh stays the same over all attempts and repeats its messages: the last one is enough.
        let said = match (&self.address, said.rsplit_once('\n')) {
            (Address::Ssh(_), Some((_, last))) if may_pass => format!(": {}", last.trim_start()),
            _ => said,
        };
        let (tried, hint) = tried(may_pass, waited);
        Some((format!("{why}{tried}{hint}{said}"), may_pass))
    }

    /// Remembers that the target led to a session.
    pub(super) fn established(&mut self) {
        self.was_established = true;
    }

    /// Describes the end of the program that led to a session, with its stderr, if it has ended.
    pub(super) async fn end(&self) -> Option<String> {
        let program = self.program.as_ref().filter(|_| self.was_established)?;
        let end = program.end(ENDING).await?;
        Some(format!("{} {end}{}", self.name(), program.said()))
    }

    fn name(&self) -> &'static str {
        if matches!(self.address, Address::Ssh(_)) { "ssh" } else { "the command" }
    }
}

fn problem(error: io::Error) -> Problem {
    let cause: Cause<QmpError> = Cause::Io(error);
    Problem::Failed(OpenError::Connect(ConnectError { phase: Phase::Connection, cause }))
}

fn too_late(limit: Duration) -> String {
    format!("ssh has not connected within {} s (--connect-timeout)", limit.as_secs_f64())
}

/// Returns true if ssh can ask the user for a password or about a host's key.
fn can_ask() -> bool {
    std::fs::File::options().read(true).write(true).open("/dev/tty").is_ok()
}
