//! The hub: hands events to streams and waits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use smallvec::SmallVec;

use super::listeners::{Listeners, lock};
use super::queue::{Delivery, Filter, Queue};
use super::stream::EventStream;
use super::window::{HistoryBounds, Mark, RanOver, WaitId, Window};
use crate::message::Event;

/// A function that is called with every event, by the task that owns the connection.
#[derive(Clone)]
pub(crate) struct OnEvent(pub(crate) Arc<dyn Fn(&Event) + Send + Sync>);

impl fmt::Debug for OnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnEvent").finish_non_exhaustive()
    }
}

/// Hands each event to every stream and wait.
#[derive(Debug)]
pub(crate) struct Hub {
    on_event: Option<OnEvent>,
    listeners: Arc<Mutex<Listeners>>,
    /// The room of the fullest lossless stream, in bytes, when it was last computed. By now it can only be more, because no other
    /// task publishes. It is read for every message, so without the lock.
    room: AtomicUsize,
}

impl Hub {
    /// Makes a hub that remembers events for waits within the bounds of `history`.
    pub(crate) fn new(history: Option<HistoryBounds>, on_event: Option<OnEvent>) -> Self {
        let listeners = Listeners { queues: Vec::new(), window: Window::new(history), next: 0 };
        Self { on_event, listeners: Arc::new(Mutex::new(listeners)), room: AtomicUsize::new(usize::MAX) }
    }

    /// Makes a stream of the events from now on for which `wanted` returns true. One `of_session` ends with the session.
    pub(crate) fn stream(
        &self,
        delivery: Delivery,
        of_session: bool,
        wanted: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> EventStream {
        let mut listeners = lock(&self.listeners);
        let id = listeners.next;
        listeners.next += 1;
        listeners.queues.push(Queue::new(id, delivery, of_session, Arc::new(wanted)));
        self.look_at_room(&listeners);
        EventStream::new(Arc::clone(&self.listeners), id)
    }

    /// Begins a wait for an event that has come since the window opened, or will come.
    pub(crate) fn wait(&self, wanted: impl Fn(&Event) -> bool + Send + 'static) -> Result<EventWait, RanOver> {
        let id = lock(&self.listeners).window.begin(Box::new(wanted))?;
        Ok(EventWait { listeners: Arc::clone(&self.listeners), id })
    }

    /// Marks when a command of the user is queued; pass the mark to [`sent`](Self::sent) when it is sent.
    pub(crate) fn mark(&self) -> Mark {
        lock(&self.listeners).window.mark()
    }

    pub(crate) fn sent(&self, mark: Mark) {
        lock(&self.listeners).window.sent(mark);
    }

    /// Remembers events and hands each to every stream.
    pub(crate) fn publish(&self, events: impl AsRef<[Event]> + IntoIterator<Item = Event>) {
        if let Some(OnEvent(call)) = &self.on_event {
            events.as_ref().iter().for_each(|event| call(event));
        }
        // The filters are code of others, which may use the streams: they run without the lock.
        let filters: SmallVec<[(u64, Filter); 2]> =
            lock(&self.listeners).queues.iter().map(|queue| (queue.id, Arc::clone(&queue.wanted))).collect();
        let wanted: SmallVec<[(u64, Vec<bool>); 2]> = filters
            .into_iter()
            .map(|(id, wants)| (id, events.as_ref().iter().map(|event| wants(event)).collect()))
            .collect();
        let mut listeners = lock(&self.listeners);
        let Listeners { queues, window, .. } = &mut *listeners;
        events.as_ref().iter().for_each(|event| window.push(event));
        let wanted_by = |queue: &Queue| wanted.iter().find(|(id, _)| *id == queue.id).map(|(_, wanted)| &**wanted);
        let mut takers: SmallVec<[(&mut Queue, &[bool]); 2]> =
            queues.iter_mut().filter_map(|queue| wanted_by(queue).map(|wanted| (queue, wanted))).collect();
        // The last one gets the events themselves, which saves their copies.
        let last = takers.pop();
        for (queue, wanted) in takers {
            queue.extend(
                events.as_ref().iter().zip(wanted).filter(|(_, wanted)| **wanted).map(|(event, _)| event.clone()),
            );
        }
        if let Some((queue, wanted)) = last {
            queue.extend(events.into_iter().zip(wanted).filter(|(_, wanted)| **wanted).map(|(event, _)| event));
        }
        queues.iter_mut().for_each(Queue::wake);
        self.look_at_room(&listeners);
    }

    /// Ends the streams of the session that has ended.
    pub(crate) fn end_session(&self) {
        lock(&self.listeners).queues.iter_mut().filter(|queue| queue.is_of_session).for_each(Queue::close);
    }

    /// Returns how many bytes of events there is room for, at least. Publishing more only exceeds the bound.
    pub(crate) fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    fn look_at_room(&self, listeners: &Listeners) {
        let room = listeners.queues.iter().map(Queue::room).min();
        self.room.store(room.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// Waits until every lossless stream has room.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.room() > 0 {
            return Poll::Ready(());
        }
        let mut listeners = lock(&self.listeners);
        self.look_at_room(&listeners);
        if self.room() > 0 {
            return Poll::Ready(());
        }
        for queue in listeners.queues.iter_mut().filter(|queue| queue.room() == 0) {
            queue.wake_with_room(context.waker());
        }
        Poll::Pending
    }
}

/// Ends all streams: no event comes anymore.
impl Drop for Hub {
    fn drop(&mut self) {
        lock(&self.listeners).queues.iter_mut().for_each(Queue::close);
    }
}

/// A future of the event that ends a wait. Dropping it cancels the wait and leaves the event to the next wait.
#[must_use = "dropping a wait cancels it"]
#[derive(Debug)]
pub struct EventWait {
    listeners: Arc<Mutex<Listeners>>,
    id: WaitId,
}

impl Future for EventWait {
    type Output = Event;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        lock(&self.listeners).window.poll(self.id, context)
    }
}

impl Drop for EventWait {
    fn drop(&mut self) {
        lock(&self.listeners).window.cancel(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::events::samples::try_event;
    use crate::events::{Batch, Delivery};

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
        let hub = Hub::new(None, None);
        let mut stream = hub.stream(Delivery::Lossless { room: 20 }, false, |_| true);
        assert!(poll_room(&hub).is_ready());
        hub.publish([event("A")]);
        assert!(poll_room(&hub).is_ready());
        hub.publish([event("B")]);
        assert!(poll_room(&hub).is_pending());
        assert_eq!(names(&stream.try_batch()), ["A", "B"]);
        assert!(poll_room(&hub).is_ready());
        hub.publish([event("C")]);
        hub.publish([event("D")]);
        drop(stream);
        assert!(poll_room(&hub).is_ready());
    }

    #[test]
    fn the_newest_are_kept_and_the_rest_counted() {
        let hub = Hub::new(None, None);
        let mut stream = hub.stream(Delivery::Newest { room: 30 }, false, |_| true);
        for name in ["A", "A", "B", "C", "D"] {
            hub.publish([event(name)]);
        }
        assert!(poll_room(&hub).is_ready());
        let batch = stream.try_batch();
        assert_eq!(names(&batch), ["C", "D"]);
        assert_eq!(batch.dropped, [("A".to_owned(), 2), ("B".to_owned(), 1)]);
        assert!(stream.try_batch().is_empty());
    }

    #[test]
    fn a_filter_lets_through_what_is_wanted() {
        let hub = Hub::new(None, None);
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, false, |event| event.name() == "B");
        hub.publish([event("A")]);
        hub.publish([event("B")]);
        assert_eq!(names(&stream.try_batch()), ["B"]);
    }

    #[test]
    fn another_choice_is_for_what_comes() {
        let hub = Hub::new(None, None);
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, false, |_| true);
        hub.publish([event("A")]);
        stream.choose(|event| event.name() == "B");
        hub.publish([event("A")]);
        hub.publish([event("B")]);
        assert_eq!(names(&stream.try_batch()), ["A", "B"]);
    }

    #[tokio::test]
    async fn a_waiting_listener_is_woken() {
        let hub = Arc::new(Hub::new(None, None));
        let mut stream = hub.stream(Delivery::Newest { room: 1000 }, false, |_| true);
        let waiting = tokio::spawn(async move { names(&stream.batch().await) });
        tokio::task::yield_now().await;
        hub.publish([event("A")]);
        assert_eq!(waiting.await.unwrap(), ["A"]);
    }
}
