//! The window of events that a wait looks at.
//!
//! A wait begins after the command whose event it is for, and the event may have come by then: QEMU sends some events before the
//! reply. So the events of a window are remembered, and a wait looks back.
//!
//! - The window opens when the first command after the last wait is sent, and earlier events are forgotten. It begins at the moment
//!   when that command was queued, so it has every event that the command causes. A command that is never sent opens no window.
//! - It stays open for waits in a row, and moves only for commands of the user.
//! - Before the first command it reaches back to the beginning.
//! - One event ends one wait.
//! - The memory is bounded. After an event of the window was forgotten, no wait can begin on it. A wait that has begun sees all
//!   events that come.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use crate::json::Document;
use crate::message::{Event, Kind};

/// The bounds of the memory for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// The bytes of events, as on the wire.
    pub bytes: usize,
    /// The number of events, however short.
    pub events: usize,
}

impl Default for HistoryBounds {
    /// 8 MiB and 100,000 events, whichever is reached first.
    fn default() -> Self {
        Self { bytes: 8 << 20, events: 100_000 }
    }
}

/// Events of the window were forgotten, so the one that is waited for may have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history of events has run over, so the event may have come and been forgotten")]
pub struct RanOver;

/// The moment when a command was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// How many events had come.
    events: u64,
    /// How many waits had begun.
    waits: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaitId(u64);

/// The events since the window opened, and the waits that have not ended.
#[derive(Default)]
pub(super) struct Window {
    /// `None`: nothing is remembered, and a wait only sees events that come while it lasts.
    bounds: Option<HistoryBounds>,
    /// The bytes of the events, copied: the buffers that they were read into are much larger.
    bytes: VecDeque<u8>,
    kept: VecDeque<Entry>,
    /// The number of the first event kept; events are counted from 0.
    first: u64,
    /// The number of the first event of the window.
    start: u64,
    /// How many waits had begun when the command that opened the window was queued; `None` before the first command.
    opened: Option<u64>,
    /// The number after the last event that was forgotten for lack of room.
    lost: u64,
    /// How many waits have begun.
    begun: u64,
    /// The waits that have not ended, the oldest first.
    waits: Vec<Wait>,
}

/// Returns true for the event that ends a wait.
pub(super) type Wanted = Box<dyn Fn(&Event) -> bool + Send>;

/// A remembered event.
struct Entry {
    arrival: u64,
    length: u32,
    /// The event has ended a wait.
    is_taken: bool,
}

struct Wait {
    id: WaitId,
    wanted: Wanted,
    /// The event that ended the wait, with its number, until it is polled.
    found: Option<(u64, Event)>,
    waker: Option<Waker>,
}

impl Window {
    pub(super) fn new(bounds: Option<HistoryBounds>) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// Returns the number of the next event.
    fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Remembers an event. Its bytes are copied, and only read if there is a wait.
    pub(super) fn push(&mut self, event: &Event) {
        let is_taken = !self.waits.is_empty() && self.offer(self.next(), event);
        let Some(bounds) = self.bounds else { return };
        let bytes = event.bytes();
        let length = bytes.len();
        while self.kept.len() >= bounds.events || self.bytes.len() + length > bounds.bytes {
            if self.kept.is_empty() {
                // The event alone exceeds the bounds.
                self.first += 1;
                self.lost = if is_taken { self.lost } else { self.first };
                return;
            }
            if let Some(false) = self.forget_first() {
                self.lost = self.first;
            }
        }
        let wanted = self.bytes.len() + length;
        if wanted > self.bytes.capacity() {
            // Doubling alone would exceed the bound.
            let capacity = wanted.max(2 * self.bytes.capacity()).min(bounds.bytes);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend(bytes.as_ref());
        // A document has at most 4 GiB.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.kept.push_back(Entry { arrival: event.arrival(), length, is_taken });
    }

    /// Ends the oldest wait for the event. Returns false if there is none.
    fn offer(&mut self, number: u64, event: &Event) -> bool {
        let wait = self.waits.iter_mut().find(|wait| wait.found.is_none() && (wait.wanted)(event));
        let Some(wait) = wait else { return false };
        wait.found = Some((number, event.detached()));
        if let Some(waker) = wait.waker.take() {
            waker.wake();
        }
        true
    }

    /// Forgets the oldest event. Returns true if it had ended a wait.
    fn forget_first(&mut self) -> Option<bool> {
        let kept = self.kept.pop_front()?;
        self.first += 1;
        self.bytes.drain(..kept.length as usize);
        Some(kept.is_taken)
    }

    /// Marks when a command of the user is queued.
    pub(super) fn mark(&self) -> Mark {
        Mark { events: self.next(), waits: self.begun }
    }

    /// Notes that the command that was queued at `mark` is sent.
    pub(super) fn sent(&mut self, mark: Mark) {
        if self.opened.is_some_and(|opened| mark.waits <= opened) {
            return;
        }
        self.opened = Some(mark.waits);
        self.start = mark.events;
        if mark.events == self.next() {
            self.kept.clear();
            self.bytes.clear();
            self.first = mark.events;
        }
        while self.first < mark.events {
            self.forget_first();
        }
        if self.bytes.is_empty() {
            // Free the memory of a storm of events.
            self.bytes.shrink_to(64 << 10);
            self.kept.shrink_to(1 << 10);
        }
    }

    /// Begins a wait, which may find its event at once.
    pub(super) fn begin(&mut self, wanted: Wanted) -> Result<WaitId, RanOver> {
        let id = WaitId(self.begun);
        self.begun += 1;
        if self.lost > self.start {
            return Err(RanOver);
        }
        let found = self.look_back(&wanted);
        self.waits.push(Wait { id, wanted, found, waker: None });
        Ok(id)
    }

    fn look_back(&mut self, wanted: &Wanted) -> Option<(u64, Event)> {
        let mut bytes: &[u8] = self.bytes.make_contiguous();
        for (kept, number) in self.kept.iter_mut().zip(self.first..) {
            let (event, rest) = bytes.split_at_checked(kept.length as usize)?;
            bytes = rest;
            if number < self.start || kept.is_taken {
                continue;
            }
            if let Some(event) = read(event, kept.arrival).filter(wanted) {
                kept.is_taken = true;
                return Some((number, event));
            }
        }
        None
    }

    /// Returns the event that ended the wait; otherwise an event that ends it wakes the caller.
    pub(super) fn poll(&mut self, id: WaitId, context: &mut Context<'_>) -> Poll<Event> {
        let Some(at) = self.waits.iter().position(|wait| wait.id == id) else { return Poll::Pending };
        let wait = &mut self.waits[at];
        match wait.found.take() {
            Some((_, event)) => {
                self.waits.remove(at);
                Poll::Ready(event)
            }
            None => {
                wait.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Cancels a wait. If an event had ended it and was not polled, the event is left to the next wait.
    pub(super) fn cancel(&mut self, id: WaitId) {
        let Some(at) = self.waits.iter().position(|wait| wait.id == id) else { return };
        let Some((number, event)) = self.waits.remove(at).found else { return };
        if number < self.start || self.offer(number, &event) {
            return;
        }
        let kept = number.checked_sub(self.first).and_then(|at| self.kept.get_mut(usize::try_from(at).ok()?));
        match kept {
            Some(kept) => kept.is_taken = false,
            None if self.bounds.is_some() => self.lost = self.lost.max(number + 1),
            None => {}
        }
    }
}

/// Reads an event that was remembered.
fn read(bytes: &[u8], arrival: u64) -> Option<Event> {
    let document = Document::parse(bytes).ok()?;
    let Ok(Kind::Event(name)) = Kind::of(document.outline()) else { return None };
    Some(Event::new(document.into_bytes(), name, arrival))
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
