//! Explains why connecting failed, and what to do about it.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use super::secure;
use qmpsh::address::Address;
use qmpsh::client::{NonQmpPeer, Progress, QmpError};
use qmpsh::error::describe;
use qmpsh::processes::{self, ResolveError, Silence};
use qmpsh::protocol::{Cause, ConnectError, OpenError};
use qmpsh::text;
use qmpsh::transport::{Reached, TlsError};

/// Why there is no session.
pub(super) enum Problem {
    Failed(OpenError<QmpError>),
    /// There was no session within `limit`. `tls` is set for TLS, and tells if the peer was reached.
    TookTooLong {
        progress: Progress,
        limit: Duration,
        tls: Option<Reached>,
    },
    /// The peer's process is stopped, as the sentence says.
    Stopped(String),
}

impl Problem {
    /// Returns true if another attempt to connect to `address` may succeed. The socket may appear or accept later, the VM may start
    /// or continue, and another client may release its monitor.
    pub(super) fn may_pass(&self, address: &Address) -> bool {
        use io::ErrorKind::{
            AddrNotAvailable, ConnectionAborted, ConnectionRefused, ConnectionReset, NotFound, ResourceBusy,
        };
        match self {
            Problem::TookTooLong { .. } | Problem::Stopped(_) => true,
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Io(error), .. })) => match error.kind() {
                // A file that is not a socket refuses, too.
                ConnectionRefused => !matches!(address, Address::Unix(path) if !is_socket(path)),
                // The program for `exec:` or `ssh:` is missing.
                NotFound => !matches!(address, Address::Exec(_) | Address::Ssh(_)),
                ConnectionReset | ConnectionAborted | AddrNotAvailable | ResourceBusy => TlsError::of(error).is_none(),
                _ => unresolved(error).is_some_and(ResolveError::is_stopped),
            },
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. })) => {
                matches!(error, QmpError::ClosedBeforeGreeting | QmpError::GreetingCutShort { .. })
            }
            Problem::Failed(_) => false,
        }
    }

    /// Returns true if the connection broke, or the peer closed it.
    pub(super) fn is_end(&self) -> bool {
        use QmpError::{ClosedBeforeGreeting, ClosedDuringNegotiation, GreetingCutShort, Io};
        let Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. })) = self else {
            return false;
        };
        matches!(error, ClosedBeforeGreeting | GreetingCutShort { .. } | ClosedDuringNegotiation | Io(_))
    }

    /// Explains a problem with a peer that qmpsh did not connect to by an address. `shown` is safe for a terminal.
    pub(super) fn explain(&self, shown: &str) -> String {
        self.explain_address(shown, None, None, false)
    }

    /// Explains the problem. `address` is set if qmpsh connected to it, `waited` if there was more than one attempt.
    pub(super) fn explain_address(
        &self,
        shown: &str,
        address: Option<&Address>,
        waited: Option<Duration>,
        guest_agent: bool,
    ) -> String {
        match self {
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Io(error), .. })) => {
                let tls = TlsError::of(error).map(secure::explain);
                let Some(address) = address else {
                    return format!("no session with {shown}: {}", tls.unwrap_or_else(|| describe(error)));
                };
                let why = tls.unwrap_or_else(|| explain_io(error, address, guest_agent));
                let (tried, hint) = tried(self.may_pass(address), waited);
                // To continue a stopped QEMU helps more than to wait for that.
                let hint = match unresolved(error) {
                    Some(error) if error.is_stopped() => "",
                    Some(error) => match error.other_tls() {
                        Some(true) => " (to use it, give --tls-creds DIR)",
                        Some(false) => " (to use it, omit --tls-creds)",
                        None => hint,
                    },
                    None => hint,
                };
                format!("cannot connect to {shown}{tried}: {why}{hint}")
            }
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. })) => {
                let hint = match error {
                    QmpError::NoAgent => " (omit --qga to use it)",
                    QmpError::NotQmp { peer: NonQmpPeer::Tls, .. } => " (--tls-creds DIR uses TLS)",
                    _ => "",
                };
                format!("no session with {shown}: {}{hint}", describe(error))
            }
            Problem::Failed(error) => format!("no session with {shown}: {}", describe(error)),
            Problem::Stopped(why) => format!("cannot connect to {shown}{}: {why}", tried(true, waited).0),
            Problem::TookTooLong { progress, limit, tls } => {
                let silence = address.and_then(processes::silence);
                let seconds = limit.as_secs_f64();
                let held = match &silence {
                    Some(Silence::Stopped(why)) => return format!("no session with {shown} within {seconds} s: {why}"),
                    Some(Silence::NotAccepting(server)) => {
                        return format!(
                            "no session with {shown} within {seconds} s: {server} does not accept connections, though it \
                             has no client: it hangs, is busy, or is still starting (--wait SECONDS waits longer)"
                        );
                    }
                    Some(Silence::Held(holder)) => format!("{holder} holds this monitor"),
                    None => "another client (libvirt, a second shell) may hold this monitor".to_owned(),
                };
                if *progress == Progress::Connecting && tls.as_ref().is_some_and(Reached::get) {
                    return explain_no_handshake(seconds, shown, &held);
                }
                let mut text = explain_silence(progress, seconds, shown, &held);
                text.push_str(match (progress, address) {
                    (Progress::AwaitingGreeting { seen }, Some(Address::Tcp { .. }))
                        if seen.is_empty() && tls.is_none() =>
                    {
                        "\n  - a monitor with TLS waits for a TLS client: use --tls-creds DIR"
                    }
                    // A greeting comes even if the command does not read its stdin.
                    (Progress::Negotiating | Progress::Synchronizing { refusal: None }, Some(Address::Exec(_))) => {
                        "\n  - the command may not read its stdin; kubectl and docker need `exec -i`"
                    }
                    _ => "",
                });
                text
            }
        }
    }
}

/// Says how long qmpsh has tried, and which option makes it try again.
pub(super) fn tried(may_pass: bool, waited: Option<Duration>) -> (String, &'static str) {
    match waited {
        Some(time) if may_pass && !time.is_zero() => (format!(", tried for {} s", time.as_secs_f64()), ""),
        None if may_pass => (String::new(), " (--wait SECONDS keeps trying)"),
        _ => (String::new(), ""),
    }
}

/// Explains an error of the system.
fn explain_io(error: &io::Error, address: &Address, guest_agent: bool) -> String {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    match (error.kind(), address) {
        (_, Address::Exec(_) | Address::Ssh(_)) => describe(error),
        (NotFound, Address::Unix(path)) => explain_missing(path, guest_agent),
        (ConnectionRefused, Address::Unix(path)) if !is_socket(path) => "this file is not a socket".to_owned(),
        (ConnectionRefused, Address::Unix(_)) => {
            "no process listens there; the one that made this socket has ended or is not listening yet".to_owned()
        }
        (ConnectionRefused, _) => "no process listens there; QEMU has ended or is not listening yet".to_owned(),
        (PermissionDenied, Address::Unix(_) | Address::Vm(_) | Address::Pid(_)) if error.raw_os_error().is_some() => {
            "permission denied; run qmpsh as the user who runs QEMU, or as root".to_owned()
        }
        (_, Address::Unix(_)) if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::PROTOTYPE) => {
            "this is a datagram socket, and a monitor needs a stream socket".to_owned()
        }
        // The only step without an error number is the look-up of the name.
        (_, Address::Tcp { host, .. }) if error.raw_os_error().is_none() => {
            let why = describe(error);
            let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why);
            format!("cannot look up the name {}: {why}", text::line(host))
        }
        _ => describe(error),
    }
}

fn explain_missing(path: &Path, guest_agent: bool) -> String {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            format!("no such directory: {}", text::line(&parent.display().to_string()))
        }
        _ if guest_agent => "no such socket; QEMU creates it with -chardev socket,id=ga,path=PATH,server=on,wait=off \
                             -device virtio-serial -device virtserialport,chardev=ga,name=org.qemu.guest_agent.0"
            .to_owned(),
        // The first word is an address. One that is meant as a command has no slash.
        _ if !path.as_os_str().as_encoded_bytes().contains(&b'/') && std::env::var_os("QMP_SOCKET").is_some() => {
            "no such socket; to run a command at $QMP_SOCKET, write it after -c".to_owned()
        }
        _ => "no such socket; QEMU creates it with -qmp unix:PATH,server=on,wait=off".to_owned(),
    }
}

/// Returns why `vm:` or `pid:` names no monitor.
fn unresolved(error: &io::Error) -> Option<&ResolveError> {
    error.get_ref().and_then(|error| error.downcast_ref())
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

fn explain_silence(progress: &Progress, seconds: f64, address: &str, held: &str) -> String {
    match progress {
        Progress::Connecting => format!(
            "cannot connect to {address} within {seconds} s: no process accepts the connection; a monitor serves one client at a time and others are waiting, or the host is down"
        ),
        Progress::AwaitingGreeting { seen } if seen.is_empty() => format!(
            "no greeting from {address} within {seconds} s: the connection works, but the peer is silent\n  \
             - QMP serves one client at a time: {held}\n  \
             - QEMU may still be starting: --wait SECONDS waits longer\n  \
             - a guest agent sends no greeting: if this is one, use --qga"
        ),
        Progress::AwaitingGreeting { seen } => format!(
            "no greeting from {address} within {seconds} s: only part of it came: `{}`",
            text::excerpt(seen, 60)
        ),
        Progress::Synchronizing { refusal: Some(refusal) } => format!(
            "no answer from the guest agent at {address} within {seconds} s: it refused guest-sync-delimited ({}), and did \
             not answer guest-sync",
            text::line(refusal)
        ),
        Progress::Synchronizing { refusal: None } => format!(
            "no answer from a guest agent at {address} within {seconds} s: the connection works, but the peer is \
             silent\n  \
             - the agent may not be running in the guest: QEMU accepts the connection anyway\n  \
             - it serves one client at a time: {held}\n  \
             - it may be busy with a command of an earlier client: --wait SECONDS waits longer"
        ),
        Progress::Negotiating | Progress::Established => format!(
            "no answer to the negotiation from {address} within {seconds} s: the greeting came, then nothing; QEMU \
             may be stopped or very busy"
        ),
    }
}

fn explain_no_handshake(seconds: f64, address: &str, held: &str) -> String {
    format!(
        "no TLS handshake with {address} within {seconds} s: the connection works, but the peer is silent\n  \
         - QMP serves one client at a time: {held}\n  \
         - QEMU may still be starting: --wait SECONDS waits longer\n  \
         - the peer may not use TLS: QEMU needs tls-creds=ID on the chardev of its monitor"
    )
}
