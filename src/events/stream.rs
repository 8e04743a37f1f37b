//! A stream of events.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use super::listeners::{Listeners, lock};
use super::queue::{Batch, Queue};
use crate::message::Event;

/// A stream of events. Dropping it ends the subscription.
///
/// It outlives sessions: after the client connects again, the stream continues.
#[derive(Debug)]
pub struct EventStream {
    listeners: Arc<Mutex<Listeners>>,
    id: u64,
}

impl EventStream {
    pub(super) fn new(listeners: Arc<Mutex<Listeners>>, id: u64) -> Self {
        Self { listeners, id }
    }

    /// Waits until there are events, and takes all of them. Cancel safe.
    pub async fn batch(&mut self) -> Batch {
        poll_fn(|context| self.with(|queue| queue.poll_take(context)).unwrap_or(Poll::Pending)).await
    }

    /// Takes the events that have come already, if any.
    pub fn try_batch(&mut self) -> Batch {
        self.with(Queue::take).unwrap_or_default()
    }

    /// Replaces the filter of [`Client::events`](crate::client::Client::events). Events that have come already stay.
    pub fn choose(&mut self, wanted: impl Fn(&Event) -> bool + Send + 'static) {
        let before = self.with(|queue| std::mem::replace(&mut queue.wanted, Box::new(wanted)));
        // Dropped without the lock, because a filter can hold anything.
        drop(before);
    }

    /// Calls `act` with the queue, which exists as long as the stream.
    fn with<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        lock(&self.listeners).queues.iter_mut().find(|queue| queue.id == self.id).map(act)
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
