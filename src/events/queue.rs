//! The queue of one stream, which counts the events it drops when it is full.

use std::collections::VecDeque;
use std::sync::Arc;
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
pub(super) type Filter = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

pub(super) struct Queue {
    pub(super) id: u64,
    delivery: Delivery,
    pub(super) wanted: Filter,
    /// It ends with the session.
    pub(super) is_of_session: bool,
    is_closed: bool,
    waiting: Batch,
    bytes: usize,
    /// How many events were dropped so far.
    pub(super) missed: u64,
    consumer: Option<Waker>,
    producer: Option<Waker>,
}

impl Queue {
    pub(super) fn new(id: u64, delivery: Delivery, is_of_session: bool, wanted: Filter) -> Self {
        Self {
            id,
            delivery,
            wanted,
            is_of_session,
            is_closed: false,
            waiting: Batch::default(),
            bytes: 0,
            missed: 0,
            consumer: None,
            producer: None,
        }
    }

    /// Takes no more events. What waits is still delivered.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        if let Some(consumer) = self.consumer.take() {
            consumer.wake();
        }
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

    pub(super) fn extend(&mut self, events: impl Iterator<Item = Event>) {
        if !self.is_closed {
            events.for_each(|event| self.push(event));
        }
    }

    fn push(&mut self, event: Event) {
        self.bytes += cost(&event);
        let Delivery::Newest { room } = self.delivery else {
            self.waiting.events.push_back(event);
            return;
        };
        // Copied, because it may wait long: otherwise a short event would keep all that was read with it.
        self.waiting.events.push_back(event.detached());
        // The newest event stays, however long it is.
        while self.bytes > room && self.waiting.events.len() > 1 {
            if let Some(oldest) = self.waiting.events.pop_front() {
                self.bytes -= cost(&oldest);
                self.missed += 1;
                self.waiting.count_dropped(&oldest);
            }
        }
    }

    /// Wakes the task that waits for events.
    pub(super) fn wake(&mut self) {
        if !self.waiting.is_empty()
            && let Some(consumer) = self.consumer.take()
        {
            consumer.wake();
        }
    }

    /// Waits until there is something, and takes all of it.
    pub(super) fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<Batch> {
        if self.waiting.is_empty() && !self.is_closed {
            self.consumer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(self.take())
    }

    /// Waits for the oldest event, and takes it; `None` after the last one.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(event) = self.waiting.events.pop_front() else {
            if self.is_closed {
                return Poll::Ready(None);
            }
            self.consumer = Some(context.waker().clone());
            return Poll::Pending;
        };
        self.bytes -= cost(&event);
        self.wake_producer();
        Poll::Ready(Some(event))
    }

    /// Takes all that waits, and wakes the reader if it waits for room.
    pub(super) fn take(&mut self) -> Batch {
        self.bytes = 0;
        self.wake_producer();
        // As many are likely to come again.
        let events = VecDeque::with_capacity(self.waiting.events.len());
        std::mem::replace(&mut self.waiting, Batch { events, dropped: Vec::new() })
    }

    fn wake_producer(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.wake();
        }
    }
}

/// Returns how many bytes of the room an event takes.
fn cost(event: &Event) -> usize {
    event.bytes().len()
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
