//! Finds the sockets of a monitor, and its client.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::command_line::{Backend, Spec};
use super::option::lossy;
use super::process::Place;
use super::tables::{FileId, TcpSocket, UnixSocket};
use crate::address::{ABSTRACT_NAME_MAX, Address};

/// All sockets of the machine, of the kinds that monitors have.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) unix: Vec<UnixSocket>,
    pub(super) tcp: Vec<TcpSocket>,
}

/// What a process shows to this user.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ProcessView<'a> {
    /// Its sockets: descriptor and inode. `None` if this user may not see them.
    pub(super) sockets: Option<&'a [(u32, u64)]>,
    /// Its working directory.
    pub(super) directory: Option<&'a Path>,
}

/// A monitor as its sockets show it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) place: Place,
    pub(super) connection: Connection,
    /// The socket file that it listens on, if it listens on one and the kernel tells.
    pub(super) file: Option<FileId>,
}

impl Observed {
    fn new(place: Place, connection: Connection) -> Self {
        Self { place, connection, file: None }
    }
}

/// The state of a monitor's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Free,
    Held(Client),
    /// Clients wait, and none is accepted.
    NotAccepting,
    /// Its socket file was removed or replaced.
    Unlinked,
    NotListening,
    NotConnected,
    Unknown,
}

/// The other end of a connection to a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// A socket of this machine.
    Inode(u64),
    Remote(SocketAddr),
    /// The kernel does not tell.
    Unknown,
}

impl ProcessView<'_> {
    fn has(&self, inode: u64) -> bool {
        self.sockets.is_none_or(|sockets| sockets.iter().any(|(_, own)| *own == inode))
    }

    fn absolute(&self, path: &[u8]) -> Option<Vec<u8>> {
        if path.starts_with(b"/") {
            return Some(path.to_vec());
        }
        let path = self.directory?.join(OsString::from_vec(path.to_vec()));
        Some(path.into_os_string().into_vec())
    }
}

impl Sockets {
    /// Finds where the monitor really is, and its client.
    pub(super) fn observe(&self, spec: &Spec, view: ProcessView<'_>) -> Observed {
        match &spec.backend {
            Backend::Other(text) => Observed::new(Place::Other(text.clone()), Connection::Unknown),
            Backend::Fd(number) => self.descriptor(*number, view),
            Backend::Unix(path) => {
                let absolute = view.absolute(path);
                let place = match &absolute {
                    Some(path) => directed(spec.server, unix_address(path)),
                    None => Place::Other(format!("{} (relative to an unknown directory)", lossy(path))),
                };
                self.unix_socket(place, spec.server, path, absolute.as_deref(), view)
            }
            Backend::Abstract { name, tight } => {
                let address = Address::Abstract { name: OsString::from_vec(name.clone()), tight: *tight };
                let mut bound = [b"\0", name.as_slice()].concat();
                if !tight {
                    bound.resize(ABSTRACT_NAME_MAX + 1, 0);
                }
                self.unix_socket(directed(spec.server, address), spec.server, &bound, Some(&bound), view)
            }
            Backend::Tcp { host, port, to } if spec.server => {
                let (place, connection) = self.tcp_server(host, *port, *to, view);
                Observed::new(place, connection)
            }
            Backend::Tcp { host, port, .. } => {
                let address = Address::Tcp { host: shown_host(host), port: *port };
                let client = |socket: &&TcpSocket| {
                    socket.connected && socket.remote.port() == *port && socket.inode != 0 && view.has(socket.inode)
                };
                let connection = match (view.sockets, self.tcp.iter().find(client)) {
                    (None, _) => Connection::Unknown,
                    (_, Some(socket)) => Connection::Held(self.other_end(socket)),
                    (_, None) => Connection::NotConnected,
                };
                Observed::new(Place::DialsOut(address), connection)
            }
        }
    }

    /// Finds a monitor on a Unix socket, by the name that QEMU gave it and by its absolute one.
    fn unix_socket(
        &self,
        place: Place,
        server: bool,
        name: &[u8],
        absolute: Option<&[u8]>,
        view: ProcessView<'_>,
    ) -> Observed {
        let is_named = |socket: &UnixSocket| socket.name == name || Some(socket.name.as_slice()) == absolute;
        if !server {
            let mut own = self.unix.iter().filter(|socket| socket.connected && view.has(socket.inode));
            let peer = |inode| self.unix.iter().find(|socket: &&UnixSocket| socket.inode == inode);
            let found = own.find_map(|socket| socket.peer.filter(|&inode| peer(inode).is_some_and(is_named)));
            let connection = match (view.sockets, found) {
                (None, _) => Connection::Unknown,
                (_, Some(inode)) => Connection::Held(Client::Inode(inode)),
                (_, None) => Connection::NotConnected,
            };
            return Observed::new(place, connection);
        }
        let listener = self.unix.iter().find(|socket| socket.listening && is_named(socket) && view.has(socket.inode));
        match listener {
            // The directory of another user's process is unknown, so one `q.sock` looks like another.
            _ if view.sockets.is_none() && absolute.is_none() => Observed::new(place, Connection::Unknown),
            None => Observed::new(place, Connection::NotListening),
            Some(listener) => Observed { place, connection: self.client_of(listener, view), file: listener.file },
        }
    }

    /// Finds the client of a listening socket.
    fn client_of(&self, listener: &UnixSocket, view: ProcessView<'_>) -> Connection {
        let accepted = self.unix.iter().find(|socket| {
            // QEMU will notice that a client is gone.
            let connected = socket.connected && socket.inode != 0 && socket.peer != Some(0);
            connected && (socket.name == listener.name && socket.file == listener.file) && view.has(socket.inode)
        });
        match accepted {
            Some(socket) => Connection::Held(socket.peer.map_or(Client::Unknown, Client::Inode)),
            None if listener.waiting.is_empty() => Connection::Free,
            None => Connection::NotAccepting,
        }
    }

    /// Returns true if the file `found` at a path is the one that a listener has bound. The kernel's table and `stat` may
    /// name different devices (btrfs): then it is another file only if another socket has its number.
    pub(super) fn is_bound_to(&self, bound: FileId, found: FileId) -> bool {
        bound.inode == found.inode
            || (bound.device != found.device
                && !self.unix.iter().any(|socket| socket.file.is_some_and(|file| file.inode == found.inode)))
    }

    fn tcp_server(&self, host: &str, port: u16, to: u16, view: ProcessView<'_>) -> (Place, Connection) {
        let ip: Option<IpAddr> = host.parse().ok();
        let mut listeners = self.tcp.iter().filter(|socket| {
            let own = socket.local.port();
            socket.listening
                && view.has(socket.inode)
                && (port == 0 && view.sockets.is_some() || (port..=to).contains(&own))
                && ip.is_none_or(|ip| ip.to_canonical() == socket.local.ip())
        });
        let address = |port| Place::At(Address::Tcp { host: shown_host(host), port });
        match (listeners.next(), listeners.next()) {
            (None, _) if port == 0 => {
                (Place::Other("a TCP port that the system chose".to_owned()), Connection::Unknown)
            }
            (None, _) => (address(port), Connection::NotListening),
            // QEMU listens on one address only of a name that has an IPv4 and an IPv6 one.
            (Some(one), Some(other)) if one.local.port() != other.local.port() => {
                (Place::Other("one of several TCP ports".to_owned()), Connection::Unknown)
            }
            (Some(listener), _) => (address(listener.local.port()), self.tcp_client_of(listener.local.port(), view)),
        }
    }

    /// Finds the client of a port.
    fn tcp_client_of(&self, port: u16, view: ProcessView<'_>) -> Connection {
        let mut clients = self.tcp.iter().filter(|socket| socket.connected && socket.local.port() == port);
        match clients.clone().find(|socket| socket.inode != 0 && view.has(socket.inode)) {
            Some(accepted) => Connection::Held(self.other_end(accepted)),
            None if clients.any(|socket| socket.inode == 0) => Connection::NotAccepting,
            None => Connection::Free,
        }
    }

    fn other_end(&self, socket: &TcpSocket) -> Client {
        let is_other = |other: &&TcpSocket| {
            other.local == socket.remote && other.remote == socket.local && other.connected && other.inode != 0
        };
        let here = |ip: IpAddr| ip.is_loopback() || ip == socket.local.ip();
        match self.tcp.iter().find(is_other) {
            Some(other) => Client::Inode(other.inode),
            None if here(socket.remote.ip()) => Client::Unknown,
            None => Client::Remote(socket.remote),
        }
    }

    /// Finds the socket of a descriptor that QEMU inherited.
    fn descriptor(&self, number: u32, view: ProcessView<'_>) -> Observed {
        let unknown = || Observed::new(Place::Other(format!("descriptor {number}")), Connection::Unknown);
        let inherited = |end| Observed::new(Place::Other("inherited socket".to_owned()), Connection::Held(end));
        let Some((_, inode)) = view.sockets.and_then(|all| all.iter().find(|(own, _)| *own == number)) else {
            return unknown();
        };
        if let Some(socket) = self.unix.iter().find(|socket| socket.inode == *inode) {
            if !socket.listening {
                return inherited(socket.peer.map_or(Client::Unknown, Client::Inode));
            }
            let address = match socket.name.strip_prefix(b"\0") {
                Some(name) => Some(Address::Abstract { name: OsString::from_vec(name.to_vec()), tight: true }),
                None if socket.name.is_empty() => None,
                None => view.absolute(&socket.name).as_deref().map(unix_address),
            };
            let place = address.map_or_else(|| Place::Other("a socket without a name".to_owned()), Place::At);
            return Observed { place, connection: self.client_of(socket, view), file: socket.file };
        }
        match self.tcp.iter().find(|socket| socket.inode == *inode) {
            Some(socket) if socket.listening => {
                let address = Address::Tcp { host: shown_ip(socket.local.ip()), port: socket.local.port() };
                Observed::new(Place::At(address), self.tcp_client_of(socket.local.port(), view))
            }
            Some(socket) => inherited(self.other_end(socket)),
            None => unknown(),
        }
    }

    /// Finds the listening socket of this file or name: its inode and its client.
    pub(super) fn at_unix(&self, name: &[u8], file: Option<FileId>) -> Option<(u64, Connection)> {
        let is_meant =
            |socket: &&UnixSocket| socket.listening && (socket.name == name || (file.is_some() && socket.file == file));
        let listener = self.unix.iter().find(is_meant)?;
        Some((listener.inode, self.client_of(listener, ProcessView::default())))
    }

    /// Finds the socket that listens on a port of this machine: its inode and its client.
    pub(super) fn at_tcp(&self, host: &str, port: u16) -> Option<(u64, Connection)> {
        let is_here = |socket: &TcpSocket| {
            let own = socket.local.ip();
            match host.parse::<IpAddr>() {
                Ok(ip) => own == ip || (own.is_unspecified() && ip.is_loopback()),
                Err(_) => host == "localhost" && (own.is_loopback() || own.is_unspecified()),
            }
        };
        let is_meant = |socket: &&TcpSocket| socket.listening && socket.local.port() == port && is_here(socket);
        let listener = self.tcp.iter().find(is_meant)?;
        Some((listener.inode, self.tcp_client_of(port, ProcessView::default())))
    }
}

fn directed(server: bool, address: Address) -> Place {
    if server { Place::At(address) } else { Place::DialsOut(address) }
}

fn unix_address(path: &[u8]) -> Address {
    Address::Unix(std::ffi::OsStr::from_bytes(path).into())
}

/// Returns the host to connect to: localhost, if QEMU listens on every address.
fn shown_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => shown_ip(ip),
        Err(_) if host.is_empty() => "localhost".to_owned(),
        Err(_) => host.to_owned(),
    }
}

fn shown_ip(ip: IpAddr) -> String {
    if ip.is_unspecified() { "localhost".to_owned() } else { ip.to_string() }
}

#[cfg(test)]
#[path = "sockets_tests.rs"]
mod tests;
