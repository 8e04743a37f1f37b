//! The queue of one stream, which counts the events it drops when it is full.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use crate::message::Event;

/// What happens to events if a stream has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// No event is lost: while more than `room` bytes wait, nothing is read from the peer (the exception in E12).
    Lossless {
        /// How many bytes may wait.
        room: usize,
    },
    /// The newest events are kept: beyond `room` bytes the oldest are dropped, and counted by name.
    Newest {
        /// How many bytes may wait.
        room: usize,
    },
}

/// Returns true for the events to receive.
pub(super) type Wanted = Box<dyn Fn(&Event) -> bool + Send>;

pub(super) struct Queue {
    pub(super) id: u64,
    delivery: Delivery,
    pub(super) wanted: Wanted,
    waiting: Batch,
    bytes: usize,
    consumer: Option<Waker>,
    producer: Option<Waker>,
}

impl Queue {
    pub(super) fn new(id: u64, delivery: Delivery, wanted: Wanted) -> Self {
        Self { id, delivery, wanted, waiting: Batch::default(), bytes: 0, consumer: None, producer: None }
    }

    /// Returns how many more bytes may wait before the reader has to wait.
    pub(super) fn room(&self) -> usize {
        match self.delivery {
            Delivery::Lossless { room } => room.saturating_sub(self.bytes),
            Delivery::Newest { .. } => usize::MAX,
        }
    }

    /// Sets the waker for when the queue is no longer full.
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
            // The newest event stays, however long it is.
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

    /// Waits until there is something, and takes all of it.
    pub(super) fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<Batch> {
        if self.waiting.is_empty() {
            self.consumer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(self.take())
    }

    /// Takes all that waits, and wakes the reader if it waits for room.
    pub(super) fn take(&mut self) -> Batch {
        self.bytes = 0;
        if let Some(producer) = self.producer.take() {
            producer.wake();
        }
        // As many are likely to come again.
        let events = VecDeque::with_capacity(self.waiting.events.len());
        std::mem::replace(&mut self.waiting, Batch { events, dropped: Vec::new() })
    }
}

/// Events that were taken together, oldest first.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events.
    pub events: VecDeque<Event>,
    /// How many older events were dropped, by name, in the order in which the names first came.
    pub dropped: Vec<(String, u64)>,
}

impl Batch {
    /// Returns true if there are no events and none were dropped.
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
