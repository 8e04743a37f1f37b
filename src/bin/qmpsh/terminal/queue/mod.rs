//! What waits to be printed, in the order of the calls, in bounded memory.
//!
//! Lines and results are kept until they are printed. Events may be dropped: when more of them wait than
//! [`EVENTS`] or [`EVENT_BYTES`] allow, the oldest go, and are counted by name. No I/O and no locks here.

mod dropped;

use std::collections::VecDeque;

use bytes::Bytes;

use dropped::{Gap, more};

/// The most events that wait: a few screens, so that one repaint stays short also on a slow terminal.
pub(super) const EVENTS: usize = 500;

/// The most bytes that waiting events may have together; the newest event is kept whatever its length.
pub(super) const EVENT_BYTES: usize = 1 << 20;

/// Text to print at once: whole lines.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Ends with a newline, unless it is a part of a line that is longer than was asked for: the rest comes next.
    pub(super) text: Bytes,
    /// Everything up to this number is in this chunk or was in one before it.
    pub(super) through: u64,
}

/// The pending text. Each piece has a number, counted from 1.
#[derive(Debug, Default)]
pub(super) struct Queue {
    kept: VecDeque<Kept>,
    events: VecDeque<Event>,
    event_bytes: usize,
    gap: Gap,
    results: usize,
    last: u64,
    /// What was taken last ended in the middle of a line.
    mid_line: bool,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    text: Bytes,
    result: bool,
}

#[derive(Debug)]
struct Event {
    number: u64,
    name: String,
    text: String,
}

impl Queue {
    /// Adds one or more lines; the last newline may be missing.
    pub(super) fn push_line(&mut self, mut text: String) {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.push_kept(Bytes::from(text), false);
    }

    /// Adds a result, which is not copied.
    pub(super) fn push_result(&mut self, text: Bytes) {
        let Some(&last) = text.last() else { return };
        self.push_kept(text, true);
        if last != b'\n' {
            self.push_kept(Bytes::from_static(b"\n"), true);
        }
    }

    /// Adds an event, and drops the oldest if there are too many.
    pub(super) fn push_event(&mut self, name: &str, mut text: String) {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.event_bytes += text.len();
        let number = self.number();
        self.events.push_back(Event { number, name: name.to_owned(), text });
        while self.events.len() > EVENTS || self.event_bytes > EVENT_BYTES && self.events.len() > 1 {
            if let Some(event) = self.pop_event() {
                self.gap.add(event.number, event.name);
            }
        }
    }

    /// Adds a line about events that were dropped before they came here.
    pub(super) fn push_missed(&mut self, name: &str, count: u64) {
        self.push_line(more(count, name));
    }

    /// Forgets the results that wait, or what is left of them; whether there were any.
    pub(super) fn cut_results(&mut self) -> bool {
        let Some(first) = self.kept.iter().find(|kept| kept.result).map(|kept| kept.number) else { return false };
        self.kept.retain(|kept| !kept.result);
        self.results = 0;
        if self.mid_line {
            // The oldest of all, because the rest of that line was.
            self.kept.push_front(Kept { number: first, text: Bytes::from_static(b"\n"), result: false });
        }
        true
    }

    /// The number of the newest piece ever added.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.events.is_empty() && self.gap.is_empty()
    }

    /// Whether a result, which may be long, is waiting.
    pub(super) fn has_result(&self) -> bool {
        self.results > 0
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    /// Takes the oldest pieces, about `limit` bytes of them.
    pub(super) fn take(&mut self, limit: usize) -> Option<Chunk> {
        let chunk = self.take_oldest(limit)?;
        self.mid_line = chunk.text.last() != Some(&b'\n');
        Some(chunk)
    }

    fn take_oldest(&mut self, limit: usize) -> Option<Chunk> {
        let mut text = Vec::new();
        let mut through = 0;
        while text.len() < limit {
            let gap = (!self.gap.is_empty()).then_some(self.gap.through);
            let event = self.events.front().map(|event| event.number);
            let kept = self.kept.front().map(|kept| kept.number);
            // A gap is older than every event still here, so three numbers decide.
            let Some(oldest) = [gap, event, kept].into_iter().flatten().min() else { break };
            if gap == Some(oldest) {
                std::mem::take(&mut self.gap).write_to(&mut text);
            } else if event == Some(oldest) {
                if let Some(event) = self.pop_event() {
                    text.extend_from_slice(event.text.as_bytes());
                }
            } else if let Some(mut front) = self.kept.pop_front() {
                if front.text.len() > limit {
                    // A long result goes alone, in parts and without a copy.
                    let part = text.is_empty().then(|| front.text.split_to(line_end(&front.text, limit)));
                    self.kept.push_front(front);
                    match part {
                        Some(part) => return Some(Chunk { text: part, through: oldest - 1 }),
                        None => break,
                    }
                }
                self.results -= usize::from(front.result);
                text.extend_from_slice(&front.text);
            }
            through = oldest;
        }
        (!text.is_empty()).then(|| Chunk { text: Bytes::from(text), through })
    }

    fn push_kept(&mut self, text: Bytes, result: bool) {
        let number = self.number();
        self.results += usize::from(result);
        self.kept.push_back(Kept { number, text, result });
    }

    fn pop_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.event_bytes -= event.text.len();
        Some(event)
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// Where to cut `text`, which is longer than `limit`: behind the last line that fits, or within one that is longer.
fn line_end(text: &[u8], limit: usize) -> usize {
    memchr::memrchr(b'\n', &text[..limit]).map_or(limit, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &mut Queue, limit: usize) -> String {
        let mut text = String::new();
        while let Some(chunk) = queue.take(limit) {
            text.push_str(std::str::from_utf8(&chunk.text).unwrap());
        }
        text
    }

    #[test]
    fn order_is_that_of_the_calls() {
        for limit in [1, 4, 7, 1000] {
            let mut queue = Queue::default();
            queue.push_line("one".into());
            queue.push_event("E", "two".into());
            queue.push_result(Bytes::from_static(b"three\nfour\nfive"));
            queue.push_event("E", "six".into());
            queue.push_line("seven\n".into());
            assert_eq!(all(&mut queue, limit), "one\ntwo\nthree\nfour\nfive\nsix\nseven\n", "limit {limit}");
            assert!(queue.is_empty() && !queue.has_result(), "limit {limit}");
        }
    }

    #[test]
    fn the_oldest_events_are_dropped_and_counted_where_they_were() {
        let mut queue = Queue::default();
        queue.push_line("before".into());
        for number in 0..EVENTS + 1234 {
            if number == 2 {
                queue.push_line("between".into());
            }
            queue.push_event(if number < 2 { "RESET" } else { "STOP" }, format!("event {number}"));
        }
        queue.push_line("after".into());
        let text = all(&mut queue, 1 << 16);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..4], ["before", "between", "… 2 more RESET", "… 1,232 more STOP"]);
        assert_eq!(lines[4], "event 1234");
        assert_eq!(lines.len(), 4 + EVENTS + 1);
        assert_eq!(lines[lines.len() - 2..], ["event 1733", "after"]);
    }

    #[test]
    fn long_events_are_bounded_by_their_bytes_and_the_newest_stays() {
        let mut queue = Queue::default();
        queue.push_event("BIG", "a".repeat(EVENT_BYTES));
        queue.push_event("BIG", "b".repeat(2 * EVENT_BYTES));
        assert_eq!(queue.events.len(), 1);
        assert_eq!(all(&mut queue, 1), format!("… 1 more BIG\n{}\n", "b".repeat(2 * EVENT_BYTES)));
        assert_eq!(queue.event_bytes, 0);
    }

    #[test]
    fn a_long_result_is_cut_at_lines_and_not_copied() {
        let mut queue = Queue::default();
        let result = Bytes::from("12345\n789\nlonger than the limit\nend");
        queue.push_line("first".into());
        queue.push_result(result.clone());
        let mut parts = Vec::new();
        while let Some(chunk) = queue.take(10) {
            parts.push((String::from_utf8(chunk.text.to_vec()).unwrap(), chunk.through));
        }
        let expected = [("first\n", 1), ("12345\n789\n", 1), ("longer tha", 1), ("n the limi", 1), ("t\nend\n", 3)];
        assert_eq!(parts.iter().map(|(text, through)| (text.as_str(), *through)).collect::<Vec<_>>(), expected);

        queue.push_result(result.clone());
        let part = queue.take(10).unwrap();
        assert_eq!(part.text.as_ptr(), result.as_ptr());
    }

    #[test]
    fn a_result_can_be_cut_short() {
        let check = |result: &'static str, taken: usize, expected: &str| {
            let mut queue = Queue::default();
            let mut shown = String::new();
            queue.push_result(Bytes::from_static(result.as_bytes()));
            for _ in 0..taken {
                shown += std::str::from_utf8(&queue.take(4).unwrap().text).unwrap();
            }
            queue.push_line("after".into());
            assert_eq!(queue.cut_results(), !result.is_empty(), "{result}");
            assert!(!queue.has_result(), "{result}");
            assert_eq!(shown + &all(&mut queue, 4), expected, "{result}");
        };
        check("a\nb\nc\nd\n", 0, "after\n");
        check("a\nb\nc\nd\n", 1, "a\nb\nafter\n");
        check("a long line\n", 1, "a lo\nafter\n");
        check("a long line", 2, "a long l\nafter\n");
        check("", 0, "after\n");
    }

    #[test]
    fn numbers_tell_what_was_taken() {
        let mut queue = Queue::default();
        queue.push_line("a".into());
        queue.push_event("E", "b".into());
        assert_eq!(queue.last(), 2);
        assert_eq!(queue.take(100).unwrap().through, 2);
        queue.clear();
        assert_eq!((queue.last(), queue.take(1).is_none()), (2, true));
    }
}
