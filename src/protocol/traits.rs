//! The trait of a protocol on the engine, and the handles that the engine gives it.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{self, Poll};

use bytes::BytesMut;

use super::error::SessionError;
use super::link::Link;

/// How a session ended: `Ok` after a requested disconnect, else its root cause (E6).
pub type End<E> = Result<(), Arc<SessionError<E>>>;

/// A message protocol on the engine (E16, E17).
///
/// One value lives for one session, from its first byte to [`on_end`](Protocol::on_end). The next session gets a fresh one (E20).
#[expect(unused_variables, reason = "the provided methods ignore their arguments")]
pub trait Protocol: Sized + Send + 'static {
    /// The protocol's name, with which the messages of [`StateError`](super::StateError) begin (E7).
    const NAME: &'static str;

    /// A received message. The log shows its `Debug`, which must mask secrets.
    type In: Send + Debug;

    /// A message to send, with its own reply sender if it needs one. Its `Debug` must mask secrets.
    type Out: Send + Debug;

    /// An error of this protocol.
    type Error: std::error::Error + From<io::Error> + Send + Sync + 'static;

    /// Takes one message off the front of `buffer`. `None` asks for more bytes.
    ///
    /// With `eof` no more bytes come: `None` is the end of the input, and a message that is cut short is an error.
    fn decode(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<Self::In>, Self::Error>;

    /// Appends the bytes of one message to `buffer`.
    fn encode(&mut self, message: Self::Out, buffer: &mut BytesMut) -> Result<(), Self::Error>;

    /// Returns true if the next message may be sent. Otherwise the queue waits until a message comes. A disconnect, which drains
    /// the queue, does not ask.
    fn may_send(&self) -> bool {
        true
    }

    /// Returns the open file that is sent with the first byte of a message, if any. The link must
    /// [pass descriptors](Link::passes_descriptors); writing fails on any other.
    fn descriptor(&self, message: &Self::Out) -> Option<Arc<OwnedFd>> {
        None
    }

    /// Inspects, and may change, each received message before it is routed, also while establishing (E16).
    fn inbound(&mut self, message: Self::In) -> Result<Self::In, Self::Error> {
        Ok(message)
    }

    /// Inspects, and may change, each message before it is sent, also while establishing (E16).
    fn outbound(&mut self, message: Self::Out) -> Result<Self::Out, Self::Error> {
        Ok(message)
    }

    /// Does what comes before the session: a greeting, a negotiation (E17). Bytes read beyond that are carried over.
    fn establish(&mut self, wire: &mut Wire<'_>) -> impl Future<Output = Result<(), Self::Error>> + Send {
        async { Ok(()) }
    }

    /// Handles one message. It may send, and may schedule a disconnect (E15), but never waits.
    fn on_message(&mut self, message: Self::In, context: &mut Context<'_, Self>) -> Result<(), Self::Error>;

    /// Waits for room for another message. Reading pauses while it is `Pending`.
    ///
    /// This is the one exception to E12, for a consumer that needs messages without loss.
    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Takes the open files that came with the bytes that were read just now, if the link
    /// [receives them](Link::receive_descriptors).
    fn descriptors_came(&mut self, descriptors: Vec<OwnedFd>) {}

    /// Returns true if the session ends, now that the peer has ended its half of the connection. `is_sent`: what was encoded is
    /// written. A server whose client still waits for replies goes on.
    fn may_end(&self, is_sent: bool) -> bool {
        true
    }

    /// Ends what is pending. Called once with how the session ended, also if the driver panicked.
    fn on_end(&mut self, end: &End<Self::Error>) {}
}

/// The actions that a handler of messages can take (E15).
pub struct Context<'a, P: Protocol> {
    pub(super) sends: &'a mut Vec<P::Out>,
    pub(super) disconnect: &'a mut bool,
}

impl<P: Protocol> Context<'_, P> {
    /// Sends a message before all that is queued. It does not wait, so messages to a peer that does not read stay in memory.
    pub fn send(&mut self, message: P::Out) {
        self.sends.push(message);
    }

    /// Schedules a disconnect. What is queued is still sent (E14). Idempotent.
    pub fn schedule_disconnect(&mut self) {
        *self.disconnect = true;
    }
}

/// The connection before the session runs, for [`Protocol::establish`] (E17).
pub struct Wire<'a> {
    pub(super) link: &'a mut dyn Link,
    pub(super) inbox: &'a mut BytesMut,
}
