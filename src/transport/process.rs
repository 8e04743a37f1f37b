//! A QEMU of this machine, by its name or process id: whichever of its monitors is free when it is dialled.

use std::io;

use super::Endpoint;
use crate::address::Address;
use crate::processes::{self, QemuProcess, Wanted};
use crate::protocol::{Dial, Link};
use crate::text;

/// Connects to a free monitor. On a Unix socket, the listener must be that process, its user or root.
pub(super) async fn dial(wanted: Wanted) -> io::Result<Box<dyn Link>> {
    let (process, address) = locate(wanted, false).await?;
    let link = match Endpoint::from(&address) {
        Endpoint::Unix(unix) => unix.connect().await?,
        Endpoint::Tcp(tcp) => return tcp.dial().await,
        _ => return Err(io::Error::other("a monitor listens on a Unix socket or a TCP port")),
    };
    let listener = link.peer()?;
    let pid = listener.pid().and_then(|pid| u32::try_from(pid).ok());
    if !process.is_listener(pid, listener.uid()) {
        let address = address.to_string();
        let why = format!("{process} does not listen at {}; user {} does", text::line(&address), listener.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(Box::new(link))
}

/// Finds the process, and a free monitor of it: one with TLS or one without. It is looked for at each attempt, so a VM
/// that was restarted is found again.
pub(super) async fn locate(wanted: Wanted, tls: bool) -> io::Result<(QemuProcess, Address)> {
    // Quick, but it reads files.
    let found = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let processes = processes::find()?;
        let (process, address) = processes::resolve(&wanted, &processes, tls)?;
        Ok((process.clone(), address.clone()))
    });
    found.await.map_err(io::Error::other)?
}
