//! What to connect to or listen on: an address of any transport, or a connection that exists already.

use std::io;
use std::os::unix::ffi::OsStrExt;

use super::exec::Exec;
use super::ssh::Ssh;
use super::tcp::Tcp;
use super::unix::Unix;
use crate::address::Address;
use crate::processes::{self, QemuProcess, Wanted};
use crate::protocol::{Bind, Dial, Link, Listen};
use crate::text;

/// An address of any transport, to connect to or to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(Unix),
    /// A TCP port.
    Tcp(Tcp),
    /// A free monitor of a QEMU process on this machine.
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

impl From<Address> for Endpoint {
    fn from(address: Address) -> Self {
        Self::from(&address)
    }
}

impl From<Unix> for Endpoint {
    fn from(unix: Unix) -> Self {
        Endpoint::Unix(unix)
    }
}

impl From<Tcp> for Endpoint {
    fn from(tcp: Tcp) -> Self {
        Endpoint::Tcp(tcp)
    }
}

impl Dial for Address {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Endpoint::from(self).dial().await
    }
}

impl Bind for Address {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        Endpoint::from(self).bind().await
    }
}

impl Dial for Endpoint {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        match self {
            Endpoint::Unix(unix) => unix.dial().await,
            Endpoint::Tcp(tcp) => tcp.dial().await,
            Endpoint::Process(wanted) => dial_process(wanted).await,
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

/// An endpoint to connect to, or a link that is connected already.
pub enum DialTarget {
    /// An endpoint.
    Endpoint(Endpoint),
    /// A link.
    Link(Box<dyn Link>),
}

impl<E: Into<Endpoint>> From<E> for DialTarget {
    fn from(endpoint: E) -> Self {
        DialTarget::Endpoint(endpoint.into())
    }
}

impl From<Box<dyn Link>> for DialTarget {
    fn from(link: Box<dyn Link>) -> Self {
        DialTarget::Link(link)
    }
}

impl DialTarget {
    /// Finds the monitor with TLS if the target is a process.
    #[cfg(feature = "tls")]
    pub(super) async fn with_tls(self) -> io::Result<Self> {
        match self {
            DialTarget::Endpoint(Endpoint::Process(wanted)) => {
                Ok(Endpoint::from(&find_monitor(wanted, true).await?.1).into())
            }
            target => Ok(target),
        }
    }
}

impl Dial for DialTarget {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        match self {
            DialTarget::Endpoint(endpoint) => endpoint.dial().await,
            DialTarget::Link(link) => Ok(link),
        }
    }
}

/// Connects to a free monitor of a process. If it is a Unix socket, its listener must be that process, its user or root.
async fn dial_process(wanted: Wanted) -> io::Result<Box<dyn Link>> {
    let (process, address) = find_monitor(wanted, false).await?;
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

/// Finds the process and a free monitor of it, with or without TLS. Each attempt to connect calls it, so a VM that was
/// restarted is found again.
async fn find_monitor(wanted: Wanted, tls: bool) -> io::Result<(QemuProcess, Address)> {
    // It reads files, which may block.
    let found = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let processes = processes::find()?;
        let (process, address) = processes::resolve(&wanted, &processes, tls)?;
        Ok((process.clone(), address.clone()))
    });
    found.await.map_err(io::Error::other)?
}
