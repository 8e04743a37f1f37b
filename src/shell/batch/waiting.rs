//! What a batch waits for.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::super::lines::{Line, Lines};
use super::super::status::Failure;
use crate::protocol::{Runstate, StateWatcher};

/// The next line, or the end, if it need not be waited for.
pub(super) async fn take_if_there(lines: &mut Lines) -> Option<Option<Result<Line, Failure>>> {
    tokio::select! {
        biased;
        line = lines.next() => Some(line),
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
