//! A stream of events.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_core::Stream;

use super::listeners::{Listeners, lock};
use super::queue::{Batch, Queue};
use crate::message::Event;

/// A stream of events, oldest first. Dropping it ends the subscription.
///
/// One of [`Client::events`](crate::client::Client::events) ends with its session: after `disconnect()`, `quit` or a lost connection,
/// and with the last client, it delivers what came before and then ends. One of
/// [`Client::events_with`](crate::client::Client::events_with) goes on if the client connects again.
///
/// Take events one at a time, with [`next`](Self::next) or as a `Stream`, or all that have come, with [`batch`](Self::batch).
#[derive(Debug)]
pub struct EventStream {
    listeners: Arc<Mutex<Listeners>>,
    id: u64,
}

impl EventStream {
    pub(super) fn new(listeners: Arc<Mutex<Listeners>>, id: u64) -> Self {
        Self { listeners, id }
    }

    /// Waits for the next event; `None` once the stream has ended. Cancel safe.
    ///
    /// It does what `StreamExt::next` does, for those who need no other combinator.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns how many events were dropped so far because the stream was not read in time.
    pub fn missed(&self) -> u64 {
        self.with(|queue| queue.missed).unwrap_or_default()
    }

    /// Waits until there are events, and takes all of them; none once the stream has ended. Cancel safe.
    pub async fn batch(&mut self) -> Batch {
        poll_fn(|context| self.with(|queue| queue.poll_take(context)).unwrap_or(Poll::Pending)).await
    }

    /// Takes the events that have come already, if any.
    pub fn try_batch(&mut self) -> Batch {
        self.with(Queue::take).unwrap_or_default()
    }

    /// Replaces the filter. Events that have come already stay.
    pub fn choose(&mut self, wanted: impl Fn(&Event) -> bool + Send + Sync + 'static) {
        let before = self.with(|queue| std::mem::replace(&mut queue.wanted, Arc::new(wanted)));
        // Dropped without the lock, because a filter can hold anything.
        drop(before);
    }

    /// Calls `act` with the queue, which exists as long as the stream.
    fn with<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        lock(&self.listeners).queues.iter_mut().find(|queue| queue.id == self.id).map(act)
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.with(|queue| queue.poll_next(context)).unwrap_or(Poll::Ready(None))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let mut listeners = lock(&self.listeners);
        let Some(at) = listeners.queues.iter().position(|queue| queue.id == self.id) else { return };
        let mut queue = listeners.queues.remove(at);
        // The filter is dropped without the lock, because it can hold anything.
        drop(listeners);
        // This wakes the reader of the connection, which may wait for room.
        drop(queue.take());
    }
}
