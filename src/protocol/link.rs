//! What a transport must be for the engine to use it.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

/// A connected stream of bytes in both directions.
pub trait Link: AsyncRead + AsyncWrite + Unpin + Send {
    /// Whether each byte written goes in a record of its own, for a peer that does not see what its TLS layer still
    /// holds; does nothing where there are no records. A link that has records begins so.
    fn one_byte_records(&mut self, on: bool) {
        let _ = on;
    }

    /// Whether open files can be sent along.
    fn passes_descriptors(&self) -> bool {
        false
    }

    /// Sends an open file together with the first of the bytes that are written next (`SCM_RIGHTS`).
    fn attach(&mut self, descriptor: Arc<OwnedFd>) -> io::Result<()> {
        drop(descriptor);
        Err(no_descriptors())
    }
}

/// What [`Link::attach`] fails with where no open file can be sent along.
pub(crate) fn no_descriptors() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "only a Unix socket of this machine can pass an open file")
}

/// Both ends in memory, for tests.
impl Link for DuplexStream {}

/// Something that can be connected to (E2): an address, with all that it takes to get there.
pub trait Dial: Send {
    /// Connects. Dropping the future gives the attempt up and leaves nothing behind.
    fn dial(self) -> impl Future<Output = io::Result<Box<dyn Link>>> + Send;
}

/// Something that can be listened on (E3).
pub trait Bind: Send {
    /// Binds and listens, without waiting for a peer. Dropping the future leaves nothing behind.
    fn bind(self) -> impl Future<Output = io::Result<Box<dyn Listen>>> + Send;
}

/// A listening socket. Dropping it stops listening, and removes the file it made, if it made one.
pub trait Listen: Send {
    /// Takes the next connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>>;

    /// Where it listens, as a peer would write it; with the real port.
    fn address(&self) -> String;
}

/// A connection that came in, and what is left to do until bytes can be exchanged (TLS; nothing for a plain socket).
pub struct Incoming {
    /// The peer's name, for the log.
    pub peer: String,
    /// Resolves to the connected stream.
    pub handshake: Handshake,
}

/// What is left to do on a connection that came in; it resolves to the connected stream.
pub type Handshake = Pin<Box<dyn Future<Output = io::Result<Box<dyn Link>>> + Send>>;
