//! The buffer of encoded messages.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio_util::io::poll_write_buf;

use super::link::Link;
use super::traits::Protocol;
use super::wire::transmit;

/// How many bytes may wait to be written before no more messages are taken from the queue.
const HIGH: usize = 64 * 1024;

/// How many bytes make the buffer so large that it is freed after they are written.
const SWOLLEN: usize = 4 * HIGH;

#[derive(Default)]
pub(super) struct Outbox {
    /// The bytes to write.
    bytes: BytesMut,
    /// The open files to send, each with the number of bytes before its message.
    descriptors: VecDeque<(usize, Arc<OwnedFd>)>,
    swollen: bool,
    unflushed: bool,
}

impl Outbox {
    /// Encodes a message.
    pub(super) fn push<P: Protocol>(&mut self, protocol: &mut P, message: P::Out) -> Result<(), P::Error> {
        let before = self.bytes.len();
        // A message that was canceled has no bytes.
        if let Some(descriptor) = transmit(protocol, message, &mut self.bytes)?
            && self.bytes.len() > before
        {
            self.descriptors.push_back((before, descriptor));
        }
        Ok(())
    }

    /// Returns true if the peer has to read first.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= HIGH
    }

    /// Returns true if everything was written and flushed.
    pub(super) fn is_sent(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// Writes and flushes as much as the link takes now. Returns true if it took anything.
    pub(super) fn poll_write(&mut self, link: &mut dyn Link, context: &mut Context<'_>) -> io::Result<bool> {
        let mut link = Pin::new(link);
        let mut progress = false;
        self.swollen |= self.bytes.len() > SWOLLEN;
        while !self.bytes.is_empty() {
            let written = if self.descriptors.is_empty() {
                poll_write_buf(link.as_mut(), context, &mut self.bytes)
            } else {
                self.poll_write_apart(link.as_mut(), context)
            };
            match written? {
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

    /// Writes once, with the open file of the first message if it has one, and stops before the next message with a file.
    /// The peer reads what was written together at once, and the file must reach only its own message.
    fn poll_write_apart(&mut self, mut link: Pin<&mut dyn Link>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.descriptors.front().is_some_and(|(before, _)| *before == 0)
            && let Some((_, descriptor)) = self.descriptors.pop_front()
        {
            link.attach(descriptor)?;
        }
        let end = self.descriptors.front().map_or(self.bytes.len(), |(before, _)| *before);
        let written = ready!(link.poll_write(context, &self.bytes[..end]))?;
        self.bytes.advance(written);
        for (before, _) in &mut self.descriptors {
            *before -= written;
        }
        Poll::Ready(Ok(written))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use bytes::BytesMut;
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::{Outbox, SWOLLEN};
    use crate::protocol::{Link, Protocol};

    /// Takes what is written, at most so many bytes at once, with a mark where a file is attached.
    struct Recorder {
        most: usize,
        seen: Vec<String>,
        attached: bool,
    }

    impl AsyncRead for Recorder {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Recorder {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.most);
            let mark = if std::mem::take(&mut self.attached) { "+" } else { "" };
            self.seen.push(format!("{mark}{}", String::from_utf8_lossy(&bytes[..count])));
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Link for Recorder {
        fn attach(&mut self, _: Arc<OwnedFd>) -> io::Result<()> {
            assert!(!self.attached, "one at a time");
            self.attached = true;
            Ok(())
        }
    }

    /// A message that ends with `+` has a file; an empty one was given up.
    struct Texts;

    impl Protocol for Texts {
        const NAME: &'static str = "Texts";
        type In = ();
        type Out = &'static str;
        type Error = io::Error;

        fn decode(&mut self, _: &mut BytesMut, _: bool) -> io::Result<Option<()>> {
            Ok(None)
        }

        fn encode(&mut self, message: &'static str, buffer: &mut BytesMut) -> io::Result<()> {
            buffer.extend_from_slice(message.trim_end_matches('+').as_bytes());
            Ok(())
        }

        fn descriptor(&self, message: &&'static str) -> Option<Arc<OwnedFd>> {
            message.ends_with('+').then(|| Arc::new(std::fs::File::open("/dev/null").expect("it").into()))
        }

        fn on_message(&mut self, (): (), _: &mut crate::protocol::Context<'_, Self>) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_goes_with_the_first_byte_of_its_message() {
        #[track_caller]
        fn check(most: usize, messages: &[&'static str], expected: &[&str]) {
            let mut link = Recorder { most, seen: Vec::new(), attached: false };
            let mut outbox = Outbox::default();
            for message in messages {
                outbox.push(&mut Texts, message).unwrap();
            }
            assert!(outbox.poll_write(&mut link, &mut Context::from_waker(std::task::Waker::noop())).unwrap());
            assert!(outbox.is_sent());
            assert_eq!(link.seen, expected);
        }
        check(100, &["one", "two"], &["onetwo"]);
        check(100, &["one+", "two"], &["+onetwo"]);
        check(100, &["one", "two+", "three", "four+", "five+"], &["one", "+twothree", "+four", "+five"]);
        check(2, &["one", "two+", "three+"], &["on", "e", "+tw", "o", "+th", "re", "e"]);
        check(100, &["one", "+", "two"], &["onetwo"]);
    }

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
