//! The driver: the one task of a running session, which owns the connection.
//!
//! Reading, taking from the queue, writing and closing are polled apart, so that none of them stops another (E12).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tokio_util::io::poll_read_buf;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::core::{Control, Core, Established};
use super::error::{SessionError, has_ended};
use super::link::Link;
use super::outbox::Outbox;
use super::traits::{Context, Protocol};
use super::wire::{decode, make_room, receive};

/// How many rounds of reading, routing and writing run before other tasks get their turn.
const ROUNDS: usize = 64;

/// How long to wait for input from the peer after a write has failed.
const LAST_INPUT: Duration = Duration::from_millis(100);

pub(super) struct Driver<P: Protocol> {
    pub(super) core: Arc<Core<P>>,
    pub(super) control: Arc<Control<P>>,
    pub(super) protocol: P,
    pub(super) link: Box<dyn Link>,
    inbox: BytesMut,
    outbox: Outbox,
    pub(super) outgoing: mpsc::Receiver<P::Out>,
    /// Messages that the protocol sends while it handles another.
    pub(super) sends: Vec<P::Out>,
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
    abort: Pin<Box<WaitForCancellationFutureOwned>>,
    stage: Stage,
    end_of_input: bool,
    end_of_queue: bool,
    /// A write failed. What the peer had sent before is read first.
    write_error: Option<io::Error>,
    /// The limit of the wait for that input.
    last_input: Option<Pin<Box<Sleep>>>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Running,
    /// A disconnect was requested; what is queued is still sent.
    Draining,
    /// Everything was sent.
    Closing,
}

/// The result of one look at the input.
#[derive(PartialEq, Eq)]
enum Input {
    /// Messages were routed.
    Routed,
    /// Bytes or the end of the input were read, and not yet decoded.
    Read,
    /// There is nothing to read.
    Quiet,
    /// The protocol has no room for more.
    Full,
    End,
}

impl<P: Protocol> Driver<P> {
    pub(super) fn new(
        core: Arc<Core<P>>,
        control: Arc<Control<P>>,
        established: Established<P>,
        outgoing: mpsc::Receiver<P::Out>,
    ) -> Self {
        Self {
            drain: Box::pin(control.drain.clone().cancelled_owned()),
            abort: Box::pin(control.abort.clone().cancelled_owned()),
            core,
            control,
            protocol: established.protocol,
            link: established.link,
            inbox: established.inbox,
            outbox: Outbox::default(),
            outgoing,
            sends: Vec::new(),
            stage: Stage::Running,
            end_of_input: false,
            end_of_queue: false,
            write_error: None,
            last_input: None,
        }
    }

    pub(super) fn poll(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), SessionError<P::Error>>> {
        if self.abort.as_mut().poll(context).is_ready() {
            return Poll::Ready(self.write_error.take().map_or(Ok(()), |error| Err(SessionError::Write(error))));
        }
        if self.stage == Stage::Running && self.drain.as_mut().poll(context).is_ready() {
            self.stage = Stage::Draining;
            self.outgoing.close();
        }
        for _ in 0..ROUNDS {
            if self.stage == Stage::Closing {
                // The peer's input no longer matters.
                return Pin::new(&mut self.link).poll_shutdown(context).map(closed);
            }
            let input = match self.poll_input(context) {
                Ok(input) => input,
                Err(error) => return Poll::Ready(Err(self.write_error.take().map_or(error, SessionError::Write))),
            };
            let has_failed = self.write_error.is_some();
            self.write_failed(&input, context)?;
            let may_end = |driver: &Self| driver.link.has_hung_up() || driver.protocol.may_end(driver.outbox.is_sent());
            if input == Input::End && (has_failed || may_end(self)) {
                return Poll::Ready(Err(SessionError::EndOfFile));
            }
            let mut progress = matches!(input, Input::Routed | Input::Read);
            if self.write_error.is_none() {
                progress |= self.poll_queue(context)?;
                match self.outbox.poll_write(&mut *self.link, context) {
                    Ok(wrote) => progress |= wrote,
                    Err(error) => {
                        self.write_error = Some(error);
                        progress = true;
                    }
                }
            }
            // What was read is still routed.
            let is_routed = input != Input::Read;
            if is_routed && self.end_of_queue && self.outbox.is_sent() && self.write_error.is_none() {
                self.stage = Stage::Closing;
                progress = true;
            }
            if !progress {
                return Poll::Pending;
            }
            if input == Input::Routed && self.outbox.is_sent() {
                // The receivers of these messages may have more to send, so they run first.
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Fails if a write has failed and all that the peer had sent before was read.
    fn write_failed(&mut self, input: &Input, context: &mut TaskContext<'_>) -> Result<(), SessionError<P::Error>> {
        let Some(error) = self.write_error.take() else { return Ok(()) };
        let may_read_more = match input {
            // The peer has closed the connection: that is the cause of the broken pipe (E6).
            Input::End if has_ended(&error) => return Ok(()),
            Input::End => false,
            Input::Routed | Input::Read => true,
            Input::Full => self.stage == Stage::Running,
            // A write fails at once. The last input of the peer becomes readable a moment later.
            Input::Quiet => {
                let limit = self.last_input.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_INPUT)));
                limit.as_mut().poll(context).is_pending()
            }
        };
        if !may_read_more {
            return Err(SessionError::Write(error));
        }
        self.write_error = Some(error);
        Ok(())
    }

    /// Routes the messages in the buffer, or reads once if there are none.
    fn poll_input(&mut self, context: &mut TaskContext<'_>) -> Result<Input, SessionError<P::Error>> {
        let mut routed = false;
        loop {
            if self.protocol.poll_ready(context).is_pending() {
                return Ok(if routed { Input::Routed } else { Input::Full });
            }
            let message = decode(&mut self.protocol, &mut self.inbox, self.end_of_input);
            let message = message.map_err(SessionError::Protocol)?;
            let Some(message) = message else { break };
            self.route(message).map_err(SessionError::Protocol)?;
            routed = true;
        }
        if routed {
            // What the protocol sent goes out before the next read.
            return Ok(Input::Routed);
        }
        if self.end_of_input {
            return Ok(Input::End);
        }
        make_room(&mut self.inbox);
        match poll_read_buf(Pin::new(&mut self.link), context, &mut self.inbox) {
            Poll::Pending => Ok(Input::Quiet),
            Poll::Ready(Ok(count)) => {
                self.end_of_input = count == 0;
                self.protocol.descriptors_came(self.link.received());
                Ok(Input::Read)
            }
            Poll::Ready(Err(error)) => Err(SessionError::Read(error)),
        }
    }

    fn route(&mut self, message: P::In) -> Result<(), P::Error> {
        let message = receive(&mut self.protocol, message)?;
        let mut disconnect = false;
        let mut context = Context { sends: &mut self.sends, disconnect: &mut disconnect };
        self.protocol.on_message(message, &mut context)?;
        if disconnect {
            self.core.ending(&self.control);
            self.control.drain.cancel();
        }
        Ok(())
    }

    /// Encodes what is queued while the peer keeps up. Returns true if there was anything.
    fn poll_queue(&mut self, context: &mut TaskContext<'_>) -> Result<bool, SessionError<P::Error>> {
        let mut progress = false;
        for message in self.sends.drain(..) {
            self.outbox.push(&mut self.protocol, message).map_err(SessionError::Protocol)?;
            progress = true;
        }
        while !self.end_of_queue && !self.outbox.is_full() {
            if self.stage == Stage::Running && !self.protocol.may_send() {
                break;
            }
            match self.outgoing.poll_recv(context) {
                Poll::Ready(Some(message)) => {
                    self.outbox.push(&mut self.protocol, message).map_err(SessionError::Protocol)?;
                    progress = true;
                }
                Poll::Ready(None) => self.end_of_queue = true,
                Poll::Pending => break,
            }
        }
        Ok(progress)
    }
}

/// Ignores "not connected" while closing, because the peer has closed first (E14).
fn closed<E: std::error::Error + 'static>(result: io::Result<()>) -> Result<(), SessionError<E>> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(SessionError::Close(error)),
        _ => Ok(()),
    }
}
