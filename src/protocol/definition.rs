//! What a protocol built on the engine supplies, and what the engine gives it to work with.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{self, Poll};

use bytes::BytesMut;

use super::error::SessionError;
use super::link::Link;

/// How a session ended: `Ok` after a disconnect that was asked for, else its root cause (E6).
pub type End<E> = Result<(), Arc<SessionError<E>>>;

/// What a protocol built on the engine supplies (E16, E17).
///
/// One value lives for one session, from its first byte to [`on_end`](Protocol::on_end); the next session gets a fresh
/// one, so nothing of the old one is left (E20).
pub trait Protocol: Sized + Send + 'static {
    /// The protocol's name, which begins the sentences of [`StateError`](crate::protocol::StateError) (E7).
    const NAME: &'static str;

    /// A message received. Its `Debug` is what the log shows, so it must mask secrets.
    type In: Send + Debug;

    /// A message to be sent; it carries its own reply sender if it wants one. Its `Debug` must mask secrets.
    type Out: Send + Debug;

    /// What can go wrong in this protocol.
    type Error: std::error::Error + From<io::Error> + Send + Sync + 'static;

    /// Takes one message off the front of `buffer`; `None` asks for more bytes.
    ///
    /// With `eof`, no more bytes will come: `None` then is the end of the input, and a message cut short an error.
    fn decode(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<Self::In>, Self::Error>;

    /// Appends the bytes of one message to `buffer`.
    fn encode(&mut self, message: Self::Out, buffer: &mut BytesMut) -> Result<(), Self::Error>;

    /// Whether the next message may go out; while it may not, the queue waits for a message to come. A disconnect, which
    /// drains the queue, does not ask.
    fn may_send(&self) -> bool {
        true
    }

    /// The open file that goes with a message, at most one: it is sent together with the message's first byte. Only
    /// for a link that [passes descriptors](Link::passes_descriptors); writing fails on any other.
    fn descriptor(&self, message: &Self::Out) -> Option<Arc<OwnedFd>> {
        let _ = message;
        None
    }

    /// Looks at, and may change, each message received, before it is routed; during establishment too (E16).
    fn inbound(&mut self, message: Self::In) -> Result<Self::In, Self::Error> {
        Ok(message)
    }

    /// Looks at, and may change, each message to be sent; during establishment too (E16).
    fn outbound(&mut self, message: Self::Out) -> Result<Self::Out, Self::Error> {
        Ok(message)
    }

    /// What comes before the session starts: a greeting, a negotiation (E17). What it read too much is carried over.
    fn establish(&mut self, wire: &mut Wire<'_>) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = wire;
        async { Ok(()) }
    }

    /// Does what is to be done with one message. It may send, and may schedule a disconnect (E15), but never waits.
    fn on_message(&mut self, message: Self::In, context: &mut Context<'_, Self>) -> Result<(), Self::Error>;

    /// Whether the protocol has room for another message; reading pauses while it is `Pending`.
    ///
    /// The one exception to E12, for a consumer that asked for messages without loss.
    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        let _ = context;
        Poll::Ready(())
    }

    /// Told once how the session ended, also when the driver panicked: whatever is pending fails here.
    fn on_end(&mut self, end: &End<Self::Error>) {
        let _ = end;
    }
}

/// What a handler of messages may do besides its own work (E15).
pub struct Context<'a, P: Protocol> {
    pub(super) sends: &'a mut Vec<P::Out>,
    pub(super) disconnect: &'a mut bool,
}

impl<P: Protocol> Context<'_, P> {
    /// Sends a message, before anything that others have queued. It does not wait, so what is sent to a peer that does
    /// not read stays in memory.
    pub fn send(&mut self, message: P::Out) {
        self.sends.push(message);
    }

    /// Schedules a disconnect; idempotent. What is queued is still sent (E14).
    pub fn schedule_disconnect(&mut self) {
        *self.disconnect = true;
    }
}

/// The connection before the session runs, for [`Protocol::establish`] (E17).
pub struct Wire<'a> {
    pub(super) link: &'a mut dyn Link,
    pub(super) inbox: &'a mut BytesMut,
}
