//! Connected and listening sockets that a parent process made.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::tcp::TcpListening;
use super::unix::{UnixLink, UnixListening};
use crate::protocol::{Link, Listen};

/// A stream socket that a parent process made.
pub enum Inherited {
    /// A connected socket.
    Connected(Box<dyn Link>),
    /// A listening socket; for [`Session::open_with_listener`](crate::protocol::Session::open_with_listener).
    ///
    /// Dropping it does not remove its file: the maker of the socket does.
    Listening(Box<dyn Listen>),
}

/// Why a descriptor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// It is not a socket, but the kind of file named here.
    #[error("it is {0}, not a socket")]
    NotASocket(&'static str),
    /// It is a socket of another kind, named here.
    #[error("it is {0}, and a stream socket is needed")]
    NotAStream(&'static str),
    /// It is neither a Unix socket nor TCP.
    #[error("it is a socket of address family {0}, and only Unix sockets and TCP are understood")]
    Family(u16),
    /// It neither has a peer nor listens.
    #[error("it is a socket that is neither connected nor listening")]
    Unconnected,
    /// The system reported an error.
    #[error("it cannot be used: {0}")]
    System(#[from] io::Error),
}

impl From<Errno> for InheritedError {
    fn from(error: Errno) -> Self {
        InheritedError::System(error.into())
    }
}

impl Inherited {
    /// Finds out what a descriptor is, makes it non-blocking, and closes it in programs that are started.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub fn new(socket: OwnedFd) -> Result<Self, InheritedError> {
        let what = FileType::from_raw_mode(rustix::fs::fstat(&socket)?.st_mode);
        if what != FileType::Socket {
            return Err(InheritedError::NotASocket(kind_of_file(what)));
        }
        match sockopt::socket_type(&socket)? {
            SocketType::STREAM => {}
            SocketType::DGRAM => return Err(InheritedError::NotAStream("a datagram socket")),
            SocketType::SEQPACKET => return Err(InheritedError::NotAStream("a socket of packets")),
            _ => return Err(InheritedError::NotAStream("a socket of another kind")),
        }
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        let family = rustix::net::getsockname(&socket)?.address_family();
        let listens = sockopt::socket_acceptconn(&socket)?;
        if !listens && rustix::net::getpeername(socket.as_fd()) == Err(Errno::NOTCONN) {
            return Err(InheritedError::Unconnected);
        }
        Ok(match (listens, family) {
            (false, AddressFamily::UNIX) => {
                Self::Connected(Box::new(UnixLink::from(UnixStream::from_std(socket.into())?)))
            }
            (false, AddressFamily::INET | AddressFamily::INET6) => {
                let stream = TcpStream::from_std(socket.into())?;
                stream.set_nodelay(true)?;
                Self::Connected(Box::new(stream))
            }
            (true, AddressFamily::UNIX) => {
                Self::Listening(Box::new(UnixListening::new(UnixListener::from_std(socket.into())?)?))
            }
            (true, AddressFamily::INET | AddressFamily::INET6) => {
                Self::Listening(Box::new(TcpListening::new(TcpListener::from_std(socket.into())?)?))
            }
            (_, family) => return Err(InheritedError::Family(family.as_raw())),
        })
    }
}

fn kind_of_file(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Fifo => "a pipe",
        FileType::CharacterDevice => "a terminal or another character device",
        FileType::BlockDevice => "a block device",
        _ => "something else",
    }
}
