//! The driver: the one task of a running session, which owns the connection.
//!
//! Reading, taking from the queue, writing and closing are polled apart, so that a slow write never stops reading, nor
//! the other way round (E12).

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
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::core::{Control, Core, Established};
use super::definition::{Context, Protocol};
use super::error::SessionError;
use super::link::Link;
use super::outbox::Outbox;
use super::wire::{decode, make_room, receive};

/// Rounds of reading, routing and writing until other tasks get their turn.
const ROUNDS: usize = 64;

/// How long to wait for input from the peer after writing to it has failed.
const LAST_INPUT: Duration = Duration::from_millis(100);

pub(super) struct Driver<P: Protocol> {
    pub(super) core: Arc<Core<P>>,
    pub(super) control: Arc<Control<P>>,
    pub(super) protocol: P,
    pub(super) link: Box<dyn Link>,
    inbox: BytesMut,
    outbox: Outbox,
    pub(super) outgoing: mpsc::Receiver<P::Out>,
    /// What the protocol sends in answer to a message.
    pub(super) sends: Vec<P::Out>,
    drain: Stop,
    abort: Stop,
    stage: Stage,
    end_of_input: bool,
    end_of_queue: bool,
    /// Writing failed; what the peer had sent before is read first.
    write_error: Option<io::Error>,
    /// How long to wait for that input.
    last_input: Option<Pin<Box<Sleep>>>,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Running,
    /// A disconnect has been asked for: what is queued is still sent.
    Draining,
    /// Everything has been sent.
    Closing,
}

/// What one look at the input gave.
#[derive(PartialEq, Eq)]
enum Input {
    /// Messages were routed.
    Routed,
    /// Bytes or the end of the input were read, and not yet decoded.
    Read,
    /// Nothing there.
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
            drain: Stop::new(&control.drain),
            abort: Stop::new(&control.abort),
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
        if self.abort.poll(context) {
            return Poll::Ready(self.write_error.take().map_or(Ok(()), |error| Err(SessionError::Write(error))));
        }
        if self.stage == Stage::Running && self.drain.poll(context) {
            self.stage = Stage::Draining;
            self.outgoing.close();
        }
        for _ in 0..ROUNDS {
            if self.stage == Stage::Closing {
                // Nothing that the peer sends now matters.
                return Pin::new(&mut self.link).poll_shutdown(context).map(closed);
            }
            let input = match self.poll_input(context) {
                Ok(input) => input,
                Err(error) => return Poll::Ready(Err(self.write_error.take().map_or(error, SessionError::Write))),
            };
            self.write_failed(&input, context)?;
            if input == Input::End {
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
            // What was read is still routed, but no more is read.
            let is_routed = input != Input::Read;
            if is_routed && self.end_of_queue && self.outbox.is_sent() && self.write_error.is_none() {
                self.stage = Stage::Closing;
                progress = true;
            }
            if !progress {
                return Poll::Pending;
            }
            if input == Input::Routed && self.outbox.is_sent() {
                // Let the receivers of these messages run: they may have more to send.
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Fails if writing has failed and everything that the peer had sent before was read.
    fn write_failed(&mut self, input: &Input, context: &mut TaskContext<'_>) -> Result<(), SessionError<P::Error>> {
        let Some(error) = self.write_error.take() else { return Ok(()) };
        match input {
            // The peer has closed the connection: that is the cause, and a broken pipe what it caused (E6).
            Input::End if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            // There may be more to read, unless the end has been asked for and the reader has no room.
            Input::Routed | Input::Read => {
                self.write_error = Some(error);
                Ok(())
            }
            Input::Full if self.stage == Stage::Running => {
                self.write_error = Some(error);
                Ok(())
            }
            // A write fails at once; the last input of the peer becomes readable a moment later.
            Input::Quiet if self.awaits_last_input(context) => {
                self.write_error = Some(error);
                Ok(())
            }
            _ => Err(SessionError::Write(error)),
        }
    }

    fn awaits_last_input(&mut self, context: &mut TaskContext<'_>) -> bool {
        let limit = self.last_input.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_INPUT)));
        limit.as_mut().poll(context).is_pending()
    }

    /// Routes what is in the buffer, then reads once.
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
            // Messages sent while routing go out before the next read.
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

    /// Encodes what is queued, as long as the peer keeps up.
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

/// Ignores "not connected" while closing: the peer has closed first (E14).
fn closed<E: std::error::Error + 'static>(result: io::Result<()>) -> Result<(), SessionError<E>> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(SessionError::Close(error)),
        _ => Ok(()),
    }
}

/// Waits for a token to be cancelled.
struct Stop(Pin<Box<WaitForCancellationFutureOwned>>);

impl Stop {
    fn new(token: &CancellationToken) -> Self {
        Self(Box::pin(token.clone().cancelled_owned()))
    }

    fn poll(&mut self, context: &mut TaskContext<'_>) -> bool {
        self.0.as_mut().poll(context).is_ready()
    }
}
