//! Streams of events: who listens, how much may wait, and what happens when it is too much.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

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

/// Where events come in and streams branch off.
#[derive(Default)]
pub(crate) struct Hub {
    queues: Mutex<Vec<Weak<Mutex<Queue>>>>,
    /// A lossless stream may have no room: looked at for every message, so without a lock.
    may_be_full: AtomicBool,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl Hub {
    /// A new stream; it sees every event published from now on that `wanted` lets through.
    pub(crate) fn stream(&self, delivery: Delivery, wanted: impl Fn(&Event) -> bool + Send + 'static) -> EventStream {
        let queue = Arc::new(Mutex::new(Queue {
            delivery,
            wanted: Box::new(wanted),
            waiting: Batch::default(),
            bytes: 0,
            consumer: None,
            producer: None,
        }));
        lock(&self.queues).push(Arc::downgrade(&queue));
        EventStream(queue)
    }

    /// Hands an event to every stream.
    pub(crate) fn publish(&self, event: Event) {
        let mut queues = lock(&self.queues);
        queues.retain(|queue| queue.strong_count() > 0);
        let Some((last, others)) = queues.split_last() else { return };
        for queue in others {
            self.push(queue, event.clone());
        }
        self.push(last, event);
    }

    fn push(&self, queue: &Weak<Mutex<Queue>>, event: Event) {
        let Some(queue) = queue.upgrade() else { return };
        let mut queue = lock(&queue);
        queue.push(event);
        if queue.is_full() {
            self.may_be_full.store(true, Ordering::Relaxed);
        }
    }

    /// Ready when every lossless stream has room.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.may_be_full.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        let mut room = Poll::Ready(());
        for queue in lock(&self.queues).iter().filter_map(Weak::upgrade) {
            let mut queue = lock(&queue);
            if queue.is_full() {
                queue.producer = Some(context.waker().clone());
                room = Poll::Pending;
            }
        }
        // Only this side, the reader of the connection, publishes: nothing can have become full meanwhile.
        self.may_be_full.store(room.is_pending(), Ordering::Relaxed);
        room
    }
}

struct Queue {
    delivery: Delivery,
    wanted: Box<dyn Fn(&Event) -> bool + Send>,
    waiting: Batch,
    bytes: usize,
    consumer: Option<Waker>,
    producer: Option<Waker>,
}

impl Queue {
    fn is_full(&self) -> bool {
        matches!(self.delivery, Delivery::Lossless { room } if self.bytes >= room)
    }

    fn push(&mut self, event: Event) {
        if !(self.wanted)(&event) {
            return;
        }
        self.bytes += event.document().bytes().len();
        self.waiting.events.push_back(event);
        if let Delivery::Newest { room } = self.delivery {
            // The newest one stays, however long it is.
            while self.bytes > room && self.waiting.events.len() > 1 {
                if let Some(oldest) = self.waiting.events.pop_front() {
                    self.bytes -= oldest.document().bytes().len();
                    self.waiting.count_dropped(&oldest);
                }
            }
        }
        if let Some(consumer) = self.consumer.take() {
            consumer.wake();
        }
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

/// The events that one listener has not seen yet. Dropping it ends its listening.
///
/// It outlives sessions: a client that connects again feeds the same streams.
pub struct EventStream(Arc<Mutex<Queue>>);

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = lock(&self.0);
        f.debug_struct("EventStream")
            .field("delivery", &queue.delivery)
            .field("waiting", &queue.waiting.events.len())
            .finish_non_exhaustive()
    }
}

impl EventStream {
    /// Waits until there is something, and takes all of it. Cancel safe.
    pub async fn batch(&mut self) -> Batch {
        poll_fn(|context| {
            let mut queue = lock(&self.0);
            if queue.waiting.is_empty() {
                queue.consumer = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(queue.take())
        })
        .await
    }

    /// Takes all that has come already; may be empty.
    pub fn try_batch(&mut self) -> Batch {
        lock(&self.0).take()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // Nobody reads any more: do not keep the reader of the connection waiting.
        lock(&self.0).take();
    }
}

impl Queue {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::json::Scanner;
    use crate::message::Message;

    fn event(name: &str) -> Event {
        let mut bytes = BytesMut::from(format!(r#"{{"event":"{name}"}}"#).as_str());
        let document = Scanner::new(1000).next(&mut bytes, true).unwrap().unwrap();
        match Message::from_document(document).unwrap() {
            Message::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn names(batch: &Batch) -> Vec<String> {
        batch.events.iter().map(|event| event.name().into_owned()).collect()
    }

    fn poll_room(hub: &Hub) -> Poll<()> {
        hub.poll_room(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_lossless_stream_asks_the_reader_to_wait() {
        let hub = Hub::default();
        let mut stream = hub.stream(Delivery::Lossless { room: 20 }, |_| true);
        assert!(poll_room(&hub).is_ready());
        hub.publish(event("A"));
        assert!(poll_room(&hub).is_ready());
        hub.publish(event("B"));
        assert!(poll_room(&hub).is_pending());
        assert_eq!(names(&stream.try_batch()), ["A", "B"]);
        assert!(poll_room(&hub).is_ready());
        hub.publish(event("C"));
        hub.publish(event("D"));
        drop(stream);
        assert!(poll_room(&hub).is_ready());
    }

    #[test]
    fn the_newest_are_kept_and_the_rest_counted() {
        let hub = Hub::default();
        let mut stream = hub.stream(Delivery::Newest { room: 30 }, |_| true);
        for name in ["A", "A", "B", "C", "D"] {
            hub.publish(event(name));
        }
        assert!(poll_room(&hub).is_ready());
        let batch = stream.try_batch();
        assert_eq!(names(&batch), ["C", "D"]);
        assert_eq!(batch.dropped, [("A".to_owned(), 2), ("B".to_owned(), 1)]);
        assert!(stream.try_batch().is_empty());
    }

    #[test]
    fn a_filter_lets_through_what_is_wanted() {
        let hub = Hub::default();
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, |event| event.name() == "B");
        hub.publish(event("A"));
        hub.publish(event("B"));
        assert_eq!(names(&stream.try_batch()), ["B"]);
    }

    #[tokio::test]
    async fn a_waiting_listener_is_woken() {
        let hub = Arc::new(Hub::default());
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, |_| true);
        let waiting = tokio::spawn(async move { names(&stream.batch().await) });
        tokio::task::yield_now().await;
        hub.publish(event("A"));
        assert_eq!(waiting.await.unwrap(), ["A"]);
    }
}
