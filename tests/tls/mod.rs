//! TLS: a real QEMU that listens, a real QEMU that dials in, and every way it can fail.

mod connecting;
mod credentials;
mod listening;
mod peer;
mod records;
mod refusals;

use crate::support::certificates::Folder;
use crate::support::{Program, qmpsh};

/// `qmpsh` with these credentials.
fn with(folder: &Folder) -> Program {
    qmpsh().args(["--tls-creds", &folder.shown()])
}
