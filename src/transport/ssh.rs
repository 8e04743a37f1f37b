//! Connects to a Unix socket on another machine, through a local socket that the system's OpenSSH forwards.
//!
//! It uses `ssh -N -L`, because `ssh -W` is silent with Unix sockets before OpenSSH 9.4 (docs/qmp.md, "Transports").

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixStream;

use super::child::{End, Process};
use super::stderr_tail::StderrTail;
use super::unix::UnixLink;
use crate::address::{self, UNIX_PATH_MAX};
use crate::error::describe;
use crate::protocol::{Dial, Link};

/// How often to look for the socket that ssh makes, since ssh does not report it.
const POLL: Duration = Duration::from_millis(10);

/// How long ssh may take to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);

/// Runs ssh with the arguments of the script. It waits for a line: until then, ssh would not be ended with this program.
///
/// ssh stays in the process group of this program, so that it can ask at the terminal. Ctrl-C is for this program, which ends ssh.
const SCRIPT: &str = r#"trap '' INT QUIT; read -r _ && exec ssh "$@" </dev/null"#;

/// The exit status of a shell that cannot find a program.
const NOT_FOUND: i32 = 127;

/// A Unix socket on another machine, reached through OpenSSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The address of the socket.
    pub address: address::Ssh,
    /// How long ssh may take to connect to its server, without the time for questions to the user; rounded up to seconds.
    /// `None`: the limit of ssh's configuration.
    pub connect_timeout: Option<Duration>,
}

impl Ssh {
    /// Starts ssh and waits until it has connected. Dropping the future ends ssh.
    pub async fn open(&self) -> io::Result<Arc<Tunnel>> {
        let directory = private_directory()?;
        let socket = directory.path().join("q");
        let mut command = Command::new("sh");
        command.arg("-c").arg(SCRIPT).arg("sh").args(self.arguments(&socket));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Process::spawn_in(directory.path(), &mut command)?;
        let (Some(mut stdin), _, Some(stderr)) = process.pipes() else {
            return Err(io::Error::other("its pipes are missing"));
        };
        stdin.write_all(b"\n")?;
        let stderr_tail = StderrTail::new(&process, stderr)?;
        let tunnel = Tunnel { socket, process, stderr_tail, _directory: directory };
        while !tunnel.socket.exists() {
            if let Some(end) = tunnel.stderr_tail.end(POLL).await {
                return Err(failed(end, &tunnel.stderr_tail.said()));
            }
        }
        Ok(Arc::new(tunnel))
    }

    fn arguments(&self, socket: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = ["-N", "-T", "-a", "-x"].map(OsString::from).to_vec();
        let mut option = |text: &str| args.extend(["-o".into(), OsString::from(text)]);
        // A shared connection would keep the forwarding when this one ends.
        option("ControlMaster=no");
        option("ControlPath=none");
        // At this level ssh reports why it cannot open the socket.
        option("LogLevel=INFO");
        option("PermitLocalCommand=no");
        // The user's configuration may forward other ports, which may be in use.
        option("ExitOnForwardFailure=no");
        // It may also have these, which would take away this forwarding, or the process that is to be ended.
        option("ClearAllForwardings=no");
        // OpenSSH before 8.7 does not know the second one. A list of the user's own would lose to a narrower pattern.
        option("IgnoreUnknown=*");
        option("ForkAfterAuthentication=no");
        if let Some(limit) = self.connect_timeout {
            option(&format!("ConnectTimeout={}", limit.as_secs().saturating_add(u64::from(limit.subsec_nanos() > 0))));
        }
        let path = self.address.path.as_os_str().as_bytes();
        let forward = [&escaped(socket.as_os_str().as_bytes()), &b":"[..], &escaped(path)].concat();
        args.extend(["-L".into(), OsString::from_vec(forward)]);
        if let Some(port) = self.address.port {
            args.extend(["-p".into(), OsString::from(port.to_string())]);
        }
        if let Some(user) = &self.address.user {
            args.extend(["-l".into(), OsString::from(user)]);
        }
        args.extend(["--".into(), OsString::from(&self.address.host)]);
        args
    }
}

/// Escapes a path for `-L`, where `:` separates and `%` begins a token.
fn escaped(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        match byte {
            b':' | b'\\' => out.push(b'\\'),
            b'%' => out.push(b'%'),
            _ => {}
        }
        out.push(byte);
    }
    out
}

/// Makes the error for an ssh that has ended. Its kind is `ConnectionRefused` if another attempt may succeed.
fn failed(end: End, said: &str) -> io::Error {
    const MAY_PASS: [&str; 6] = [
        "Connection refused",
        "Connection reset",
        "timed out",
        "No route to host",
        "Network is unreachable",
        "Connection closed by",
    ];
    if end == End::Exited(NOT_FOUND) {
        return io::Error::other(format!("the program ssh (OpenSSH) cannot be started{said}"));
    }
    // Repeated attempts after `Permission denied` can lock the user out.
    let kind = if MAY_PASS.iter().any(|text| said.contains(text)) && !said.contains("denied") {
        io::ErrorKind::ConnectionRefused
    } else {
        io::ErrorKind::Other
    };
    // Where ssh cannot ask about a new key, it says only this. Its message about a changed key says more.
    let is_new = said.contains("Host key verification failed") && !said.contains("CHANGED");
    let hint = if is_new { " (ssh to that host, once, asks whether its key can be trusted)" } else { "" };
    io::Error::new(kind, format!("ssh {end}{said}{hint}"))
}

impl Dial for Ssh {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        self.open().await?.dial().await
    }
}

/// A connected ssh. Dropping the last handle ends it; each link holds a handle.
#[derive(Debug)]
pub struct Tunnel {
    socket: PathBuf,
    process: Process,
    stderr_tail: StderrTail,
    // Dropped last.
    _directory: TempDir,
}

impl Tunnel {
    /// Returns what ssh writes to stderr, and how it ends.
    pub fn stderr_tail(&self) -> &StderrTail {
        &self.stderr_tail
    }

    /// Returns true if ssh is running.
    pub fn is_open(&self) -> bool {
        self.process.ended().is_none()
    }

    /// Connects to the socket that ssh forwards. Whether the other machine can open it is not known yet.
    pub async fn dial(self: Arc<Self>) -> io::Result<Box<dyn Link>> {
        loop {
            match UnixStream::connect(&self.socket).await {
                // ssh has bound the socket, but does not listen yet.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && self.is_open() => {
                    tokio::time::sleep(POLL).await;
                }
                Err(error) => return Err(error),
                Ok(stream) => return Ok(Box::new(UnixLink::forwarded(stream, self))),
            }
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.process.end_now(GRACE);
    }
}

/// Makes a directory for one socket that no other user can look into.
fn private_directory() -> io::Result<TempDir> {
    // The name of the socket in it, and what ssh adds to that while it makes it.
    const ROOM: usize = 60;
    let mut parent = std::env::temp_dir();
    if parent.as_os_str().len() + ROOM > UNIX_PATH_MAX {
        parent = OsStr::new("/tmp").into();
    }
    let private = fs::Permissions::from_mode(0o700);
    let made = tempfile::Builder::new().prefix("qmpsh-").permissions(private).tempdir_in(&parent);
    made.map_err(|error| {
        let why = format!("cannot make a directory in {}: {}", parent.display(), system_error(&error));
        io::Error::new(error.kind(), why)
    })
}

/// Returns the system's message without the path that tempfile adds.
fn system_error(error: &io::Error) -> String {
    error.get_ref().and_then(std::error::Error::source).map_or_else(|| describe(error), describe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    #[test]
    fn what_ssh_is_called_with() {
        #[track_caller]
        fn check(text: &str, limit: Option<u64>, expected: &[&str]) {
            let Ok(Address::Ssh(address)) = Address::parse(text) else { panic!("{text}") };
            let ssh = Ssh { address, connect_timeout: limit.map(Duration::from_millis) };
            let args = ssh.arguments(Path::new("/t/q"));
            let after = args.iter().position(|arg| arg == "ForkAfterAuthentication=no").expect("the options");
            assert_eq!(args[after + 1..], expected.iter().map(OsString::from).collect::<Vec<_>>(), "{text}");
        }
        check("ssh://host/q", None, &["-L", "/t/q:/q", "--", "host"]);
        check("ssh://a@host:22/q", None, &["-L", "/t/q:/q", "-p", "22", "-l", "a", "--", "host"]);
        check("ssh://[::1]/a:b%c\\d", None, &["-L", "/t/q:/a\\:b%%c\\\\d", "--", "::1"]);
        check("ssh://h/q", Some(1), &["-o", "ConnectTimeout=1", "-L", "/t/q:/q", "--", "h"]);
        check("ssh://h/q", Some(10_000), &["-o", "ConnectTimeout=10", "-L", "/t/q:/q", "--", "h"]);
    }

    #[test]
    fn what_may_pass() {
        #[track_caller]
        fn check(end: End, said: &str, may_pass: bool, shown: &str) {
            let error = failed(end, said);
            assert_eq!(
                (error.kind() == io::ErrorKind::ConnectionRefused, error.to_string()),
                (may_pass, shown.to_owned())
            );
        }
        let refused = ": ssh: connect to host h port 22: Connection refused";
        check(End::Exited(255), refused, true, &format!("ssh ended with exit status 255{refused}"));
        check(
            End::Exited(255),
            ": Host key verification failed.",
            false,
            "ssh ended with exit status 255: Host key verification failed. (ssh to that host, once, asks whether its key \
             can be trusted)",
        );
        let denied = ":\n  a@h: Permission denied (publickey).\n  Connection closed by h";
        check(End::Exited(255), denied, false, &format!("ssh ended with exit status 255{denied}"));
        check(
            End::Exited(127),
            ": x: exec: ssh: not found",
            false,
            "the program ssh (OpenSSH) cannot be started: x: exec: ssh: not found",
        );
    }

    #[test]
    fn a_private_directory_goes_with_its_contents() {
        let (a, b) = (private_directory().unwrap(), private_directory().unwrap());
        assert_ne!(a.path(), b.path());
        assert_eq!(fs::metadata(a.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(a.path().join("q"), "").unwrap();
        let path = a.path().to_owned();
        drop(a);
        assert!(!path.exists() && b.path().exists());
    }
}
