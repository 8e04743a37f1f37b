//! A QEMU of this machine, by its name or process id: whichever of its monitors is free when it is dialled.

use std::io;

use super::{Endpoint, Link};
use crate::processes::{self, Wanted};
use crate::protocol::Dial;

/// Finds the process and connects to a free monitor of it. It is looked for at each attempt, so a VM that was restarted
/// is found again.
impl Dial for Wanted {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        // Quick, but it reads files.
        let found = tokio::task::spawn_blocking(move || -> io::Result<_> {
            Ok(processes::resolve(&self, &processes::find()?)?)
        });
        let address = found.await.map_err(io::Error::other)??;
        match Endpoint::from(&address) {
            Endpoint::Unix(unix) => unix.dial().await,
            Endpoint::Tcp(tcp) => tcp.dial().await,
            Endpoint::Process(_) => Err(io::Error::other("a process was found that names another one")),
        }
    }
}
