//! A QEMU of this machine, by its name or process id: whichever of its monitors is free when it is dialled.

use std::io;

use super::Endpoint;
use crate::processes::{self, Wanted};

/// Finds the process, and a free monitor of it: one with TLS or one without. It is looked for at each attempt, so a VM
/// that was restarted is found again.
pub(super) async fn locate(wanted: Wanted, tls: bool) -> io::Result<Endpoint> {
    // Quick, but it reads files.
    let found = tokio::task::spawn_blocking(move || -> io::Result<_> {
        Ok(processes::resolve(&wanted, &processes::find()?, tls)?)
    });
    let address = found.await.map_err(io::Error::other)??;
    Ok(Endpoint::from(&address))
}
