//! A session: the handle, and the changes of its run state.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::accept::{first_established, limited};
use super::driver::{Control, Established, Task};
use super::error::{Cause, ConnectError, OpenError, Phase, SendError};
use super::runstate::Watchers;
use super::{Bind, Dial, End, Link, Listen, Protocol, Runstate, StateError, StateWatcher, Wire};

/// How a session is set up.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The connection's name; its log records carry it (E18).
    pub name: Option<String>,
    /// How long a peer that came to a listener may take until its session is established, from the moment it is
    /// connected; then it is dropped, and listening goes on. `None`: for ever.
    pub handshake_limit: Option<Duration>,
    /// How many messages may wait to be sent; [`Session::send`] waits for room beyond that.
    pub queue: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { name: None, handshake_limit: None, queue: 256 }
    }
}

/// A cheap handle on one connection at a time of protocol `P`; clones are the same session.
///
/// Dropping the last handle sends what is queued and closes the connection.
pub struct Session<P: Protocol>(Arc<Handle<P>>);

impl<P: Protocol> Clone for Session<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Protocol> fmt::Debug for Session<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("protocol", &P::NAME)
            .field("name", &self.0.core.options.name)
            .field("runstate", &self.state())
            .finish()
    }
}

/// What the handles share; the driver does not hold it, so that the last handle can be told.
struct Handle<P: Protocol> {
    core: Arc<Core<P>>,
}

impl<P: Protocol> Drop for Handle<P> {
    fn drop(&mut self) {
        self.core.schedule_disconnect();
    }
}

/// What the handles and the driver share.
pub(super) struct Core<P: Protocol> {
    options: SessionOptions,
    make: Box<dyn Fn() -> P + Send + Sync>,
    span: Span,
    inner: Mutex<Inner<P>>,
}

struct Inner<P: Protocol> {
    status: Status<P>,
    watchers: Watchers,
}

/// The run state, with what belongs to it.
enum Status<P: Protocol> {
    Idle,
    /// Something to accept on is there; nobody accepts yet.
    Opened(Opened),
    /// Somebody's call is connecting, binding or accepting.
    Opening(Arc<Attempt>),
    /// A disconnect came meanwhile; the call is rolling back.
    Cancelling(Arc<Attempt>),
    Running(mpsc::Sender<P::Out>, Arc<Control<P>>),
    /// The driver is ending, or has ended and nobody has collected how.
    Ending(Arc<Control<P>>),
}

enum Opened {
    Listener(Box<dyn Listen>),
    Socket(Box<dyn Link>),
}

/// One call that is connecting, binding or accepting.
struct Attempt {
    accepts: bool,
    cancel: CancellationToken,
    rolled_back: CancellationToken,
}

impl<P: Protocol> Status<P> {
    fn runstate(&self) -> Runstate {
        match self {
            Status::Idle => Runstate::Idle,
            Status::Opened(_) | Status::Opening(_) => Runstate::Connecting,
            Status::Running(..) => Runstate::Running,
            Status::Cancelling(_) | Status::Ending(_) => Runstate::Disconnecting,
        }
    }
}

impl<P: Protocol> Inner<P> {
    /// Changes the status; watchers see it if the run state is another one. Gives the old status.
    fn set(&mut self, status: Status<P>) -> Status<P> {
        let old = std::mem::replace(&mut self.status, status);
        let (from, to) = (old.runstate(), self.status.runstate());
        if from != to {
            tracing::debug!("run state {from} -> {to}");
            self.watchers.tell(to);
        }
        old
    }

    fn require(&self, required: Runstate) -> Result<(), StateError> {
        let state = self.status.runstate();
        if state == required { Ok(()) } else { Err(StateError { protocol: P::NAME, state, required }) }
    }
}

impl<P: Protocol> Session<P> {
    /// A session in state Idle; `make` gives a fresh protocol for each connection (E20).
    pub fn new(options: SessionOptions, make: impl Fn() -> P + Send + Sync + 'static) -> Self {
        let span = match &options.name {
            Some(name) => tracing::info_span!("connection", name),
            None => Span::none(),
        };
        let inner = Mutex::new(Inner { status: Status::Idle, watchers: Watchers::default() });
        Self(Arc::new(Handle { core: Arc::new(Core { options, make: Box::new(make), span, inner }) }))
    }

    fn core(&self) -> &Arc<Core<P>> {
        &self.0.core
    }

    /// The run state now (E1).
    pub fn state(&self) -> Runstate {
        self.core().lock().status.runstate()
    }

    /// Watches the run state: every transition from now on, in order (E1).
    pub fn watch(&self) -> StateWatcher {
        self.core().lock().watchers.add()
    }

    /// Connects and establishes the session (E2); it is running then.
    ///
    /// A failure rolls back to Idle (E8), and so does dropping the future, before the drop returns (E9).
    pub async fn connect(&self, to: impl Dial) -> Result<(), OpenError<P::Error>> {
        let opening = Opening::from_idle(self.core())?;
        let connected = async {
            let link = to.dial().await.map_err(connection)?;
            self.core().establish(link).await.map_err(session)
        };
        opening.until_running(connected.instrument(self.core().span.clone())).await
    }

    /// Binds and listens, and returns without waiting for a peer (E3). The state is Connecting then; call
    /// [`accept`](Self::accept) next. Failing or dropped, it rolls back to Idle. Gives the address listened on.
    pub async fn start_server(&self, at: impl Bind) -> Result<String, OpenError<P::Error>> {
        let opening = Opening::from_idle(self.core())?;
        let bound = async { at.bind().await.map_err(connection) };
        let listener = opening.or_cancelled(bound.instrument(self.core().span.clone())).await?;
        let address = listener.address();
        opening.opened(Opened::Listener(listener))?;
        Ok(address)
    }

    /// Exactly [`start_server`](Self::start_server), then [`accept`](Self::accept) (E3).
    pub async fn start_server_and_accept(&self, at: impl Bind) -> Result<(), OpenError<P::Error>> {
        self.start_server(at).await?;
        // Dropped between the two there is no wait, so nothing can be left listening.
        self.accept().await
    }

    /// Takes a listening socket to accept on (E4). The state is Connecting then.
    pub fn open_with_listener(&self, listener: Box<dyn Listen>) -> Result<(), StateError> {
        self.core().open(Opened::Listener(listener))
    }

    /// Takes an existing connection (E4). The state is Connecting then; [`accept`](Self::accept) establishes the
    /// session on it.
    pub fn open_with_socket(&self, socket: impl Link + 'static) -> Result<(), StateError> {
        self.core().open(Opened::Socket(Box::new(socket)))
    }

    /// Waits for the peer and establishes the session (E3, E4); it is running then.
    ///
    /// On a listener the first peer that gets through its handshake is taken; one that fails it, or stays silent, is
    /// dropped and does not keep the next waiting (E11). Failing or dropped, it rolls back to Idle (E8, E9).
    pub async fn accept(&self) -> Result<(), OpenError<P::Error>> {
        let (opening, opened) = Opening::from_opened(self.core())?;
        let accepted = async {
            match opened {
                Opened::Socket(link) => self.core().establish(link).await.map_err(session),
                Opened::Listener(listener) => {
                    first_established(listener, |incoming| {
                        let core = Arc::clone(self.core());
                        let limit = core.options.handshake_limit;
                        Box::pin(limited(limit, async move {
                            let link = incoming.handshake.await.map_err(|error| error.to_string())?;
                            core.establish(link).await.map_err(|error| error.to_string())
                        }))
                    })
                    .await
                }
            }
        };
        opening.until_running(accepted.instrument(self.core().span.clone())).await
    }

    /// Queues a message, waiting for room in the queue. Cancel safe: dropped, the message was not queued.
    pub async fn send(&self, message: P::Out) -> Result<(), SendError> {
        let outgoing = match &self.core().lock().status {
            Status::Running(outgoing, _) => Some(outgoing.clone()),
            _ => None,
        };
        if let Some(outgoing) = outgoing
            && outgoing.send(message).await.is_ok()
        {
            return Ok(());
        }
        let state = self.state();
        // It ended while this waited, and somebody has connected again: the message was for the old session.
        let state = if state == Runstate::Running { Runstate::Disconnecting } else { state };
        Err(StateError { protocol: P::NAME, state, required: Runstate::Running }.into())
    }

    /// Begins to disconnect, without waiting; idempotent, harmless in any state (E15). What is queued is still sent.
    /// The state stays Disconnecting until [`disconnect`](Self::disconnect) collects the result.
    pub fn schedule_disconnect(&self) {
        self.core().schedule_disconnect();
    }

    /// Ends the session at once, without sending what is queued (E14); then like a scheduled disconnect.
    pub fn abort(&self) {
        if let Some(Waiting::Driver(control)) = self.core().stop() {
            control.abort.cancel();
        }
    }

    /// Disconnects, waits until every task has ended, and returns to Idle (E6); from any state.
    ///
    /// The result is how the session ended: the first error of reader or writer, its root cause. Callers at the same
    /// time get the same one. A call that is connecting or accepting meanwhile ends in a [`ConnectError`], and is waited
    /// for. Cancel safe: dropped, it can be called again.
    pub async fn disconnect(&self) -> End<P::Error> {
        tracing::debug!("disconnect() called");
        match self.core().stop() {
            None => Ok(()),
            Some(Waiting::Attempt(attempt)) => {
                attempt.rolled_back.cancelled().await;
                Ok(())
            }
            Some(Waiting::Driver(control)) => {
                let mut end = control.end.subscribe();
                let end = match end.wait_for(Option::is_some).await {
                    Ok(end) => end.clone().unwrap_or(Ok(())),
                    // The sender lives in `control`, which is held here.
                    Err(_) => Ok(()),
                };
                self.core().collected(&control);
                end
            }
        }
    }
}

/// Whom a disconnect has to wait for.
enum Waiting<P: Protocol> {
    Attempt(Arc<Attempt>),
    Driver(Arc<Control<P>>),
}

impl<P: Protocol> Core<P> {
    fn lock(&self) -> MutexGuard<'_, Inner<P>> {
        // Nothing under the lock can leave it half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, opened: Opened) -> Result<(), StateError> {
        let mut inner = self.lock();
        inner.require(Runstate::Idle)?;
        inner.set(Status::Opened(opened));
        Ok(())
    }

    async fn establish(&self, mut link: Box<dyn Link>) -> Result<Established<P>, P::Error> {
        let mut protocol = (self.make)();
        let mut inbox = BytesMut::new();
        protocol.establish(&mut Wire { link: &mut *link, inbox: &mut inbox }).await?;
        Ok(Established { protocol, link, inbox })
    }

    fn schedule_disconnect(&self) {
        if self.lock().status.runstate() != Runstate::Idle {
            self.stop();
        }
    }

    /// Begins to end whatever goes on, and says whom to wait for.
    fn stop(&self) -> Option<Waiting<P>> {
        let mut inner = self.lock();
        let (next, waiting) = match &inner.status {
            Status::Idle | Status::Opened(_) => {
                inner.watchers.tell(Runstate::Disconnecting);
                let opened = std::mem::replace(&mut inner.status, Status::Idle);
                drop(opened);
                inner.watchers.tell(Runstate::Idle);
                return None;
            }
            Status::Opening(attempt) => {
                attempt.cancel.cancel();
                (Status::Cancelling(Arc::clone(attempt)), Waiting::Attempt(Arc::clone(attempt)))
            }
            Status::Running(_, control) => {
                control.drain.cancel();
                (Status::Ending(Arc::clone(control)), Waiting::Driver(Arc::clone(control)))
            }
            Status::Cancelling(attempt) => return Some(Waiting::Attempt(Arc::clone(attempt))),
            Status::Ending(control) => return Some(Waiting::Driver(Arc::clone(control))),
        };
        inner.set(next);
        Some(waiting)
    }

    /// The driver is ending by itself, or as it was told (E13).
    pub(super) fn ending(&self, control: &Arc<Control<P>>) {
        let mut inner = self.lock();
        if let Status::Running(_, running) = &inner.status
            && Arc::ptr_eq(running, control)
        {
            inner.set(Status::Ending(Arc::clone(control)));
        }
    }

    /// Somebody knows how the session ended: back to Idle, unless that has happened already.
    fn collected(&self, control: &Arc<Control<P>>) {
        let mut inner = self.lock();
        if let Status::Ending(ended) = &inner.status
            && Arc::ptr_eq(ended, control)
        {
            inner.set(Status::Idle);
        }
    }
}

/// The guard of a call that is connecting, binding or accepting: dropped, it rolls back to Idle (E8, E9).
///
/// It stands first in each such call, so everything the call holds (sockets, listeners) is gone before it.
struct Opening<P: Protocol> {
    core: Arc<Core<P>>,
    attempt: Arc<Attempt>,
}

impl<P: Protocol> Opening<P> {
    fn from_idle(core: &Arc<Core<P>>) -> Result<Self, StateError> {
        let mut inner = core.lock();
        inner.require(Runstate::Idle)?;
        Ok(Self::begin(core, &mut inner, false).0)
    }

    fn from_opened(core: &Arc<Core<P>>) -> Result<(Self, Opened), OpenError<P::Error>> {
        let mut inner = core.lock();
        match &inner.status {
            Status::Opened(_) => {}
            Status::Opening(attempt) if !attempt.accepts => return Err(OpenError::NothingOpened),
            status => {
                let state = status.runstate();
                let required = if state == Runstate::Connecting { Runstate::Idle } else { Runstate::Connecting };
                return Err(StateError { protocol: P::NAME, state, required }.into());
            }
        }
        match Self::begin(core, &mut inner, true) {
            (opening, Status::Opened(opened)) => Ok((opening, opened)),
            _ => Err(OpenError::NothingOpened),
        }
    }

    fn begin(core: &Arc<Core<P>>, inner: &mut Inner<P>, accepts: bool) -> (Self, Status<P>) {
        let attempt =
            Arc::new(Attempt { accepts, cancel: CancellationToken::new(), rolled_back: CancellationToken::new() });
        let before = inner.set(Status::Opening(Arc::clone(&attempt)));
        (Self { core: Arc::clone(core), attempt }, before)
    }

    /// What `work` gives, unless `disconnect()` comes first.
    async fn or_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, ConnectError<P::Error>>>,
    ) -> Result<T, ConnectError<P::Error>> {
        let result = tokio::select! {
            biased;
            () = self.attempt.cancel.cancelled() => Err(cancelled()),
            result = work => result,
        };
        if let Err(error) = &result {
            self.core.span.in_scope(|| {
                tracing::error!("{error}");
                tracing::debug!("details: {error:?}");
            });
        }
        result
    }

    /// Runs the session that `work` establishes.
    async fn until_running(
        self,
        work: impl Future<Output = Result<Established<P>, ConnectError<P::Error>>>,
    ) -> Result<(), OpenError<P::Error>> {
        let established = self.or_cancelled(work).await?;
        let mut inner = self.core.lock();
        if matches!(inner.status, Status::Cancelling(_)) {
            drop(inner);
            return Err(cancelled().into());
        }
        let (sender, receiver) = mpsc::channel(self.core.options.queue);
        let control = Arc::new(Control::new());
        let task = Task::new(Arc::clone(&self.core), Arc::clone(&control), established, receiver);
        inner.set(Status::Running(sender, control));
        drop(inner);
        tokio::spawn(task.instrument(self.core.span.clone()));
        Ok(())
    }

    /// Leaves what `accept()` will take.
    fn opened(self, opened: Opened) -> Result<(), OpenError<P::Error>> {
        let mut inner = self.core.lock();
        if matches!(inner.status, Status::Cancelling(_)) {
            drop(inner);
            return Err(cancelled().into());
        }
        inner.set(Status::Opened(opened));
        Ok(())
    }
}

impl<P: Protocol> Drop for Opening<P> {
    fn drop(&mut self) {
        let mut inner = self.core.lock();
        match &inner.status {
            Status::Opening(attempt) if Arc::ptr_eq(attempt, &self.attempt) => {
                inner.watchers.tell(Runstate::Disconnecting);
                inner.set(Status::Idle);
            }
            Status::Cancelling(attempt) if Arc::ptr_eq(attempt, &self.attempt) => {
                inner.set(Status::Idle);
            }
            // It succeeded.
            _ => {}
        }
        drop(inner);
        self.attempt.rolled_back.cancel();
    }
}

fn connection<E>(error: std::io::Error) -> ConnectError<E> {
    ConnectError { phase: Phase::Connection, cause: Cause::Io(error) }
}

fn session<E>(error: E) -> ConnectError<E> {
    ConnectError { phase: Phase::Session, cause: Cause::Protocol(error) }
}

fn cancelled<E>() -> ConnectError<E> {
    ConnectError { phase: Phase::Connection, cause: Cause::Cancelled }
}
