//! `qmpsh share`: one monitor for many clients, on a real QEMU and on a mock.

mod clients;
mod listening;
mod policies;
mod upstream;

use std::path::{Path, PathBuf};

use crate::support::client::Client;
use crate::support::program::Process;
use crate::support::{Qemu, qmpsh};

/// A share that runs, with its first socket.
struct Share {
    process: Process,
    socket: PathBuf,
}

impl Share {
    /// Starts `qmpsh share MONITOR --listen s.sock,OPTIONS ARGS...` and waits until it serves.
    fn start(monitor: &Path, options: &str, args: &[&str]) -> Self {
        let program = qmpsh();
        let socket = program.home().join("s.sock");
        let listen = format!("{}{options}", socket.display());
        let mut process = program.arg("share").arg(monitor).args(["--listen", listen.as_str()]).args(args).start();
        while !process.read_stderr_line().starts_with("sharing ") {}
        Self { process, socket }
    }

    fn on(qemu: &Qemu) -> Self {
        Self::start(&qemu.socket(), "", &[])
    }

    fn client(&self) -> Client {
        Client::unix(&self.socket).negotiate()
    }
}
