//! What waits to be printed, in the order of the calls, in bounded memory.
//!
//! Lines and results are kept until they are printed. Events may be dropped: when more of them wait than
//! [`EVENTS`] or [`EVENT_BYTES`] allow, the oldest go, and are counted by name. No I/O and no locks here.

use std::collections::VecDeque;

use bytes::Bytes;

/// The most events that wait: a few screens, so that one repaint stays short also on a slow terminal.
pub(crate) const EVENTS: usize = 500;

/// The most bytes that waiting events may have together; the newest event is kept whatever its length.
pub(super) const EVENT_BYTES: usize = 1 << 20;

/// How many names of dropped events are counted apart; the peer chooses the names, so there must be a bound.
const NAMES: usize = 16;

/// Text to print at once: whole lines.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Ends with a newline, unless it is a part of a line that is longer than was asked for: the rest comes next.
    pub(super) text: Bytes,
    /// Everything up to this number is in this chunk or was in one before it.
    pub(super) through: u64,
}

/// The pending text.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pieces: VecDeque<Piece>,
    /// How many pieces are events, and their bytes.
    events: usize,
    event_bytes: usize,
    dropped: Dropped,
    last: u64,
    /// The text taken last ended in the middle of a line.
    mid_line: bool,
}

#[derive(Debug)]
struct Piece {
    /// Counted from 1.
    number: u64,
    kind: Kind,
    text: Bytes,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Result,
    /// With its name.
    Event(String),
}

impl Queue {
    /// Adds one or more lines; the last newline may be missing.
    pub(super) fn push_line(&mut self, text: String) {
        self.push(Kind::Line, lines(text));
    }

    /// Adds a result, which is not copied.
    pub(super) fn push_result(&mut self, text: Bytes) {
        let Some(&last) = text.last() else { return };
        self.push(Kind::Result, text);
        if last != b'\n' {
            self.push(Kind::Result, Bytes::from_static(b"\n"));
        }
    }

    /// Adds an event, and drops the oldest if there are too many.
    pub(super) fn push_event(&mut self, name: &str, text: String) {
        let text = lines(text);
        self.events += 1;
        self.event_bytes += text.len();
        self.push(Kind::Event(name.to_owned()), text);
        while self.events > EVENTS || self.event_bytes > EVENT_BYTES && self.events > 1 {
            let oldest = self.pieces.iter().position(|piece| matches!(piece.kind, Kind::Event(_)));
            let Some(piece) = oldest.and_then(|index| self.pieces.remove(index)) else { return };
            self.uncount(&piece);
            if let Kind::Event(name) = piece.kind {
                self.dropped.add(piece.number, name);
            }
        }
    }

    /// Counts an event that would be dropped, because [`EVENTS`] newer ones are about to be added.
    pub(super) fn skip_event(&mut self, name: &str) {
        self.last += 1;
        self.dropped.add(self.last, name.to_owned());
    }

    /// Adds a line about events that were dropped before they came here.
    pub(super) fn push_missed(&mut self, name: &str, count: u64) {
        self.push_line(more(count, name));
    }

    /// Drops the results that wait, or what is left of them. Returns whether there were any.
    pub(super) fn cut_results(&mut self) -> bool {
        let Some(first) = self.pieces.iter().find(|piece| piece.kind == Kind::Result) else { return false };
        let number = first.number;
        self.pieces.retain(|piece| piece.kind != Kind::Result);
        if self.mid_line {
            // The oldest of all, because the rest of that line was.
            self.pieces.push_front(Piece { number, kind: Kind::Line, text: Bytes::from_static(b"\n") });
        }
        true
    }

    /// The number of the newest piece ever added.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.dropped.counts.is_empty()
    }

    /// Returns true if a result waits, which may be long.
    pub(super) fn has_result(&self) -> bool {
        self.pieces.iter().any(|piece| piece.kind == Kind::Result)
    }

    /// Drops everything.
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
            let next = self.pieces.front().map_or(u64::MAX, |piece| piece.number);
            if !self.dropped.counts.is_empty() && self.dropped.through < next {
                through = self.dropped.through;
                std::mem::take(&mut self.dropped).write_to(&mut text);
                continue;
            }
            let Some(mut piece) = self.pieces.pop_front() else { break };
            let is_event = matches!(piece.kind, Kind::Event(_));
            if piece.text.len() > limit && !is_event {
                // A long result goes alone, in parts and without a copy.
                let part = text.is_empty().then(|| piece.text.split_to(line_end(&piece.text, limit)));
                self.pieces.push_front(piece);
                match part {
                    Some(text) => return Some(Chunk { text, through: next - 1 }),
                    None => break,
                }
            }
            self.uncount(&piece);
            text.extend_from_slice(&piece.text);
            through = next;
        }
        (!text.is_empty()).then(|| Chunk { text: Bytes::from(text), through })
    }

    fn push(&mut self, kind: Kind, text: Bytes) {
        self.last += 1;
        self.pieces.push_back(Piece { number: self.last, kind, text });
    }

    fn uncount(&mut self, piece: &Piece) {
        if let Kind::Event(_) = piece.kind {
            self.events -= 1;
            self.event_bytes -= piece.text.len();
        }
    }
}

/// Events that were dropped, to be reported by name.
#[derive(Debug, Default)]
struct Dropped {
    /// The number of the newest of them.
    through: u64,
    counts: Vec<(String, u64)>,
}

impl Dropped {
    fn add(&mut self, number: u64, name: String) {
        self.through = number;
        let has_room = self.counts.len() < NAMES || self.counts.iter().any(|(known, _)| *known == name);
        let name = if has_room { name } else { "of other names".to_owned() };
        match self.counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((name, 1)),
        }
    }

    fn write_to(self, text: &mut Vec<u8>) {
        for (name, count) in &self.counts {
            text.extend_from_slice(more(*count, name).as_bytes());
        }
    }
}

/// The line that stands for dropped events; ends with a newline.
fn more(count: u64, of: &str) -> String {
    format!("… {} more {of}\n", grouped(count))
}

/// 8431 as `8,431`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// The text with a newline at its end.
fn lines(mut text: String) -> Bytes {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Bytes::from(text)
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
    fn pieces_come_out_in_the_order_of_the_calls() {
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
    fn skipped_events_are_counted_where_they_were() {
        let mut queue = Queue::default();
        queue.push_event("STOP", "event 0".into());
        queue.skip_event("STOP");
        queue.skip_event("RESET");
        queue.push_event("STOP", "event 3".into());
        assert_eq!(all(&mut queue, 1), "event 0\n… 1 more STOP\n… 1 more RESET\nevent 3\n");
        queue.skip_event("STOP");
        assert_eq!((queue.is_empty(), queue.take(1).unwrap().through), (false, queue.last()));
    }

    #[test]
    fn long_events_are_bounded_by_their_bytes_and_the_newest_stays() {
        let mut queue = Queue::default();
        queue.push_event("BIG", "a".repeat(EVENT_BYTES));
        queue.push_event("BIG", "b".repeat(2 * EVENT_BYTES));
        assert_eq!(queue.events, 1);
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

    #[test]
    fn dropped_events_are_counted_for_a_bounded_number_of_names() {
        let mut dropped = Dropped::default();
        for number in 0..NAMES + 5 {
            dropped.add(number as u64, format!("N{number}"));
        }
        dropped.add(99, "N0".into());
        assert_eq!((dropped.counts.len(), dropped.through), (NAMES + 1, 99));
        let mut text = Vec::new();
        dropped.write_to(&mut text);
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("… 2 more N0\n… 1 more N1\n"), "{text}");
        assert!(text.ends_with("… 1 more N15\n… 5 more of other names\n"), "{text}");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (8431, "8,431"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
