//! Finds the QEMU processes of this machine: their names, their monitors, and the clients of these.
//!
//! `system` reads command lines and the kernel's tables. `command_line` finds the monitors in QEMU's options
//! (`option`), `tables` and `sockets` their sockets. It works on Linux, and finds what the user may see: only root sees
//! the descriptors of other users.
//!
//! The file name of its executable makes a process a QEMU. If that cannot be read, its command line counts; qmpsh lists such a
//! process, but does not connect to it by its name.

#[cfg(any(target_os = "linux", test))]
mod command_line;
#[cfg(any(target_os = "linux", test))]
mod option;
mod process;
mod resolve;
#[cfg(any(target_os = "linux", test))]
mod sockets;
#[cfg(target_os = "linux")]
mod system;
#[cfg(any(target_os = "linux", test))]
mod tables;

pub use process::{Access, Holder, Language, Monitor, Place, QemuProcess, Silence, State, Stopped, TLS};
pub use resolve::{ResolveError, Wanted, resolve};

use std::io;

use crate::address::Address;

/// Finds the QEMU processes of this machine, by process id.
///
/// # Errors
/// `/proc` cannot be read; the error is of kind `Unsupported` on another system than Linux.
pub fn find() -> io::Result<Vec<QemuProcess>> {
    #[cfg(target_os = "linux")]
    return system::find();
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(io::ErrorKind::Unsupported, "finding QEMU processes works only on Linux"))
}

/// Tells why the monitor at `address` does not answer this process; `None` if the system does not tell.
pub fn silence(address: &Address) -> Option<Silence> {
    #[cfg(target_os = "linux")]
    return system::silence(address);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = address;
        None
    }
}

/// Returns a sentence about a stopped QEMU at the other end of a connection of this process; `None` if there is none, or the
/// system does not tell.
pub fn stopped_peer() -> Option<String> {
    #[cfg(target_os = "linux")]
    return system::stopped_peer();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Returns true if a process is known to have a socket bound to this file. The system does not tell about some, such as those
/// in a container.
pub(crate) fn is_bound(file: &std::fs::Metadata) -> bool {
    #[cfg(target_os = "linux")]
    return system::is_bound(file);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}
