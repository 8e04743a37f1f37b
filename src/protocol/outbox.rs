//! Encoded messages on their way out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio_util::io::poll_write_buf;

use super::Link;

/// Bytes waiting to be written above which no more messages are taken from the queue.
const HIGH: usize = 64 * 1024;

/// Bytes waiting above which the buffer is given back when they have been written.
const SWOLLEN: usize = 4 * HIGH;

#[derive(Default)]
pub(super) struct Outbox {
    /// What has not been written yet.
    pub(super) bytes: BytesMut,
    swollen: bool,
    unflushed: bool,
}

impl Outbox {
    /// Whether the peer should read something first.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= HIGH
    }

    /// Whether everything has been written and flushed.
    pub(super) fn is_sent(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// Writes and flushes as much as the peer takes now; whether that was anything.
    pub(super) fn poll_write(&mut self, link: &mut dyn Link, context: &mut Context<'_>) -> io::Result<bool> {
        let mut link = Pin::new(link);
        let mut progress = false;
        self.swollen |= self.bytes.len() > SWOLLEN;
        while !self.bytes.is_empty() {
            match poll_write_buf(link.as_mut(), context, &mut self.bytes)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(_) => {
                    self.unflushed = true;
                    progress = true;
                }
                Poll::Pending => return Ok(progress),
            }
        }
        if self.swollen {
            *self = Self { unflushed: self.unflushed, ..Self::default() };
        }
        if self.unflushed && link.as_mut().poll_flush(context)?.is_ready() {
            self.unflushed = false;
            progress = true;
        }
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::{Outbox, SWOLLEN};

    #[test]
    fn a_long_message_leaves_no_memory_behind() {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let (mut link, _peer) = tokio::io::duplex(2 * SWOLLEN);
        let mut outbox = Outbox::default();
        outbox.bytes.extend_from_slice(&vec![b'x'; SWOLLEN + 1]);
        assert!(outbox.is_full() && !outbox.is_sent());
        assert!(outbox.poll_write(&mut link, &mut context).unwrap());
        assert!(outbox.is_sent());
        outbox.bytes.reserve(1);
        assert!(outbox.bytes.capacity() < 1024, "{}", outbox.bytes.capacity());
    }
}
