//! The first bytes of a peer, for what is to be said if they are not TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::protocol::Link;

/// How many bytes are kept.
const KEPT: usize = 61;

/// A link whose first bytes are remembered.
pub(super) struct PeekedStream {
    link: Box<dyn Link>,
    said: Vec<u8>,
}

impl PeekedStream {
    pub(super) fn new(link: Box<dyn Link>) -> Self {
        Self { link, said: Vec::new() }
    }

    /// The first bytes that came.
    pub(super) fn said(&self) -> &[u8] {
        &self.said
    }
}

impl AsyncRead for PeekedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.link).poll_read(context, buffer))?;
        let room = KEPT - this.said.len();
        if room > 0 {
            let new = &buffer.filled()[before..];
            this.said.extend_from_slice(&new[..new.len().min(room)]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PeekedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(context)
    }
}
