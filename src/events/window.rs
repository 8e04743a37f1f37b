//! Which events a wait looks at, and which of them it gets.
//!
//! A wait is begun after the command whose event it is for, and the event may have come by then: QEMU sends some of them
//! before the reply. So the events of a window are remembered, and a wait looks back.
//!
//! - The window opens when the first command after the last wait is sent. What came before is forgotten. It opens at the moment
//!   when that command was handed over to be sent: what came between that and the sending is in it, so nothing that the command
//!   causes can be missed. A command that is never sent opens nothing.
//! - It stays open for waits in a row, and moves for commands of the user only.
//! - Before the first command it reaches back to the beginning.
//! - One event ends one wait.
//! - The memory is bounded. When an event of the window had to be forgotten, no wait can be begun on it any more; one that has
//!   begun sees all that come.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use crate::json::Document;
use crate::message::{Event, Message};

/// How much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Bytes of events, as they stood on the wire.
    pub bytes: usize,
    /// How many events, however short.
    pub events: usize,
}

impl Default for HistoryBounds {
    /// 8 MiB and 100,000 events, whichever is reached first.
    fn default() -> Self {
        Self { bytes: 8 << 20, events: 100_000 }
    }
}

/// Too much has come to be remembered, so whether the event has come is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history of events has run over, so the event may have come and been forgotten")]
pub struct RanOver;

/// Whether an event ends a wait.
pub(super) type Wanted = Box<dyn Fn(&Event) -> bool + Send>;

/// When a command was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// How many events had come.
    events: u64,
    /// How many waits had been begun.
    waits: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaitId(u64);

/// The events since the window opened, and the waits that go on.
pub(super) struct Window {
    /// Without them nothing is remembered, and a wait sees what comes while it lasts.
    bounds: Option<HistoryBounds>,
    /// The events, one behind the other, in memory of their own: the blocks that they were read with are much larger.
    bytes: VecDeque<u8>,
    kept: VecDeque<Entry>,
    /// The number of the first event kept; they are counted from 0.
    first: u64,
    /// The number of the first event of the window.
    start: u64,
    /// How many waits had been begun when the command was handed over that opened the window; `None`: none has opened it.
    opened: Option<u64>,
    /// Behind the last event that was forgotten for lack of room.
    lost: u64,
    /// How many waits have been begun.
    begun: u64,
    /// Those that have not ended, the oldest first.
    waits: Vec<Wait>,
}

/// One remembered event.
struct Entry {
    arrival: u64,
    length: u32,
    /// It has ended a wait.
    is_taken: bool,
}

struct Wait {
    id: WaitId,
    wanted: Wanted,
    /// The event that has ended it, with its number, until it is polled.
    found: Option<(u64, Event)>,
    waker: Option<Waker>,
}

impl Window {
    pub(super) fn new(bounds: Option<HistoryBounds>) -> Self {
        Self {
            bounds,
            bytes: VecDeque::new(),
            kept: VecDeque::new(),
            first: 0,
            start: 0,
            opened: None,
            lost: 0,
            begun: 0,
            waits: Vec::new(),
        }
    }

    /// The number of the next event.
    fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Remembers an event. Copies its bytes without looking at them, unless there is a wait.
    pub(super) fn push(&mut self, event: &Event) {
        let is_taken = !self.waits.is_empty() && self.offer(event);
        let Some(bounds) = self.bounds else { return };
        let bytes = event.bytes();
        let length = bytes.len();
        while self.kept.len() >= bounds.events || self.bytes.len() + length > bounds.bytes {
            if self.kept.is_empty() {
                // It alone is too much.
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
            // Never beyond the bound, which doubling would be.
            let capacity = wanted.max(2 * self.bytes.capacity()).min(bounds.bytes);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend(bytes.as_ref());
        // A document has at most 4 GiB.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.kept.push_back(Entry { arrival: event.arrival(), length, is_taken });
    }

    /// Whether the event ends a wait.
    fn offer(&mut self, event: &Event) -> bool {
        let number = self.next();
        let wait = self.waits.iter_mut().find(|wait| wait.found.is_none() && (wait.wanted)(event));
        let Some(wait) = wait else { return false };
        wait.found = Some((number, event.detached()));
        if let Some(waker) = wait.waker.take() {
            waker.wake();
        }
        true
    }

    /// Forgets the oldest one kept, and says whether it had ended a wait.
    fn forget_first(&mut self) -> Option<bool> {
        let kept = self.kept.pop_front()?;
        self.first += 1;
        self.bytes.drain(..kept.length as usize);
        Some(kept.is_taken)
    }

    /// A command of the user is handed over now, to be sent.
    pub(super) fn mark(&self) -> Mark {
        Mark { events: self.next(), waits: self.begun }
    }

    /// The command that was handed over at `mark` is sent.
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

    /// A wait begins: it may have got its event when this returns.
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

    /// What has ended the wait, which is over then; otherwise the caller is woken when something does.
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

    /// Gives a wait up. An event that had ended it, and was not polled, is left to the next one.
    pub(super) fn give_up(&mut self, id: WaitId) {
        let Some(at) = self.waits.iter().position(|wait| wait.id == id) else { return };
        let Some((number, event)) = self.waits.remove(at).found.filter(|(number, _)| *number >= self.start) else {
            return;
        };
        // Another wait may be for it meanwhile.
        if let Some(wait) = self.waits.iter_mut().find(|wait| wait.found.is_none() && (wait.wanted)(&event)) {
            wait.found = Some((number, event));
            if let Some(waker) = wait.waker.take() {
                waker.wake();
            }
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

/// The event that was remembered.
fn read(bytes: &[u8], arrival: u64) -> Option<Event> {
    let mut message = Message::from_document(Document::parse(bytes).ok()?).ok()?;
    message.set_arrival(arrival);
    match message {
        Message::Event(event) => Some(event),
        Message::Greeting(_) | Message::Reply(_) => None,
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
