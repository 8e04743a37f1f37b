//! The state that the handles of a session and its driver share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::link::{Link, Listen};
use super::runstate::{Runstate, StateError, StateWatcher, Watchers};
use super::traits::{End, Protocol, Wire};

/// The settings of a session.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The connection's name; its log records carry it (E18).
    pub name: Option<String>,
    /// How long a peer that came to a listener may take from connecting to an established session. After that it is dropped,
    /// and listening goes on. `None`: no limit.
    pub handshake_limit: Option<Duration>,
    /// How many messages may wait to be sent; [`Session::send`](super::Session::send) waits for room beyond that.
    pub queue: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { name: None, handshake_limit: None, queue: 256 }
    }
}

pub(super) struct Core<P: Protocol> {
    pub(super) options: SessionOptions,
    /// Adds the connection's name to log records (E18).
    pub(super) span: Span,
    make: Box<dyn Fn() -> P + Send + Sync>,
    inner: Mutex<Inner<P>>,
}

struct Inner<P: Protocol> {
    status: Status<P>,
    watchers: Watchers,
}

/// The run state, with what belongs to it.
pub(super) enum Status<P: Protocol> {
    Idle,
    /// There is a listener or a socket, but no `accept()` yet.
    Opened(Opened),
    /// A call is connecting, binding or accepting.
    Opening(Arc<Attempt>),
    /// That call is rolling back, or the listener is being closed.
    Cancelling(Arc<Attempt>),
    Running(mpsc::Sender<P::Out>, Arc<Control<P>>),
    /// The driver is ending, or has ended and its result is not collected.
    Ending(Arc<Control<P>>),
}

pub(super) enum Opened {
    Listener(Box<dyn Listen>),
    Socket(Box<dyn Link>),
}

/// One call that is connecting, binding or accepting.
pub(super) struct Attempt {
    /// The call is an `accept()`, or becomes one.
    pub(super) accepts: bool,
    pub(super) cancel: CancellationToken,
    pub(super) rolled_back: CancellationToken,
}

impl Attempt {
    pub(super) fn new(accepts: bool) -> Self {
        Self { accepts, cancel: CancellationToken::new(), rolled_back: CancellationToken::new() }
    }
}

/// The signals between the handles of a session and its driver.
pub(super) struct Control<P: Protocol> {
    /// The driver ends after it has sent what is queued.
    pub(super) drain: CancellationToken,
    /// The driver ends at once.
    pub(super) abort: CancellationToken,
    /// How the driver ended.
    pub(super) end: watch::Sender<Option<End<P::Error>>>,
}

impl<P: Protocol> Control<P> {
    pub(super) fn new() -> Self {
        Self { drain: CancellationToken::new(), abort: CancellationToken::new(), end: watch::Sender::new(None) }
    }
}

/// An established session: the protocol, the connection, and the bytes read beyond the last message.
pub(super) struct Established<P: Protocol> {
    pub(super) protocol: P,
    pub(super) link: Box<dyn Link>,
    pub(super) inbox: BytesMut,
}

/// What a disconnect waits for.
pub(super) enum Waiting<P: Protocol> {
    Attempt(Arc<Attempt>),
    Driver(Arc<Control<P>>),
}

impl<P: Protocol> Status<P> {
    pub(super) fn runstate(&self) -> Runstate {
        match self {
            Status::Idle => Runstate::Idle,
            Status::Opened(_) | Status::Opening(_) => Runstate::Connecting,
            Status::Running(..) => Runstate::Running,
            Status::Cancelling(_) | Status::Ending(_) => Runstate::Disconnecting,
        }
    }
}

/// The run state, locked.
///
/// No code of a protocol, a transport or a log runs under the lock. Replaced states are dropped and transitions logged after
/// it is released. Only the wakers of watchers are called under it.
pub(super) struct Locked<'a, P: Protocol> {
    // Before `after`, because fields are dropped in this order.
    inner: MutexGuard<'a, Inner<P>>,
    after: After<'a, P>,
}

struct After<'a, P: Protocol> {
    span: &'a Span,
    transitions: Vec<(Runstate, Runstate)>,
    left: Vec<Status<P>>,
}

impl<P: Protocol> Drop for After<'_, P> {
    fn drop(&mut self) {
        for (from, to) in self.transitions.drain(..) {
            self.span.in_scope(|| tracing::debug!("run state {from} -> {to}"));
        }
    }
}

impl<P: Protocol> Locked<'_, P> {
    pub(super) fn status(&self) -> &Status<P> {
        &self.inner.status
    }

    /// Sets the status. Watchers see it if the run state changes (E1).
    pub(super) fn set(&mut self, status: Status<P>) {
        let left = self.replace(status);
        self.after.left.push(left);
    }

    /// Sets the status and returns the one before, which must not be dropped under the lock.
    pub(super) fn replace(&mut self, status: Status<P>) -> Status<P> {
        let left = std::mem::replace(&mut self.inner.status, status);
        let (from, to) = (left.runstate(), self.inner.status.runstate());
        if from != to {
            self.inner.watchers.notify(to);
            self.after.transitions.push((from, to));
        }
        left
    }

    /// Fails if the run state is not `required` (E7).
    pub(super) fn require(&self, required: Runstate) -> Result<(), StateError> {
        let state = self.status().runstate();
        if state == required { Ok(()) } else { Err(StateError { protocol: P::NAME, state, required }) }
    }
}

impl<P: Protocol> Core<P> {
    pub(super) fn new(options: SessionOptions, make: Box<dyn Fn() -> P + Send + Sync>) -> Self {
        let span = match &options.name {
            // At the highest level, so that any filter that passes a record also passes the name.
            Some(name) => tracing::error_span!("connection", name),
            None => Span::none(),
        };
        let inner = Mutex::new(Inner { status: Status::Idle, watchers: Watchers::default() });
        Self { options, span, make, inner }
    }

    pub(super) fn lock(&self) -> Locked<'_, P> {
        // No code under the lock can leave it half changed.
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { inner, after: After { span: &self.span, transitions: Vec::new(), left: Vec::new() } }
    }

    pub(super) fn watch(&self) -> StateWatcher {
        self.lock().inner.watchers.add()
    }

    /// Keeps `opened` for `accept()` (E4).
    pub(super) fn open(&self, opened: Opened) -> Result<(), StateError> {
        // If it fails, `opened` is dropped after the lock, because arguments are dropped last.
        let mut locked = self.lock();
        locked.require(Runstate::Idle)?;
        locked.set(Status::Opened(opened));
        Ok(())
    }

    /// Establishes a session on a connection with a fresh protocol (E17, E20).
    pub(super) async fn establish(&self, mut link: Box<dyn Link>) -> Result<Established<P>, P::Error> {
        let mut protocol = (self.make)();
        let mut inbox = BytesMut::new();
        protocol.establish(&mut Wire { link: &mut *link, inbox: &mut inbox }).await?;
        Ok(Established { protocol, link, inbox })
    }

    /// Begins to disconnect, and returns what to wait for. Idempotent (E15).
    ///
    /// In Idle it does nothing, unless `show` asks for a transition through Disconnecting (E6).
    pub(super) fn stop(&self, show: bool) -> Option<Waiting<P>> {
        let mut locked = self.lock();
        match locked.status() {
            Status::Idle if !show => None,
            Status::Idle | Status::Opened(_) => {
                let attempt = Arc::new(Attempt::new(true));
                let opened = locked.replace(Status::Cancelling(Arc::clone(&attempt)));
                drop(locked);
                drop(opened);
                self.roll_back(&attempt);
                None
            }
            Status::Opening(attempt) => {
                let attempt = Arc::clone(attempt);
                locked.set(Status::Cancelling(Arc::clone(&attempt)));
                drop(locked);
                attempt.cancel.cancel();
                Some(Waiting::Attempt(attempt))
            }
            Status::Running(_, control) => {
                let control = Arc::clone(control);
                locked.set(Status::Ending(Arc::clone(&control)));
                drop(locked);
                control.drain.cancel();
                Some(Waiting::Driver(control))
            }
            Status::Cancelling(attempt) => Some(Waiting::Attempt(Arc::clone(attempt))),
            Status::Ending(control) => Some(Waiting::Driver(Arc::clone(control))),
        }
    }

    /// Returns to Idle unless the attempt has succeeded, and wakes the calls that wait for it.
    pub(super) fn roll_back(&self, attempt: &Arc<Attempt>) {
        let mut locked = self.lock();
        match locked.status() {
            Status::Opening(current) if Arc::ptr_eq(current, attempt) => {
                locked.set(Status::Cancelling(Arc::clone(attempt)));
                locked.set(Status::Idle);
            }
            Status::Cancelling(current) if Arc::ptr_eq(current, attempt) => locked.set(Status::Idle),
            _ => {}
        }
        drop(locked);
        attempt.rolled_back.cancel();
    }

    /// Notes that the driver is ending, by itself or by request (E13).
    pub(super) fn ending(&self, control: &Arc<Control<P>>) {
        let mut locked = self.lock();
        if let Status::Running(_, running) = locked.status()
            && Arc::ptr_eq(running, control)
        {
            locked.set(Status::Ending(Arc::clone(control)));
        }
    }

    /// Returns to Idle after the result was collected, once.
    pub(super) fn collected(&self, control: &Arc<Control<P>>) {
        let mut locked = self.lock();
        if let Status::Ending(ended) = locked.status()
            && Arc::ptr_eq(ended, control)
        {
            locked.set(Status::Idle);
        }
    }
}
