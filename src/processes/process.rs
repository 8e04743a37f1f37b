//! A QEMU process, its monitors and their clients, as types.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use crate::address::Address;
use crate::text;

/// A running QEMU: a system emulator or a storage daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuProcess {
    /// Its process id.
    pub pid: u32,
    /// Its program, without directories.
    pub program: String,
    /// Its `-name`.
    pub name: Option<OsString>,
    /// The user id that it runs as.
    pub uid: u32,
    /// The name of that user; the number if there is none.
    pub user: String,
    /// Its monitors, in the order of its command line.
    pub monitors: Vec<Monitor>,
    /// True if it was given `-readconfig`, which qmpsh does not read: it may have more monitors.
    pub reads_config: bool,
    /// True if libvirt started it.
    pub libvirt: bool,
    /// What the caller may do with it.
    pub access: Access,
    /// Why it does nothing, if it is stopped.
    pub stopped: Option<Stopped>,
}

/// What the caller may do with a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Connect by its name: it runs as the caller, or, for root, as an account of libvirt or a distribution.
    ByName,
    /// Connect by its process id only: it is another user's.
    ByPid,
    /// Connect by its process id only: its executable and its descriptors cannot be inspected.
    Hidden,
}

/// Why a process does nothing. Source: the state in `proc_pid_stat(5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// By a signal, such as SIGSTOP.
    Signal,
    /// By a debugger.
    Debugger,
}

/// Says that a process is stopped, and how to continue it.
pub(super) fn stopped_sentence(program: &str, pid: u32, stopped: Stopped, access: Access) -> String {
    match stopped {
        Stopped::Signal if access == Access::Hidden => format!("{program} ({pid}) is stopped"),
        Stopped::Signal => format!("{program} ({pid}) is stopped (kill -CONT {pid} continues it)"),
        Stopped::Debugger => format!("{program} ({pid}) is stopped by a debugger"),
    }
}

impl QemuProcess {
    /// Returns the command that asks libvirt to run a QMP command on this VM, if it is libvirt's.
    pub fn virsh(&self) -> Option<String> {
        let name = self.libvirt_name()?;
        let uri = self.libvirt_uri();
        Some(format!("virsh {uri}qemu-monitor-command {name} '{{\"execute\":\"query-status\"}}'"))
    }

    /// Returns the command that makes libvirt offer a monitor to connect to, if the VM is libvirt's.
    pub(super) fn libvirt_proxy(&self) -> Option<String> {
        Some(format!("virt-qemu-qmp-proxy {}{} PATH", self.libvirt_uri(), self.libvirt_name()?))
    }

    /// Returns true if the monitor belongs to this process if `pid`, of the user `uid`, listens on its socket.
    pub(crate) fn is_listener(&self, pid: Option<u32>, uid: u32) -> bool {
        pid == Some(self.pid) || uid == self.uid || uid == 0
    }

    /// Returns its name, quoted for a shell.
    fn libvirt_name(&self) -> Option<Cow<'_, str>> {
        let name = self.name.as_ref().filter(|_| self.libvirt)?;
        let name = text::bytes(name.as_bytes());
        let is_plain = |c: char| c.is_alphanumeric() || "-_.+:".contains(c);
        Some(if name.chars().all(is_plain) { name } else { format!("'{}'", name.replace('\'', r"'\''")).into() })
    }

    /// Returns the option without which libvirt's tools look among the user's own VMs.
    fn libvirt_uri(&self) -> &'static str {
        if self.access == Access::Hidden { "-c qemu:///system " } else { "" }
    }
}

/// `web1 (4711)`, or the program where there is no name; safe to show.
impl fmt::Display for QemuProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map_or(self.program.as_bytes(), |name| name.as_bytes());
        write!(f, "{} ({})", text::bytes(name), self.pid)
    }
}

/// The [`wrapper`](Monitor::wrapper) of a monitor with `tls-creds`.
pub const TLS: &str = "TLS";

/// One monitor of a QEMU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    /// The protocol that it speaks.
    pub language: Language,
    /// Where it is.
    pub place: Place,
    /// The protocol that a client must speak first: TLS, telnet or websocket.
    pub wrapper: Option<&'static str>,
    /// True if a client uses it.
    pub state: State,
}

/// The protocol of a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// QMP: `mode=control`.
    Qmp,
    /// The human monitor.
    Hmp,
}

/// Where a monitor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It listens there.
    At(Address),
    /// It connects to this address, where a client has to listen.
    DialsOut(Address),
    /// It has no address: `stdio`, `pty`, an inherited socket, an unknown path.
    Other(String),
}

/// True if a client uses a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No client does.
    Free,
    /// This client does; QMP serves one at a time.
    Held(Holder),
    /// Clients wait, and QEMU accepts none: it hangs, is busy or is still starting.
    NotAccepting,
    /// It listens, but its socket file was removed or replaced.
    Unlinked,
    /// Its socket does not listen.
    NotListening,
    /// It connects to an address where no client listens.
    NotConnected,
    /// The system does not tell.
    Unknown,
}

/// The client of a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A process of this machine.
    Process {
        /// Its process id.
        pid: u32,
        /// Its name as the kernel has it: at most 15 bytes.
        name: String,
    },
    /// A client on another machine.
    Remote(SocketAddr),
    /// A process of this machine that the system does not show to this user.
    Hidden,
    /// A client that the system does not name.
    Unknown,
}

/// Safe to show.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Process { pid, name } => write!(f, "{} ({pid})", text::line(name)),
            Holder::Remote(address) => write!(f, "{address}"),
            Holder::Hidden => f.write_str("a process that only its user or root may see"),
            Holder::Unknown => f.write_str("a client that the system does not name"),
        }
    }
}

/// Why the monitor at an address does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// Another client holds it.
    Held(Holder),
    /// Its process is stopped; the sentence says which, and how to continue it.
    Stopped(String),
    /// No client holds it, but its process, which the text names, accepts no connection.
    NotAccepting(String),
}
