//! TLS: a real QEMU that listens, a real QEMU that dials in, and every way it can fail.

pub mod certificates;
mod connecting;
mod credentials;
mod listening;
mod peer;
mod records;
mod refusals;
mod unix_sockets;

use std::path::Path;

use crate::support::qemu::Builder;
use crate::support::version::reconnect;
use crate::support::{Program, Qemu, qmpsh};
use crate::tls::certificates::Folder;

/// `qmpsh` with these credentials.
fn with(folder: &Folder) -> Program {
    qmpsh().args(["--tls-creds", &folder.path().display().to_string()])
}

/// A QEMU that dials `host` again and again, with these credentials.
fn dialing(host: &str, port: &str, credentials: &Path) -> Builder {
    dialing_with(host, port, credentials, "")
}

/// A QEMU that dials in with these credentials, and more properties of `tls-creds-x509`.
fn dialing_with(host: &str, port: &str, credentials: &Path, more: &str) -> Builder {
    let object = format!("tls-creds-x509,id=tls,endpoint=client,dir={}{more}", credentials.display());
    let chardev = format!("socket,id=dial,host={host},port={port},{},tls-creds=tls", reconnect());
    Qemu::none().name("dialer").args(["-object", &object, "-chardev", &chardev, "-mon", "chardev=dial,mode=control"])
}
