//! The driver: the one task of a running session, which owns the connection.
//!
//! Reading, taking from the queue, writing and closing are polled apart, so that a slow write never stops reading, nor
//! the other way round (E12).

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::BytesMut;
use tokio::io::AsyncWrite;
use tokio::sync::{mpsc, watch};
use tokio_util::io::{poll_read_buf, poll_write_buf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::session::Core;
use super::wire::{READ_SIZE, receive, transmit};
use super::{End, Link, Protocol, SessionError};

/// Bytes waiting to be written above which no more messages are taken from the queue.
const WRITE_HIGH: usize = 64 * 1024;

/// What a handler of messages may do besides its own work (E15).
pub struct Context<'a, P: Protocol> {
    sends: &'a mut Vec<P::Out>,
    disconnect: &'a mut bool,
}

impl<P: Protocol> Context<'_, P> {
    /// Sends a message, before anything that others have queued.
    pub fn send(&mut self, message: P::Out) {
        self.sends.push(message);
    }

    /// Schedules a disconnect; idempotent. What is queued is still sent (E14).
    pub fn schedule_disconnect(&mut self) {
        *self.disconnect = true;
    }
}

/// How the handles of a session and its driver speak to each other.
pub(super) struct Control<P: Protocol> {
    /// End, after what is queued has been sent.
    pub(super) drain: CancellationToken,
    /// End now.
    pub(super) abort: CancellationToken,
    /// How it ended, once it has.
    pub(super) end: watch::Sender<Option<End<P::Error>>>,
}

impl<P: Protocol> Control<P> {
    pub(super) fn new() -> Self {
        Self { drain: CancellationToken::new(), abort: CancellationToken::new(), end: watch::Sender::new(None) }
    }
}

/// What establishing a session leaves: the protocol, and the connection with what was read too much.
pub(super) struct Established<P: Protocol> {
    pub(super) protocol: P,
    pub(super) link: Box<dyn Link>,
    pub(super) inbox: BytesMut,
}

/// The driver as a task: it reports how the session ended in every case, also when it panics or is dropped.
pub(super) struct Task<P: Protocol> {
    core: Arc<Core<P>>,
    control: Arc<Control<P>>,
    driver: Option<Driver<P>>,
}

impl<P: Protocol> Task<P> {
    pub(super) fn new(
        core: Arc<Core<P>>,
        control: Arc<Control<P>>,
        established: Established<P>,
        outgoing: mpsc::Receiver<P::Out>,
    ) -> Self {
        let driver = Driver {
            drain: Stop::new(&control.drain),
            abort: Stop::new(&control.abort),
            protocol: established.protocol,
            link: established.link,
            inbox: established.inbox,
            outbox: BytesMut::new(),
            outgoing,
            sends: Vec::new(),
            end_of_input: false,
            end_of_queue: false,
            unflushed: false,
            write_error: None,
        };
        Self { core, control, driver: Some(driver) }
    }

    fn finish(&mut self, end: Result<(), SessionError<P::Error>>) {
        let Some(driver) = self.driver.take() else { return };
        match &end {
            Ok(()) => tracing::debug!("disconnected"),
            Err(SessionError::EndOfFile) => tracing::info!("{}", SessionError::<P::Error>::EndOfFile),
            Err(error) => {
                tracing::error!("{}", describe(error));
                tracing::debug!("details: {error:?}");
            }
        }
        let end = end.map_err(Arc::new);
        let Driver { mut protocol, link, .. } = driver;
        drop(link);
        self.core.ending(&self.control);
        if catch_unwind(AssertUnwindSafe(|| protocol.on_end(&end))).is_err() {
            tracing::error!("the protocol panicked while its session ended");
        }
        drop(protocol);
        self.control.end.send_replace(Some(end));
    }
}

// Nothing in it is ever pinned.
impl<P: Protocol> Unpin for Task<P> {}

impl<P: Protocol> Future for Task<P> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<()> {
        let Some(driver) = self.driver.as_mut() else { return Poll::Ready(()) };
        let end = match catch_unwind(AssertUnwindSafe(|| driver.poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(end)) => end,
            Err(panic) => Err(SessionError::DriverLost(panic_text(panic.as_ref()))),
        };
        self.finish(end);
        Poll::Ready(())
    }
}

impl<P: Protocol> Drop for Task<P> {
    fn drop(&mut self) {
        self.finish(Err(SessionError::DriverLost("its runtime was shut down".to_owned())));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

/// An error and what caused it, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

struct Driver<P: Protocol> {
    protocol: P,
    link: Box<dyn Link>,
    inbox: BytesMut,
    outbox: BytesMut,
    outgoing: mpsc::Receiver<P::Out>,
    /// What the protocol sends in answer to a message.
    sends: Vec<P::Out>,
    drain: Stop,
    abort: Stop,
    end_of_input: bool,
    end_of_queue: bool,
    unflushed: bool,
    /// Writing failed; what the peer had said before is read first.
    write_error: Option<io::Error>,
}

/// What one look at the input gave.
#[derive(PartialEq, Eq)]
enum Input {
    Progress,
    /// Nothing there.
    Quiet,
    /// The protocol has no room for more.
    Full,
    End,
}

impl<P: Protocol> Driver<P> {
    fn poll(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), SessionError<P::Error>>> {
        loop {
            if self.abort.poll(context) {
                return Poll::Ready(Ok(()));
            }
            if self.drain.poll(context) {
                self.outgoing.close();
            }
            let input = self.poll_input(context)?;
            if input != Input::Progress
                && input != Input::Full
                && let Some(error) = self.write_error.take()
            {
                return Poll::Ready(Err(SessionError::Write(error)));
            }
            if input == Input::End {
                return Poll::Ready(Err(SessionError::EndOfFile));
            }
            let mut progress = input == Input::Progress;
            if self.write_error.is_none() {
                progress |= self.poll_queue(context)?;
                match self.poll_output(context) {
                    Ok(wrote) => progress |= wrote,
                    Err(error) => {
                        self.write_error = Some(error);
                        progress = true;
                    }
                }
            }
            if self.end_of_queue && self.outbox.is_empty() && !self.unflushed && self.write_error.is_none() {
                return Pin::new(&mut self.link).poll_shutdown(context).map(closed);
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    /// Routes what is in the buffer, then reads once.
    fn poll_input(&mut self, context: &mut TaskContext<'_>) -> Result<Input, SessionError<P::Error>> {
        let mut routed = false;
        loop {
            if self.protocol.poll_ready(context).is_pending() {
                return Ok(if routed { Input::Progress } else { Input::Full });
            }
            let message = self.protocol.decode(&mut self.inbox, self.end_of_input).map_err(SessionError::Protocol)?;
            let Some(message) = message else { break };
            self.route(message).map_err(SessionError::Protocol)?;
            routed = true;
        }
        if routed {
            // What was asked for while routing goes out before the next read.
            return Ok(Input::Progress);
        }
        if self.end_of_input {
            return Ok(Input::End);
        }
        if self.inbox.capacity() - self.inbox.len() < READ_SIZE / 4 {
            self.inbox.reserve(READ_SIZE);
        }
        match poll_read_buf(Pin::new(&mut self.link), context, &mut self.inbox) {
            Poll::Pending => Ok(Input::Quiet),
            Poll::Ready(Ok(count)) => {
                self.end_of_input = count == 0;
                Ok(Input::Progress)
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
            self.drain.token.cancel();
        }
        Ok(())
    }

    /// Encodes what is queued, as long as the peer keeps up.
    fn poll_queue(&mut self, context: &mut TaskContext<'_>) -> Result<bool, SessionError<P::Error>> {
        let mut progress = false;
        for message in self.sends.drain(..) {
            transmit(&mut self.protocol, message, &mut self.outbox).map_err(SessionError::Protocol)?;
            progress = true;
        }
        while !self.end_of_queue && self.outbox.len() < WRITE_HIGH {
            match self.outgoing.poll_recv(context) {
                Poll::Ready(Some(message)) => {
                    transmit(&mut self.protocol, message, &mut self.outbox).map_err(SessionError::Protocol)?;
                    progress = true;
                }
                Poll::Ready(None) => self.end_of_queue = true,
                Poll::Pending => break,
            }
        }
        Ok(progress)
    }

    fn poll_output(&mut self, context: &mut TaskContext<'_>) -> io::Result<bool> {
        let mut progress = false;
        while !self.outbox.is_empty() {
            match poll_write_buf(Pin::new(&mut self.link), context, &mut self.outbox)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(_) => {
                    self.unflushed = true;
                    progress = true;
                }
                Poll::Pending => return Ok(progress),
            }
        }
        if self.unflushed && Pin::new(&mut self.link).poll_flush(context)?.is_ready() {
            self.unflushed = false;
            progress = true;
        }
        Ok(progress)
    }
}

/// "Not connected" while closing is no error: the peer was faster (E14).
fn closed<E: std::error::Error + 'static>(result: io::Result<()>) -> Result<(), SessionError<E>> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(SessionError::Close(error)),
        _ => Ok(()),
    }
}

/// A token, and the place in its queue of those who wait.
struct Stop {
    token: CancellationToken,
    wait: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Stop {
    fn new(token: &CancellationToken) -> Self {
        Self { token: token.clone(), wait: Box::pin(token.clone().cancelled_owned()) }
    }

    fn poll(&mut self, context: &mut TaskContext<'_>) -> bool {
        self.token.is_cancelled() || self.wait.as_mut().poll(context).is_ready()
    }
}
