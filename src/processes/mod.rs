//! The QEMU processes of this machine: their names, their monitors, and who holds each.
//!
//! What a command line says about the monitors (`command_line`, in QEMU's syntax of options, `option`) is put together
//! with what the kernel's tables say about sockets (`tables`, `sockets`); `system` reads both. Only on Linux, and only
//! what the user may see: the descriptors of another user's processes are not shown to anybody but root.
//!
//! A process is a QEMU by the file name of its executable. Its command line is its own claim, which counts only where the
//! executable cannot be read; such a process is shown, and never reached by its name.

#[cfg(any(target_os = "linux", test))]
mod command_line;
#[cfg(any(target_os = "linux", test))]
mod option;
mod resolve;
#[cfg(any(target_os = "linux", test))]
mod sockets;
#[cfg(target_os = "linux")]
mod system;
#[cfg(any(target_os = "linux", test))]
mod tables;

pub use resolve::{ResolveError, Wanted, resolve};

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::io;
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
    /// What `-name` says.
    pub name: Option<OsString>,
    /// The number of the user who runs it.
    pub uid: u32,
    /// That user's name, or the number where there is none.
    pub user: String,
    /// Its monitors, in the order of its command line.
    pub monitors: Vec<Monitor>,
    /// It was given `-readconfig`, which is not read: it may have more monitors.
    pub reads_config: bool,
    /// libvirt started it.
    pub libvirt: bool,
    /// What the caller may do with it.
    pub access: Access,
    /// It does nothing until it is continued.
    pub stopped: Option<Stopped>,
}

/// What the caller may do with a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reach it by its name: it runs as the caller, or for root as an account that libvirt or a distribution runs QEMU as.
    ByName,
    /// Reach it by its number alone: it is another user's.
    ByPid,
    /// The same, and neither its executable nor what it has open can be inspected.
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

/// `QEMU (4711) is stopped`, and how to continue it.
fn stopped_sentence(program: &str, pid: u32, stopped: Stopped, access: Access) -> String {
    match stopped {
        Stopped::Signal if access == Access::Hidden => format!("{program} ({pid}) is stopped"),
        Stopped::Signal => format!("{program} ({pid}) is stopped (kill -CONT {pid} continues it)"),
        Stopped::Debugger => format!("{program} ({pid}) is stopped by a debugger"),
    }
}

impl QemuProcess {
    /// The command that asks libvirt to run a QMP command on this VM, if it is libvirt's.
    pub fn virsh(&self) -> Option<String> {
        let name = self.libvirt_name()?;
        let uri = self.libvirt_uri();
        Some(format!("virsh {uri}qemu-monitor-command {name} '{{\"execute\":\"query-status\"}}'"))
    }

    /// The command that makes a monitor of libvirt's own, which can be connected to, if the VM is libvirt's.
    fn libvirt_proxy(&self) -> Option<String> {
        Some(format!("virt-qemu-qmp-proxy {}{} PATH", self.libvirt_uri(), self.libvirt_name()?))
    }

    /// Whether the monitor is this process's if `pid`, of the user `uid`, listens on its socket.
    pub(crate) fn is_listener(&self, pid: Option<u32>, uid: u32) -> bool {
        pid == Some(self.pid) || uid == self.uid || uid == 0
    }

    /// Its name, quoted for a shell.
    fn libvirt_name(&self) -> Option<Cow<'_, str>> {
        let name = self.name.as_ref().filter(|_| self.libvirt)?;
        let name = text::bytes(name.as_bytes());
        let is_plain = |c: char| c.is_alphanumeric() || "-_.+:".contains(c);
        Some(if name.chars().all(is_plain) { name } else { format!("'{}'", name.replace('\'', r"'\''")).into() })
    }

    /// Without it libvirt's tools look among the user's own VMs.
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
    /// What it speaks.
    pub language: Language,
    /// Where it is.
    pub place: Place,
    /// What a client must speak first: TLS, telnet or websocket.
    pub wrapper: Option<&'static str>,
    /// Whether somebody uses it.
    pub state: State,
}

/// What a monitor speaks.
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
    /// It dials out to there, and somebody has to listen.
    DialsOut(Address),
    /// It has no address: `stdio`, `pty`, an inherited socket, a path that cannot be told.
    Other(String),
}

/// Whether somebody uses a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody does.
    Free,
    /// QMP serves one client at a time, and this one is it.
    Held(Holder),
    /// Clients wait, and QEMU accepts none: it hangs, is busy or is still starting.
    NotAccepting,
    /// It listens, but its socket file was removed or replaced.
    Unlinked,
    /// Its socket does not listen.
    NotListening,
    /// It dials out, and nobody has answered.
    NotConnected,
    /// The system does not tell.
    Unknown,
}

/// Who holds a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A process of this machine.
    Process {
        /// Its process id.
        pid: u32,
        /// Its name as the kernel has it: at most 15 bytes.
        name: String,
    },
    /// Somebody on another machine.
    Remote(SocketAddr),
    /// A process of this machine which the system does not show to this user.
    Hidden,
    /// Somebody of whom the system keeps no record.
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

/// The QEMU processes of this machine, by process id.
///
/// # Errors
/// `/proc` cannot be read; the error is of kind `Unsupported` on another system than Linux.
pub fn find() -> io::Result<Vec<QemuProcess>> {
    #[cfg(target_os = "linux")]
    return system::find();
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(io::ErrorKind::Unsupported, "finding QEMU processes works only on Linux"))
}

/// Why the monitor at an address does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// Another client has it.
    Held(Holder),
    /// Its process is stopped; the sentence says which, and how to continue it.
    Stopped(String),
    /// Nobody has it, and its process accepts no connection; the text names the process.
    NotAccepting(String),
}

/// Why the monitor at `address` does not answer this process; `None` if the system does not tell.
pub fn silence(address: &Address) -> Option<Silence> {
    #[cfg(target_os = "linux")]
    return system::silence(address);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = address;
        None
    }
}

/// Whether a process is known to have a socket bound to this file. The system may not tell, as for one in a container.
pub(crate) fn is_bound(file: &std::fs::Metadata) -> bool {
    #[cfg(target_os = "linux")]
    return system::is_bound(file);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}
