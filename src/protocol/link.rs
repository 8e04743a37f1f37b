//! The traits of a transport.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, Join};
use tokio::net::unix::UCred;

/// A connected stream of bytes in both directions.
///
/// A type of your own needs no more than `impl Link for MyStream {}`. For other streams, [`tokio::io::join`] makes a link of a reader
/// and a writer, such as the stdout and stdin of a process, or the two halves that [`tokio::io::split`] makes.
pub trait Link: AsyncRead + AsyncWrite + Unpin + Send {
    /// Sets whether each byte is sent in a TLS record of its own, for a peer that does not see what its TLS layer holds.
    /// A link with TLS begins so; any other link ignores it.
    fn one_byte_records(&mut self, on: bool) {
        let _ = on;
    }

    /// Returns true if open files can be sent over the link.
    fn passes_descriptors(&self) -> bool {
        false
    }

    /// Sends an open file with the first byte that is written next (`SCM_RIGHTS`).
    fn attach(&mut self, descriptor: Arc<OwnedFd>) -> io::Result<()> {
        drop(descriptor);
        Err(no_descriptors())
    }

    /// Returns the process and the user at the other end; `None` if the system does not tell.
    fn credentials(&self) -> Option<UCred> {
        None
    }

    /// Returns true if the peer has closed the connection, and not only its half of it, as far as the system tells.
    fn has_hung_up(&self) -> bool {
        false
    }

    /// Keeps the open files that the peer sends from now on, for [`received`](Self::received). Otherwise the system closes them.
    fn receive_descriptors(&mut self) {}

    /// Takes the open files that came with what was read last.
    fn received(&mut self) -> Vec<OwnedFd> {
        Vec::new()
    }
}

/// The error of [`Link::attach`] on a link that cannot pass open files.
pub(crate) fn no_descriptors() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "only a Unix socket of this machine can pass an open file")
}

/// A link in memory, for tests.
impl Link for DuplexStream {}

impl<R: AsyncRead + Unpin + Send, W: AsyncWrite + Unpin + Send> Link for Join<R, W> {}

/// A way to connect to a peer (E2).
pub trait Dial: Send {
    /// Connects. Dropping the future cancels the attempt and leaves nothing behind.
    fn dial(self) -> impl Future<Output = io::Result<Box<dyn Link>>> + Send;
}

/// An address to listen on (E3).
pub trait Bind: Send {
    /// Binds and listens, without waiting for a peer. Dropping the future leaves nothing behind.
    fn bind(self) -> impl Future<Output = io::Result<Box<dyn Listen>>> + Send;
}

/// A listening socket, such as those of tokio. Dropping it stops listening and removes the socket file, if it made one.
pub trait Listen: Send {
    /// Accepts the next connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>>;

    /// Sets how many connections may wait to be accepted. It is 1 where one peer is taken.
    fn set_backlog(&mut self, backlog: i32) -> io::Result<()> {
        let _ = backlog;
        Ok(())
    }

    /// Returns the address that it listens on, with the real port.
    fn address(&self) -> String;
}

/// An accepted connection whose handshake, such as that of TLS, is still to be done.
pub struct Incoming {
    /// The peer's name, for the log.
    pub peer: String,
    /// Does the handshake and resolves to the link.
    pub handshake: Handshake,
}

/// The rest of the handshake of an accepted connection.
pub type Handshake = Pin<Box<dyn Future<Output = io::Result<Box<dyn Link>>> + Send>>;
