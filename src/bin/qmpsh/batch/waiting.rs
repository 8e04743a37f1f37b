//! What a batch waits for.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use crate::eval::{self, Read};
use crate::input::lines::{Line, Lines};
use crate::status::Failure;
use qmpsh::protocol::{Runstate, StateWatcher};

/// What was found where the next line is, or the end of them.
pub(super) type Found = Option<Result<Ready, Failure>>;

/// A line, with what it asks for as far as it tells.
pub(super) struct Ready {
    pub(super) line: Line,
    pub(super) read: Result<Option<Read>, Failure>,
}

impl From<Line> for Ready {
    fn from(line: Line) -> Self {
        let read = eval::read(line.as_text());
        Self { line, read }
    }
}

/// Reads a line for what it asks for.
pub(super) fn read(line: Option<Result<Line, Failure>>) -> Found {
    line.map(|line| line.map(Ready::from))
}

/// Finds the next line while something else is waited for, if it is there already.
pub(super) async fn read_ahead(lines: &mut Lines) -> Option<Found> {
    after_others().await;
    take_if_there(lines).await
}

/// Lets the other tasks go first that have something to do, such as sending what has been queued.
pub(super) async fn after_others() {
    let mut is_first = true;
    poll_fn(|context| {
        if !std::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The next line, or the end, if it need not be waited for.
pub(super) async fn take_if_there(lines: &mut Lines) -> Option<Found> {
    tokio::select! {
        biased;
        line = lines.next() => Some(read(line)),
        () = std::future::ready(()) => None,
    }
}

/// What `work` gives; `None` if there is a limit and it came first.
pub(super) async fn or_timeout<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// Until the session ends.
pub(super) async fn disconnecting(state: &mut StateWatcher) {
    while let Some(state) = state.changed().await {
        if state == Runstate::Disconnecting {
            return;
        }
    }
}
