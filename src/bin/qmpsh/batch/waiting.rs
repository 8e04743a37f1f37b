//! Waiting for lines, time limits and the end of the session.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use crate::eval::{self, Read};
use crate::input::lines::{Line, Lines};
use crate::status::Failure;

/// The next line; `None` at the end of the input.
pub(super) type Found = Option<Result<Ready, Failure>>;

/// A line, read as far as that needs nothing else.
pub(super) struct Ready {
    pub(super) line: Box<Line>,
    pub(super) read: Result<Vec<Read>, Failure>,
}

impl From<Box<Line>> for Ready {
    fn from(line: Box<Line>) -> Self {
        let read = eval::read(line.as_text());
        Self { line, read }
    }
}

/// Parses a line.
pub(super) fn read(line: Option<Result<Box<Line>, Failure>>) -> Found {
    line.map(|line| line.map(Ready::from))
}

/// Takes the next line if it is there, after the tasks that send have had their turn.
pub(super) async fn read_ahead(lines: &mut Lines) -> Option<Found> {
    after_others().await;
    take_if_there(lines).await
}

/// Lets other tasks run first, such as the one that sends queued commands.
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

/// Takes the next line, or the end of the input, if it is there.
pub(super) async fn take_if_there(lines: &mut Lines) -> Option<Found> {
    tokio::select! {
        biased;
        line = lines.next() => Some(read(line)),
        () = std::future::ready(()) => None,
    }
}

/// The output of `work`; `None` if `limit` comes first.
pub(super) async fn or_timeout<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    timeout(limit.unwrap_or(Duration::MAX), work).await.ok()
}
