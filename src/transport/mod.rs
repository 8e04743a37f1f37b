//! The transports: one file each, all of them [`Link`]s for the engine.

pub mod child;
mod exec;
mod inherited;
mod process;
mod ssh;
mod stderr_tail;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod unix;

pub use exec::{Exec, ExecLink};
pub use inherited::{Inherited, InheritedError};
pub use ssh::{Ssh, Tunnel, can_ask};
pub use stderr_tail::StderrTail;
pub use tcp::Tcp;
#[cfg(feature = "tls")]
pub use tls::{
    CertificateFault, ClientCredentials, CredentialsError, Reached, Refusal, Role, ServerCredentials, TlsBind, TlsDial,
    TlsError,
};
pub use unix::{SocketFile, Unix, UnixLink, listening_socket, set_private};

use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::address::Address;
use crate::processes::Wanted;
use crate::protocol::{Bind, Dial, Link, Listen};

/// Any address, as something to connect to or to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(Unix),
    /// A TCP port.
    Tcp(Tcp),
    /// A free monitor of a QEMU of this machine.
    Process(Wanted),
    /// A command's stdin and stdout.
    Exec(Exec),
    /// A Unix socket on another machine.
    Ssh(Ssh),
}

impl From<&Address> for Endpoint {
    fn from(address: &Address) -> Self {
        match address {
            Address::Unix(path) => Endpoint::Unix(Unix::path(path)),
            Address::Abstract { name, tight } => {
                Endpoint::Unix(Unix::Abstract { name: name.as_bytes().to_vec(), tight: *tight })
            }
            Address::Tcp { host, port } => Endpoint::Tcp(Tcp { host: host.clone(), port: *port }),
            Address::Vm(name) => Endpoint::Process(Wanted::Vm(name.clone())),
            Address::Pid(pid) => Endpoint::Process(Wanted::Pid(*pid)),
            Address::Exec(command) => Endpoint::Exec(Exec(command.clone())),
            Address::Ssh(ssh) => Endpoint::Ssh(Ssh { address: ssh.clone(), connect_timeout: None }),
        }
    }
}

impl Endpoint {
    /// Finds the monitor with TLS if this is a process; any other endpoint stays as it is.
    #[cfg(feature = "tls")]
    async fn located_with_tls(self) -> io::Result<Self> {
        match self {
            Endpoint::Process(wanted) => Ok(Endpoint::from(&process::locate(wanted, true).await?.1)),
            endpoint => Ok(endpoint),
        }
    }
}

impl Dial for Endpoint {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        match self {
            Endpoint::Unix(unix) => unix.dial().await,
            Endpoint::Tcp(tcp) => tcp.dial().await,
            Endpoint::Process(wanted) => process::dial(wanted).await,
            Endpoint::Exec(exec) => exec.dial().await,
            Endpoint::Ssh(ssh) => ssh.dial().await,
        }
    }
}

impl Bind for Endpoint {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        match self {
            Endpoint::Unix(unix) => unix.bind().await,
            Endpoint::Tcp(tcp) => tcp.bind().await,
            Endpoint::Process(_) | Endpoint::Exec(_) | Endpoint::Ssh(_) => {
                let why = "vm:, pid:, exec: and ssh: are to connect to, not to listen on";
                Err(io::Error::new(io::ErrorKind::InvalidInput, why))
            }
        }
    }
}
