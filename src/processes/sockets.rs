//! Which sockets are a monitor's, and what is at their other end.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::Place;
use super::command_line::{Spec, Spot};
use super::option::lossy;
use super::tables::{TcpSocket, UnixSocket};
use crate::address::{ABSTRACT_NAME_MAX, Address, UNIX_PATH_MAX};

/// All sockets of the machine, of the kinds that monitors have.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) unix: Vec<UnixSocket>,
    pub(super) tcp: Vec<TcpSocket>,
}

/// What a process shows of itself.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Inside<'a> {
    /// Its sockets: descriptor and inode. `None` if this user may not see them.
    pub(super) sockets: Option<&'a [(u32, u64)]>,
    /// Its working directory.
    pub(super) directory: Option<&'a Path>,
}

/// What is known of a monitor's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Free,
    Held(End),
    NotListening,
    NotConnected,
    Unknown,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A socket of this machine.
    Inode(u64),
    Remote(SocketAddr),
    /// The kernel does not tell.
    Unknown,
}

impl Inside<'_> {
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
    /// Where the monitor really is, and who is at its other end.
    pub(super) fn observe(&self, spec: &Spec, inside: Inside<'_>) -> (Place, Connection) {
        match &spec.spot {
            Spot::Other(text) => (Place::Other(text.clone()), Connection::Unknown),
            Spot::Fd(number) => self.descriptor(*number, inside),
            Spot::Unix(path) => {
                let absolute = inside.absolute(path);
                let place = absolute.as_deref().and_then(unix_address);
                let connection = self.unix_connection(spec.server, path, absolute.as_deref(), inside);
                match place {
                    Some(address) => (directed(spec.server, address), connection),
                    None => (Place::Other(format!("{} (not reachable by its path)", lossy(path))), connection),
                }
            }
            Spot::Abstract { name, tight } => {
                let address = Address::Abstract { name: OsString::from_vec(name.clone()), tight: *tight };
                let mut bound = [b"\0", name.as_slice()].concat();
                if !tight {
                    bound.resize(ABSTRACT_NAME_MAX + 1, 0);
                }
                let connection = self.unix_connection(spec.server, &bound, Some(&bound), inside);
                (directed(spec.server, address), connection)
            }
            Spot::Tcp { host, port, to } if spec.server => self.tcp_server(host, *port, *to, inside),
            Spot::Tcp { host, port, .. } => {
                let address = Address::Tcp { host: shown_host(host), port: *port };
                let client = |socket: &&TcpSocket| {
                    socket.connected && socket.remote.port() == *port && socket.inode != 0 && inside.has(socket.inode)
                };
                let connection = match (inside.sockets, self.tcp.iter().find(client)) {
                    (None, _) => Connection::Unknown,
                    (_, Some(socket)) => Connection::Held(self.other_end(socket)),
                    (_, None) => Connection::NotConnected,
                };
                (Place::DialsOut(address), connection)
            }
        }
    }

    /// A monitor on a Unix socket with a name, as QEMU gave it and as it is from the root.
    fn unix_connection(&self, server: bool, name: &[u8], absolute: Option<&[u8]>, inside: Inside<'_>) -> Connection {
        let is_named = |socket: &UnixSocket| socket.name == name || Some(socket.name.as_slice()) == absolute;
        if !server {
            let mut own = self.unix.iter().filter(|socket| socket.connected && inside.has(socket.inode));
            let peer = |inode| self.unix.iter().find(|socket: &&UnixSocket| socket.inode == inode);
            let found = own.find_map(|socket| socket.peer.filter(|&inode| peer(inode).is_some_and(is_named)));
            return match (inside.sockets, found) {
                (None, _) => Connection::Unknown,
                (_, Some(inode)) => Connection::Held(End::Inode(inode)),
                (_, None) => Connection::NotConnected,
            };
        }
        let listener = self.unix.iter().find(|socket| socket.listening && is_named(socket) && inside.has(socket.inode));
        match listener {
            // Of another user's process not even the directory is known, by which to tell one `q.sock` from another.
            _ if inside.sockets.is_none() && absolute.is_none() => Connection::Unknown,
            None => Connection::NotListening,
            Some(listener) => self.client_of(listener, inside).map_or(Connection::Free, Connection::Held),
        }
    }

    /// Who is connected to a listening socket, or first in line.
    fn client_of(&self, listener: &UnixSocket, inside: Inside<'_>) -> Option<End> {
        let accepted = self.unix.iter().find(|socket| {
            // Where the client has gone, QEMU will notice.
            let connected = socket.connected && socket.inode != 0 && socket.peer != Some(0);
            connected && (socket.name == listener.name && socket.file == listener.file) && inside.has(socket.inode)
        });
        match accepted {
            Some(socket) => Some(socket.peer.map_or(End::Unknown, End::Inode)),
            None => listener.waiting.first().map(|&inode| End::Inode(inode)),
        }
    }

    fn tcp_server(&self, host: &str, port: u16, to: u16, inside: Inside<'_>) -> (Place, Connection) {
        let ip: Option<IpAddr> = host.parse().ok();
        let mut listeners = self.tcp.iter().filter(|socket| {
            let own = socket.local.port();
            socket.listening
                && inside.has(socket.inode)
                && (port == 0 && inside.sockets.is_some() || (port..=to).contains(&own))
                && ip.is_none_or(|ip| ip.to_canonical() == socket.local.ip())
        });
        let address = |port| Place::At(Address::Tcp { host: shown_host(host), port });
        match (listeners.next(), listeners.next()) {
            (None, _) if port == 0 => {
                (Place::Other("a TCP port that the system chose".to_owned()), Connection::Unknown)
            }
            (None, _) => (address(port), Connection::NotListening),
            // A name with an IPv4 and an IPv6 address is listened to on one of them only.
            (Some(one), Some(other)) if one.local.port() != other.local.port() => {
                (Place::Other("one of several TCP ports".to_owned()), Connection::Unknown)
            }
            (Some(listener), _) => {
                let client = self.tcp_client_of(listener.local.port(), inside);
                (address(listener.local.port()), client.map_or(Connection::Free, Connection::Held))
            }
        }
    }

    /// Who is connected to a port, or first in line.
    fn tcp_client_of(&self, port: u16, inside: Inside<'_>) -> Option<End> {
        let connected = || self.tcp.iter().filter(|socket| socket.connected && socket.local.port() == port);
        let accepted = connected().find(|socket| socket.inode != 0 && inside.has(socket.inode));
        accepted.or_else(|| connected().find(|socket| socket.inode == 0)).map(|socket| self.other_end(socket))
    }

    fn other_end(&self, socket: &TcpSocket) -> End {
        let is_other = |other: &&TcpSocket| {
            other.local == socket.remote && other.remote == socket.local && other.connected && other.inode != 0
        };
        let here = |ip: IpAddr| ip.is_loopback() || ip == socket.local.ip();
        match self.tcp.iter().find(is_other) {
            Some(other) => End::Inode(other.inode),
            None if here(socket.remote.ip()) => End::Unknown,
            None => End::Remote(socket.remote),
        }
    }

    /// What is behind a descriptor that QEMU inherited.
    fn descriptor(&self, number: u32, inside: Inside<'_>) -> (Place, Connection) {
        let unknown = || (Place::Other(format!("descriptor {number}")), Connection::Unknown);
        let inherited = |connection| (Place::Other("inherited socket".to_owned()), connection);
        let Some((_, inode)) = inside.sockets.and_then(|all| all.iter().find(|(own, _)| *own == number)) else {
            return unknown();
        };
        if let Some(socket) = self.unix.iter().find(|socket| socket.inode == *inode) {
            if !socket.listening {
                return inherited(Connection::Held(socket.peer.map_or(End::Unknown, End::Inode)));
            }
            let address = match socket.name.strip_prefix(b"\0") {
                Some(name) => Some(Address::Abstract { name: OsString::from_vec(name.to_vec()), tight: true }),
                None => inside.absolute(&socket.name).as_deref().and_then(unix_address),
            };
            let connection = self.client_of(socket, inside).map_or(Connection::Free, Connection::Held);
            return match address {
                Some(address) => (Place::At(address), connection),
                None => (Place::Other("a socket without a name".to_owned()), connection),
            };
        }
        match self.tcp.iter().find(|socket| socket.inode == *inode) {
            Some(socket) if socket.listening => {
                let address = Address::Tcp { host: shown_ip(socket.local.ip()), port: socket.local.port() };
                let client = self.tcp_client_of(socket.local.port(), inside);
                (Place::At(address), client.map_or(Connection::Free, Connection::Held))
            }
            Some(socket) => inherited(Connection::Held(self.other_end(socket))),
            None => unknown(),
        }
    }

    /// Who is connected to the socket of this file or name.
    pub(super) fn client_at_unix(&self, name: &[u8], file: Option<(u32, u32)>) -> Option<End> {
        let is_meant =
            |socket: &&UnixSocket| socket.listening && (socket.name == name || (file.is_some() && socket.file == file));
        self.client_of(self.unix.iter().find(is_meant)?, Inside::default())
    }

    /// Who is connected to a port of this machine.
    pub(super) fn client_at_tcp(&self, host: &str, port: u16) -> Option<End> {
        let is_here = |socket: &TcpSocket| {
            let own = socket.local.ip();
            match host.parse::<IpAddr>() {
                Ok(ip) => own == ip || (own.is_unspecified() && ip.is_loopback()),
                Err(_) => host == "localhost" && (own.is_loopback() || own.is_unspecified()),
            }
        };
        self.tcp.iter().find(|socket| socket.listening && socket.local.port() == port && is_here(socket))?;
        self.tcp_client_of(port, Inside::default())
    }
}

fn directed(server: bool, address: Address) -> Place {
    if server { Place::At(address) } else { Place::DialsOut(address) }
}

fn unix_address(path: &[u8]) -> Option<Address> {
    (1..=UNIX_PATH_MAX).contains(&path.len()).then(|| Address::Unix(std::ffi::OsStr::from_bytes(path).into()))
}

/// A host to connect to: every address of the machine includes localhost.
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
