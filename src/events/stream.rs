//! One stream of events: its queue, and what is dropped when the queue is full.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use super::{Listeners, lock};
use crate::message::Event;

/// What happens to events for which a stream has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// None is lost: while more than `room` bytes wait, nothing more is read from the peer (the exception in E12).
    Lossless {
        /// Bytes that may wait.
        room: usize,
    },
    /// The newest are kept: beyond `room` bytes the oldest are dropped, and counted by name.
    Newest {
        /// Bytes that may wait.
        room: usize,
    },
}

impl Delivery {
    fn room(self) -> usize {
        match self {
            Delivery::Lossless { room } | Delivery::Newest { room } => room,
        }
    }
}

pub(super) type Wanted = Box<dyn Fn(&Event) -> bool + Send>;

pub(super) struct Queue {
    id: u64,
    delivery: Delivery,
    wanted: Wanted,
    waiting: Batch,
    bytes: usize,
    consumer: Option<Waker>,
    producer: Option<Waker>,
}

impl Queue {
    pub(super) fn new(id: u64, delivery: Delivery, wanted: Wanted) -> Self {
        Self { id, delivery, wanted, waiting: Batch::default(), bytes: 0, consumer: None, producer: None }
    }

    /// How many bytes more may wait before the reader has to wait too.
    pub(super) fn room(&self) -> usize {
        match self.delivery {
            Delivery::Lossless { room } => room.saturating_sub(self.bytes),
            Delivery::Newest { .. } => usize::MAX,
        }
    }

    /// To be woken when it is no longer full.
    pub(super) fn wake_with_room(&mut self, producer: &Waker) {
        self.producer = Some(producer.clone());
    }

    pub(super) fn wants(&self, event: &Event) -> bool {
        (self.wanted)(event)
    }

    pub(super) fn push(&mut self, event: Event) {
        self.bytes += event.bytes().len();
        self.waiting.events.push_back(event);
        if let Delivery::Newest { room } = self.delivery {
            // The newest one stays, however long it is.
            while self.bytes > room && self.waiting.events.len() > 1 {
                if let Some(oldest) = self.waiting.events.pop_front() {
                    self.bytes -= oldest.bytes().len();
                    self.waiting.count_dropped(&oldest);
                }
            }
        }
        if let Some(consumer) = self.consumer.take() {
            consumer.wake();
        }
    }

    fn take(&mut self) -> Batch {
        let was_full = self.bytes >= self.delivery.room();
        self.bytes = 0;
        if was_full && let Some(producer) = self.producer.take() {
            producer.wake();
        }
        // Likely as many will come again.
        let events = VecDeque::with_capacity(self.waiting.events.len());
        std::mem::replace(&mut self.waiting, Batch { events, dropped: Vec::new() })
    }
}

/// Events handed over at once, oldest first.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events.
    pub events: VecDeque<Event>,
    /// How many older ones were dropped, by name, in the order in which the names first came.
    pub dropped: Vec<(String, u64)>,
}

impl Batch {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.dropped.is_empty()
    }

    fn count_dropped(&mut self, event: &Event) {
        let name = event.name();
        match self.dropped.iter_mut().find(|(dropped, _)| *dropped == name) {
            Some((_, count)) => *count += 1,
            None => self.dropped.push((name.into_owned(), 1)),
        }
    }
}

/// A stream of events. Dropping it ends the subscription.
///
/// It outlives sessions: a client that connects again feeds the same streams.
#[derive(Debug)]
pub struct EventStream {
    listeners: Arc<Mutex<Listeners>>,
    id: u64,
}

impl EventStream {
    pub(super) fn new(listeners: Arc<Mutex<Listeners>>, id: u64) -> Self {
        Self { listeners, id }
    }

    /// Waits until there is something, and takes all of it. Cancel safe.
    pub async fn batch(&mut self) -> Batch {
        poll_fn(|context| {
            self.with(|queue| {
                if queue.waiting.is_empty() {
                    queue.consumer = Some(context.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(queue.take())
            })
            .unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Takes all that has come already; may be empty.
    pub fn try_batch(&mut self) -> Batch {
        self.with(Queue::take).unwrap_or_default()
    }

    /// From now on another choice of events goes in; what has come already stays. `wanted` as for
    /// [`Client::events`](crate::client::Client::events).
    pub fn choose(&mut self, wanted: impl Fn(&Event) -> bool + Send + 'static) {
        let before = self.with(|queue| std::mem::replace(&mut queue.wanted, Box::new(wanted)));
        // Drop it without the lock: it may hold anything.
        drop(before);
    }

    /// Its queue, which is there as long as it is itself.
    fn with<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        lock(&self.listeners).queues.iter_mut().find(|queue| queue.id == self.id).map(act)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        let mut listeners = lock(&self.listeners);
        let Some(at) = listeners.queues.iter().position(|queue| queue.id == self.id) else { return };
        let mut queue = listeners.queues.remove(at);
        // Drop its filter without the lock: it may hold anything.
        drop(listeners);
        // Wake the reader of the connection, which may wait for room.
        drop(queue.take());
    }
}
