//! Streams of events: who listens, how much may wait, and what happens when it is too much; and waits for one event, which
//! look back.

mod awaited;
mod window;

pub use awaited::{Awaited, Condition, Step, Verdict};
pub use window::{HistoryBounds, RanOver};

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::message::Event;
pub(crate) use window::Mark;
use window::{WaitId, Window};

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

/// Where events come in, streams branch off, and waits look back.
pub(crate) struct Hub {
    listeners: Arc<Mutex<Listeners>>,
    /// A lossless stream may have no room: looked at for every message, so without a lock.
    may_be_full: AtomicBool,
}

struct Listeners {
    queues: Vec<Weak<Mutex<Queue>>>,
    window: Window,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub without listeners, which remembers as much as `history` says for waits to look back on.
    pub(crate) fn new(history: Option<HistoryBounds>) -> Self {
        let listeners = Listeners { queues: Vec::new(), window: Window::new(history) };
        Self { listeners: Arc::new(Mutex::new(listeners)), may_be_full: AtomicBool::new(false) }
    }

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
        lock(&self.listeners).queues.push(Arc::downgrade(&queue));
        EventStream(queue)
    }

    /// A wait for an event that has come since its window opened, or will come.
    pub(crate) fn wait(&self, wanted: impl Fn(&Event) -> bool + Send + 'static) -> Result<EventWait, RanOver> {
        let id = lock(&self.listeners).window.begin(Box::new(wanted))?;
        Ok(EventWait { listeners: Arc::clone(&self.listeners), id })
    }

    /// A command of the user is handed over now, to be sent; say [`sent`](Self::sent) when it is.
    pub(crate) fn mark(&self) -> Mark {
        lock(&self.listeners).window.mark()
    }

    pub(crate) fn sent(&self, mark: Mark) {
        lock(&self.listeners).window.sent(mark);
    }

    /// Remembers an event and hands it to every stream.
    pub(crate) fn publish(&self, event: Event) {
        let mut listeners = lock(&self.listeners);
        let Listeners { queues, window } = &mut *listeners;
        window.push(&event);
        queues.retain(|queue| queue.strong_count() > 0);
        let Some((last, others)) = queues.split_last() else { return };
        for queue in others {
            self.push(queue, Cow::Borrowed(&event));
        }
        self.push(last, Cow::Owned(event));
    }

    fn push(&self, queue: &Weak<Mutex<Queue>>, event: Cow<'_, Event>) {
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
        for queue in lock(&self.listeners).queues.iter().filter_map(Weak::upgrade) {
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

    /// One that is not wanted is not copied.
    fn push(&mut self, event: Cow<'_, Event>) {
        if !(self.wanted)(&event) {
            return;
        }
        let event = event.into_owned();
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

impl EventStream {
    /// From now on another choice of events goes in; what has come already stays.
    pub fn choose(&mut self, wanted: impl Fn(&Event) -> bool + Send + 'static) {
        lock(&self.0).wanted = Box::new(wanted);
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // Nobody reads any more: do not keep the reader of the connection waiting.
        lock(&self.0).take();
    }
}

/// A future of the event that ends a wait. Dropping it gives the wait up, and leaves the event to the next one.
#[must_use = "a wait that is dropped is given up"]
pub struct EventWait {
    listeners: Arc<Mutex<Listeners>>,
    id: WaitId,
}

impl fmt::Debug for EventWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Future for EventWait {
    type Output = Event;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        lock(&self.listeners).window.poll(self.id, context)
    }
}

impl Drop for EventWait {
    fn drop(&mut self) {
        lock(&self.listeners).window.give_up(self.id);
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

    /// None: it is no event, or no message at all.
    pub(super) fn try_event(text: &str) -> Option<Event> {
        let document = Scanner::new(1 << 20).next(&mut BytesMut::from(text), true).ok()??;
        match Message::from_document(document) {
            Ok(Message::Event(event)) => Some(event),
            _ => None,
        }
    }

    pub(super) fn event_of(name: &str, data: &str) -> Event {
        try_event(&format!(r#"{{"event": "{name}", "data": {data}}}"#)).expect("an event")
    }

    fn event(name: &str) -> Event {
        try_event(&format!(r#"{{"event":"{name}"}}"#)).expect("an event")
    }

    fn names(batch: &Batch) -> Vec<String> {
        batch.events.iter().map(|event| event.name().into_owned()).collect()
    }

    fn poll_room(hub: &Hub) -> Poll<()> {
        hub.poll_room(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_lossless_stream_asks_the_reader_to_wait() {
        let hub = Hub::new(None);
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
        let hub = Hub::new(None);
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
        let hub = Hub::new(None);
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, |event| event.name() == "B");
        hub.publish(event("A"));
        hub.publish(event("B"));
        assert_eq!(names(&stream.try_batch()), ["B"]);
    }

    #[test]
    fn another_choice_is_for_what_comes() {
        let hub = Hub::new(None);
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, |_| true);
        hub.publish(event("A"));
        stream.choose(|event| event.name() == "B");
        hub.publish(event("A"));
        hub.publish(event("B"));
        assert_eq!(names(&stream.try_batch()), ["A", "B"]);
    }

    #[tokio::test]
    async fn a_waiting_listener_is_woken() {
        let hub = Arc::new(Hub::new(None));
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, |_| true);
        let waiting = tokio::spawn(async move { names(&stream.batch().await) });
        tokio::task::yield_now().await;
        hub.publish(event("A"));
        assert_eq!(waiting.await.unwrap(), ["A"]);
    }
}
