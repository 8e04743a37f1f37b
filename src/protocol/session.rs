//! A session: the handle on one connection at a time.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;

use super::core::{Core, Opened, SessionOptions, Status, Waiting};
use super::error::{Cause, OpenError, Phase};
use super::link::{Bind, Dial, Link, Listen};
use super::opening::Opening;
use super::runstate::{Runstate, StateError, StateWatcher};
use super::traits::{End, Protocol};

/// A handle on one connection at a time of protocol `P`. Clones are cheap and share the session.
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

/// The part that the handles share. The driver does not hold it, so dropping the last handle ends the session.
struct Handle<P: Protocol> {
    core: Arc<Core<P>>,
}

impl<P: Protocol> Drop for Handle<P> {
    fn drop(&mut self) {
        self.core.stop(false);
    }
}

impl<P: Protocol> Session<P> {
    /// Makes a session in state Idle. `make` returns a fresh protocol for each connection (E20).
    pub fn new(options: SessionOptions, make: impl Fn() -> P + Send + Sync + 'static) -> Self {
        Self(Arc::new(Handle { core: Arc::new(Core::new(options, Box::new(make))) }))
    }

    fn core(&self) -> &Arc<Core<P>> {
        &self.0.core
    }

    /// Returns the connection's name, which its log records carry (E18).
    pub fn name(&self) -> Option<&str> {
        self.core().options.name.as_deref()
    }

    /// Returns the run state (E1).
    pub fn state(&self) -> Runstate {
        self.core().lock().status().runstate()
    }

    /// Watches the transitions of the run state from now on (E1).
    pub fn watch(&self) -> StateWatcher {
        self.core().watch()
    }

    /// Connects and establishes the session (E2), which is then running.
    ///
    /// A failure rolls back to Idle (E8). So does dropping the future, before the drop returns (E9).
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, like every async function here, and rolls back.
    pub async fn connect(&self, to: impl Dial) -> Result<(), OpenError<P::Error>> {
        let opening = Opening::from_idle(self.core(), false)?;
        let link = opening.or_cancelled(Phase::Connection, async { to.dial().await.map_err(Cause::Io) }).await?;
        let established = opening.establish(link).await?;
        opening.run(established)
    }

    /// Binds, listens, and returns the address without waiting for a peer (E3).
    ///
    /// The state is then Connecting; call [`accept`](Self::accept) next. If it fails or is dropped, it rolls back to Idle.
    pub async fn start_server(&self, at: impl Bind) -> Result<String, OpenError<P::Error>> {
        let opening = Opening::from_idle(self.core(), false)?;
        let listener = opening.or_cancelled(Phase::Connection, async { at.bind().await.map_err(Cause::Io) }).await?;
        let address = listener.address();
        opening.opened(Opened::Listener(listener))?;
        Ok(address)
    }

    /// Does [`start_server`](Self::start_server) and [`accept`](Self::accept) in one call (E3).
    pub async fn start_server_and_accept(&self, at: impl Bind) -> Result<(), OpenError<P::Error>> {
        let opening = Opening::from_idle(self.core(), true)?;
        let listener = opening.or_cancelled(Phase::Connection, async { at.bind().await.map_err(Cause::Io) }).await?;
        let established = opening.first_peer(listener).await?;
        opening.run(established)
    }

    /// Takes a listening socket to accept on (E4). The state is then Connecting.
    pub fn open_with_listener(&self, listener: Box<dyn Listen>) -> Result<(), StateError> {
        self.core().open(Opened::Listener(listener))
    }

    /// Takes a connection (E4). The state is then Connecting, and [`accept`](Self::accept) establishes the session on it.
    pub fn open_with_socket(&self, socket: impl Link + 'static) -> Result<(), StateError> {
        self.core().open(Opened::Socket(Box::new(socket)))
    }

    /// Waits for the peer and establishes the session (E3, E4), which is then running.
    ///
    /// On a listener it accepts the first peer that gets through its handshake. A peer that fails it or is silent does not
    /// hold up the next (E11). If it fails or is dropped, it rolls back to Idle (E8, E9).
    pub async fn accept(&self) -> Result<(), OpenError<P::Error>> {
        let (opening, opened) = Opening::from_opened(self.core())?;
        let established = match opened {
            Opened::Socket(link) => opening.establish(link).await?,
            Opened::Listener(listener) => opening.first_peer(listener).await?,
        };
        opening.run(established)
    }

    /// Queues a message, waiting for room in the queue. Cancel safe: if it is dropped, the message was not queued.
    ///
    /// # Errors
    ///
    /// Fails if the session is not running; the message is then not sent.
    pub async fn send(&self, message: P::Out) -> Result<(), StateError> {
        let outgoing = match self.core().lock().status() {
            Status::Running(outgoing, _) => Some(outgoing.clone()),
            _ => None,
        };
        if let Some(outgoing) = outgoing {
            // There is usually room.
            let message = match outgoing.try_send(message) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(message) | TrySendError::Closed(message)) => message,
            };
            if outgoing.send(message).await.is_ok() {
                return Ok(());
            }
        }
        let state = self.state();
        // If a new session is running, the message was for the old one, which ended meanwhile.
        let state = if state == Runstate::Running { Runstate::Disconnecting } else { state };
        Err(StateError { protocol: P::NAME, state, required: Runstate::Running })
    }

    /// Begins to disconnect without waiting (E15). What is queued is still sent. Idempotent, and harmless in any state.
    ///
    /// A running session stays in Disconnecting until [`disconnect`](Self::disconnect) collects the result. A call that is
    /// connecting or accepting rolls back to Idle by itself.
    pub fn schedule_disconnect(&self) {
        self.core().stop(false);
    }

    /// Ends the session at once, without sending what is queued (E14). Otherwise it is like a scheduled disconnect.
    pub fn abort(&self) {
        if let Some(Waiting::Driver(control)) = self.core().stop(false) {
            control.abort.cancel();
        }
    }

    /// Disconnects from any state, waits until every task has ended, and returns to Idle (E6).
    ///
    /// The result is how the session ended: the first error of reader or writer. Concurrent callers get the same one. What is
    /// queued is sent first (E14), so a peer that has stopped reading holds it up: set a time limit, and then call
    /// [`abort`](Self::abort). A call that is connecting or accepting fails with a [`ConnectError`](super::ConnectError), and
    /// this waits for it, so its future must be polled or dropped. Cancel safe: it can be called again.
    pub async fn disconnect(&self) -> End<P::Error> {
        self.core().span.in_scope(|| tracing::debug!("disconnect() called"));
        match self.core().stop(true) {
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
