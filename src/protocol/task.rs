//! The driver as a task.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::driver::Driver;
use super::error::SessionError;
use super::traits::Protocol;
use crate::error::describe;

/// The driver as a task. It always reports how the session ended, also if it panics or is dropped.
pub(super) struct Task<P: Protocol>(Option<Driver<P>>);

impl<P: Protocol> Task<P> {
    pub(super) fn new(driver: Driver<P>) -> Self {
        Self(Some(driver))
    }

    fn finish(&mut self, end: Result<(), SessionError<P::Error>>) {
        let Some(driver) = self.0.take() else { return };
        match &end {
            Ok(()) => tracing::debug!("disconnected"),
            Err(error @ SessionError::EndOfFile) => tracing::info!("{error}"),
            Err(error) => {
                tracing::error!("{}", describe(error));
                tracing::debug!("details: {error:?}");
            }
        }
        let end = end.map_err(Arc::new);
        let Driver { core, control, mut protocol, link, outgoing, sends, .. } = driver;
        shielded(|| drop(link));
        core.ending(&control);
        shielded(|| protocol.on_end(&end));
        // Unsent messages are dropped, with their reply senders, before the end is reported.
        shielded(|| drop((protocol, sends, outgoing)));
        control.end.send_replace(Some(end));
    }
}

// No field of it is pinned.
impl<P: Protocol> Unpin for Task<P> {}

impl<P: Protocol> Future for Task<P> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = self.0.as_mut() else { return Poll::Ready(()) };
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

/// Runs code of the protocol or the transport, which may panic: the end of the session must still be reported.
fn shielded(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        tracing::error!("ending the session: {}", panic_text(panic.as_ref()));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a message"))
}
