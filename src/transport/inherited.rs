//! Connected and listening sockets that a parent process made.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::unix::UnixLink;
use crate::error::describe;
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

impl Inherited {
    /// Finds out what a descriptor is, makes it non-blocking, and closes it in programs that are started.
    ///
    /// # Errors
    ///
    /// Fails if it is not a stream socket of a Unix socket or TCP, or neither connected nor listening.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        Self::classify(socket).map_err(|error| match error.raw_os_error() {
            Some(_) => io::Error::new(error.kind(), format!("it cannot be used: {}", describe(&error))),
            None => error,
        })
    }

    fn classify(socket: OwnedFd) -> io::Result<Self> {
        let what = FileType::from_raw_mode(rustix::fs::fstat(&socket)?.st_mode);
        if what != FileType::Socket {
            return Err(unusable(format!("it is {}, not a socket", kind_of_file(what))));
        }
        let kind = match sockopt::socket_type(&socket)? {
            SocketType::STREAM => "",
            SocketType::DGRAM => "a datagram socket",
            SocketType::SEQPACKET => "a socket of packets",
            _ => "a socket of another kind",
        };
        if !kind.is_empty() {
            return Err(unusable(format!("it is {kind}, and a stream socket is needed")));
        }
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        let family = rustix::net::getsockname(&socket)?.address_family();
        let connected = rustix::net::getpeername(socket.as_fd()) != Err(Errno::NOTCONN);
        #[cfg(not(target_vendor = "apple"))]
        let listens = sockopt::socket_acceptconn(&socket)?;
        // Apple's systems do not tell: what is not connected must listen, or else it fails to accept.
        #[cfg(target_vendor = "apple")]
        let listens = !connected;
        if !listens && !connected {
            return Err(unusable("it is a socket that is neither connected nor listening".to_owned()));
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
            (true, AddressFamily::UNIX) => Self::Listening(Box::new(UnixListener::from_std(socket.into())?)),
            (true, AddressFamily::INET | AddressFamily::INET6) => {
                Self::Listening(Box::new(TcpListener::from_std(socket.into())?))
            }
            (_, family) => {
                let family = family.as_raw();
                return Err(unusable(format!(
                    "it is a socket of address family {family}, and only Unix sockets and TCP are understood"
                )));
            }
        })
    }
}

fn unusable(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
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
