//! Direct reading and writing while a session is being established.

use std::fmt::{self, Debug, Write};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::UCred;

use super::traits::{Protocol, Wire};

/// The size of the read buffer in bytes, unless a message is longer.
const READ_SIZE: usize = 64 * 1024;

/// The longest text of a message in the log, in bytes.
const LONGEST: usize = 1000;

impl Wire<'_> {
    /// Waits for one message, which passes the inbound hook. End of file is an error of kind `UnexpectedEof`.
    ///
    /// Cancel safe: what was read stays for the next call.
    pub async fn recv<P: Protocol>(&mut self, protocol: &mut P) -> Result<P::In, P::Error> {
        let mut eof = false;
        loop {
            if let Some(message) = decode(protocol, self.inbox, eof)? {
                return receive(protocol, message);
            }
            if eof {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            make_room(self.inbox);
            eof = self.link.read_buf(self.inbox).await? == 0;
            protocol.descriptors_came(self.link.received());
        }
    }

    /// Returns true if open files can be sent over this connection.
    pub fn passes_descriptors(&self) -> bool {
        self.link.passes_descriptors()
    }

    /// Returns the process and the user at the other end; `None` if the system does not tell.
    pub fn credentials(&self) -> Option<UCred> {
        self.link.credentials()
    }

    /// Keeps the open files that the peer sends; see [`Link::receive_descriptors`](super::Link::receive_descriptors).
    pub fn receive_descriptors(&mut self) {
        self.link.receive_descriptors();
    }

    /// Sends one message, which passes the outbound hook, without an open file.
    ///
    /// Not cancel safe: part of the message may have been sent.
    pub async fn send<P: Protocol>(&mut self, protocol: &mut P, message: P::Out) -> Result<(), P::Error> {
        let mut bytes = BytesMut::new();
        transmit(protocol, message, &mut bytes)?;
        self.link.write_all(&bytes).await?;
        self.link.flush().await?;
        Ok(())
    }

    /// Sets whether each byte is sent in a TLS record of its own; see [`Link::one_byte_records`](super::Link::one_byte_records).
    pub fn one_byte_records(&mut self, on: bool) {
        self.link.one_byte_records(on);
    }
}

/// Makes room to read into. A message that is longer than the buffer doubles it each time.
pub(super) fn make_room(inbox: &mut BytesMut) {
    if inbox.capacity() - inbox.len() < READ_SIZE / 4 {
        inbox.reserve(READ_SIZE);
    }
}

/// Takes one message off the front of `inbox`.
///
/// A long message keeps the buffer it came in. The bytes after it are copied into a new buffer, so neither keeps the other's
/// memory. At most as much is copied as was taken, so the cost stays linear.
pub(super) fn decode<P: Protocol>(
    protocol: &mut P,
    inbox: &mut BytesMut,
    eof: bool,
) -> Result<Option<P::In>, P::Error> {
    let before = inbox.len();
    let message = protocol.decode(inbox, eof)?;
    let taken = before.saturating_sub(inbox.len());
    if taken >= READ_SIZE && inbox.len() <= taken {
        *inbox = BytesMut::from(&inbox[..]);
    }
    Ok(message)
}

/// Logs a message received and passes it through the inbound hook (E16).
pub(super) fn receive<P: Protocol>(protocol: &mut P, message: P::In) -> Result<P::In, P::Error> {
    tracing::debug!("<-- {}", Short(&message));
    protocol.inbound(message)
}

/// Passes a message through the outbound hook, logs it, and encodes it (E16). Returns the open file to send with it.
pub(super) fn transmit<P: Protocol>(
    protocol: &mut P,
    message: P::Out,
    buffer: &mut BytesMut,
) -> Result<Option<Arc<OwnedFd>>, P::Error> {
    let message = protocol.outbound(message)?;
    tracing::debug!("--> {}", Short(&message));
    let descriptor = protocol.descriptor(&message);
    protocol.encode(message, buffer)?;
    Ok(descriptor)
}

/// A message's `Debug` form, cut off if it is long, and formatted only if the record is wanted.
struct Short<'a, T>(&'a T);

impl<T: Debug> fmt::Display for Short<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.0);
        let end = text.floor_char_boundary(LONGEST);
        f.write_str(&text[..end])?;
        if end < text.len() { f.write_char('…') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::{Bytes, BytesMut};

    use super::{LONGEST, READ_SIZE, Short, decode, make_room};
    use crate::protocol::{Context, Lines, Protocol};

    struct Plain(Lines);

    impl Protocol for Plain {
        const NAME: &'static str = "Plain";
        type In = Bytes;
        type Out = Bytes;
        type Error = io::Error;

        fn decode(&mut self, buffer: &mut BytesMut, eof: bool) -> io::Result<Option<Bytes>> {
            self.0.next(buffer, eof).map_err(io::Error::other)
        }

        fn encode(&mut self, message: Bytes, buffer: &mut BytesMut) -> io::Result<()> {
            buffer.extend_from_slice(&message);
            Ok(())
        }

        fn on_message(&mut self, _message: Bytes, _context: &mut Context<'_, Self>) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_long_message_takes_its_buffer_with_it() {
        for (length, expected) in [(10, false), (READ_SIZE - 2, false), (READ_SIZE, true), (10 * READ_SIZE, true)] {
            let mut protocol = Plain(Lines::new(usize::MAX));
            let mut inbox = BytesMut::new();
            inbox.extend_from_slice(&vec![b'x'; length]);
            inbox.extend_from_slice(b"\nrest\n");
            let message = decode(&mut protocol, &mut inbox, false).unwrap().unwrap();
            assert_eq!((message.len(), &inbox[..]), (length + 1, &b"rest\n"[..]));
            // Nobody else holds the message's memory, if it left with it.
            assert_eq!(message.is_unique(), expected, "{length}");
            drop(message);
            make_room(&mut inbox);
            assert!(inbox.capacity() <= 3 * READ_SIZE, "{length}: {}", inbox.capacity());
            assert_eq!(decode(&mut protocol, &mut inbox, false).unwrap().unwrap(), &b"rest\n"[..]);
        }
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(Short(&"short").to_string(), "\"short\"");
        let text = Short(&"ü".repeat(LONGEST)).to_string();
        assert!(text.len() <= LONGEST + 3 && text.ends_with("ü…"), "{text}");
    }
}
