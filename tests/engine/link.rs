//! Links, dials and listeners in memory that tests control.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use qmpsh::protocol::{Bind, Dial, Incoming, Link, Listen};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use super::Gate;

/// Counts the things that are alive.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<AtomicUsize>);

pub(crate) struct Token(Arc<AtomicUsize>);

impl Alive {
    pub(crate) fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::SeqCst);
        Token(Arc::clone(&self.0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A link that fails as planned, and tells when it is gone.
pub(crate) struct Faulty {
    pub(crate) inner: DuplexStream,
    pub(crate) write: Option<io::ErrorKind>,
    pub(crate) shutdown: Option<io::ErrorKind>,
    /// Closing waits for it.
    pub(crate) slow_shutdown: Option<Gate>,
    /// Panic when dropped.
    pub(crate) panic: bool,
    /// Something that goes with it.
    pub(crate) carried: Option<Box<dyn Send>>,
    pub(crate) _token: Token,
}

impl Faulty {
    pub(crate) fn new(inner: DuplexStream, alive: &Alive) -> Self {
        Self {
            inner,
            write: None,
            shutdown: None,
            slow_shutdown: None,
            panic: false,
            carried: None,
            _token: alive.token(),
        }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        assert!(!self.panic, "as planned");
    }
}

impl Link for Faulty {}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.write {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None => Pin::new(&mut self.inner).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(gate) = &self.slow_shutdown {
            std::task::ready!(gate.poll(context));
        }
        match self.shutdown {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None => Pin::new(&mut self.inner).poll_shutdown(context),
        }
    }
}

/// An attempt to connect, or to bind, that takes for ever.
pub(crate) struct Never(pub(crate) Alive);

impl Dial for Never {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        let _token = self.0.token();
        std::future::pending().await
    }
}

impl Bind for Never {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        let _token = self.0.token();
        std::future::pending().await
    }
}

/// An attempt to connect that fails at once.
pub(crate) struct Fails(pub(crate) io::ErrorKind);

impl Dial for Fails {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Err(self.0.into())
    }
}

/// A connection there already.
pub(crate) struct Ready(pub(crate) Faulty);

impl Dial for Ready {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(self.0))
    }
}

/// A listener in memory: connections, and errors, come through a channel.
pub(crate) struct Memory {
    incoming: mpsc::UnboundedReceiver<io::Result<Faulty>>,
    _token: Token,
}

impl Memory {
    pub(crate) fn new(alive: &Alive) -> (mpsc::UnboundedSender<io::Result<Faulty>>, Self) {
        let (sender, incoming) = mpsc::unbounded_channel();
        (sender, Self { incoming, _token: alive.token() })
    }
}

impl Listen for Memory {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        match self.incoming.poll_recv(context) {
            Poll::Ready(Some(Ok(link))) => Poll::Ready(Ok(Incoming {
                peer: "somebody".to_owned(),
                handshake: Box::pin(std::future::ready(Ok(Box::new(link) as Box<dyn Link>))),
            })),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn address(&self) -> String {
        "memory".to_owned()
    }
}

impl Bind for Memory {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        Ok(Box::new(self))
    }
}

/// The two ends of a connection in memory; the first tells when it is gone.
pub(crate) fn pair(alive: &Alive) -> (Faulty, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1024);
    (Faulty::new(ours, alive), theirs)
}
