//! The guard of a call that connects, binds, accepts or establishes.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tracing::Instrument;

use super::accept::{first_established, limited};
use super::core::{Attempt, Control, Core, Established, Opened, Status};
use super::driver::Driver;
use super::error::{Cause, ConnectError, OpenError, Phase};
use super::link::{Link, Listen};
use super::runstate::{Runstate, StateError};
use super::task::Task;
use super::traits::Protocol;
use crate::error::describe;

/// The guard of one call. Unless [`run`](Self::run) or [`opened`](Self::opened) succeeds, dropping it rolls back to Idle (E8, E9).
///
/// Each call makes it first, so the sockets and listeners of the call are dropped before it.
pub(super) struct Opening<P: Protocol> {
    core: Arc<Core<P>>,
    attempt: Arc<Attempt>,
}

impl<P: Protocol> Opening<P> {
    pub(super) fn from_idle(core: &Arc<Core<P>>, accepts: bool) -> Result<Self, StateError> {
        let mut locked = core.lock();
        locked.require(Runstate::Idle)?;
        let attempt = Arc::new(Attempt::new(accepts));
        locked.set(Status::Opening(Arc::clone(&attempt)));
        Ok(Self { core: Arc::clone(core), attempt })
    }

    /// Takes the listener or socket that was opened (E5).
    pub(super) fn from_opened(core: &Arc<Core<P>>) -> Result<(Self, Opened), OpenError<P::Error>> {
        let mut locked = core.lock();
        match locked.status() {
            Status::Opened(_) => {}
            Status::Opening(attempt) if !attempt.accepts => return Err(OpenError::NothingOpened),
            status => {
                let state = status.runstate();
                let required = if state == Runstate::Connecting { Runstate::Idle } else { Runstate::Connecting };
                return Err(StateError { protocol: P::NAME, state, required }.into());
            }
        }
        let attempt = Arc::new(Attempt::new(true));
        match locked.replace(Status::Opening(Arc::clone(&attempt))) {
            Status::Opened(opened) => {
                drop(locked);
                Ok((Self { core: Arc::clone(core), attempt }, opened))
            }
            other => {
                // Not reached, because the status was checked under this lock.
                locked.set(other);
                Err(OpenError::NothingOpened)
            }
        }
    }

    /// Runs `work` until `disconnect()` cancels it.
    pub(super) async fn or_cancelled<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = Result<T, Cause<P::Error>>>,
    ) -> Result<T, ConnectError<P::Error>> {
        let span = &self.core.span;
        let result = tokio::select! {
            biased;
            () = self.attempt.cancel.cancelled() => Err(Cause::Cancelled),
            result = work.instrument(span.clone()) => result,
        };
        result.map_err(|cause| {
            let error = ConnectError { phase, cause };
            span.in_scope(|| {
                tracing::error!("{}", describe(&error));
                tracing::debug!("details: {error:?}");
            });
            error
        })
    }

    /// Establishes the session on a connection.
    pub(super) async fn establish(&self, link: Box<dyn Link>) -> Result<Established<P>, ConnectError<P::Error>> {
        let established = async { self.core.establish(link).await.map_err(Cause::Protocol) };
        self.or_cancelled(Phase::Session, established).await
    }

    /// Accepts the first peer that gets through its handshake (E11).
    pub(super) async fn first_peer(&self, listener: Box<dyn Listen>) -> Result<Established<P>, ConnectError<P::Error>> {
        let limit = self.core.options.handshake_limit;
        let first = first_established(listener, |incoming| {
            let core = Arc::clone(&self.core);
            Box::pin(limited(limit, async move {
                let link = incoming.handshake.await.map_err(|error| describe(&error))?;
                core.establish(link).await.map_err(|error| describe(&error))
            }))
        });
        let first = async { first.await.map_err(Cause::Io) };
        self.or_cancelled(Phase::Connection, first).await
    }

    /// Starts the driver of an established session.
    pub(super) fn run(self, established: Established<P>) -> Result<(), OpenError<P::Error>> {
        let (sender, receiver) = mpsc::channel(self.core.options.queue.clamp(1, Semaphore::MAX_PERMITS));
        let control = Arc::new(Control::new());
        self.succeed(Status::Running(sender, Arc::clone(&control)), Phase::Session)?;
        let task = Task::new(Driver::new(Arc::clone(&self.core), control, established, receiver));
        tokio::spawn(task.instrument(self.core.span.clone()));
        Ok(())
    }

    /// Keeps the listener or socket for `accept()`.
    pub(super) fn opened(self, opened: Opened) -> Result<(), OpenError<P::Error>> {
        self.succeed(Status::Opened(opened), Phase::Connection)
    }

    /// Sets the status, unless `disconnect()` came first.
    fn succeed(&self, status: Status<P>, phase: Phase) -> Result<(), OpenError<P::Error>> {
        // If it fails, `status` is dropped after the lock, because arguments are dropped last.
        let mut locked = self.core.lock();
        if matches!(locked.status(), Status::Cancelling(_)) {
            return Err(ConnectError { phase, cause: Cause::Cancelled }.into());
        }
        locked.set(status);
        Ok(())
    }
}

impl<P: Protocol> Drop for Opening<P> {
    fn drop(&mut self) {
        self.core.roll_back(&self.attempt);
    }
}
