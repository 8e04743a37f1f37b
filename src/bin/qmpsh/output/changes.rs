//! Marks in a result of `.watch` what has changed since the run before, as `watch -d` does: in reverse video.

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

use crate::output::color::PLAIN;
use crate::output::render::Pieces;

/// The longest result that is compared. Nobody looks for a change in a longer one.
const LONGEST: usize = 1 << 20;

/// Begins a change.
const REVERSE: &str = "\x1b[7m";

/// The results of the last run, to be compared with the next.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    last: Vec<String>,
    next: Vec<String>,
}

impl Changes {
    /// Begins the next run.
    pub(crate) fn begin_run(&mut self) {
        self.last = std::mem::take(&mut self.next);
    }

    /// Marks what has changed in the next result of this run. Returns the first run as it is.
    pub(crate) fn mark(&mut self, result: Pieces) -> Pieces {
        let whole = result.whole();
        let text = if whole.len() <= LONGEST { String::from_utf8_lossy(&whole).into_owned() } else { String::new() };
        let marked = match self.last.get(self.next.len()) {
            Some(last) if !last.is_empty() && !text.is_empty() => Bytes::from(marked(last, &text)),
            _ => whole,
        };
        self.next.push(text);
        Pieces::Parts(vec![marked].into_iter())
    }
}

/// Returns `new` with marks where it is not as `old`. Lines are compared with their colors, which depend on the text alone.
fn marked(old: &str, new: &str) -> String {
    let (mut before, mut after): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let start = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    let (common, mut out) = (after.drain(..start).collect::<Vec<_>>(), Vec::with_capacity(after.len()));
    before.drain(..start);
    out.extend(common.into_iter().map(str::to_owned));
    let end = before.iter().rev().zip(after.iter().rev()).take_while(|(old, new)| old == new).count();
    let rest = after.split_off(after.len() - end);
    before.truncate(before.len() - end);
    if before.len() == after.len() {
        out.extend(before.iter().zip(&after).map(|(old, new)| mark_change(old, new)));
    } else {
        // Lines came or went.
        let known: HashSet<_> = before.into_iter().collect();
        let line = |line: &&str| if known.contains(*line) { (*line).to_owned() } else { mark_line(line) };
        out.extend(after.iter().map(line));
    }
    out.extend(rest.into_iter().map(str::to_owned));
    out.push(String::new());
    out.join("\n")
}

/// Marks the words of a line that have changed.
fn mark_change(old: &str, new: &str) -> String {
    if old == new {
        return new.to_owned();
    }
    let (before, after) = (visible(old), visible(new));
    let mut start = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    let most = before.len().min(after.len()) - start;
    let same = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let mut end = after.len() - same;
    let is_word = |at: usize| after.get(at).is_some_and(|c| c.is_alphanumeric() || "-_.".contains(*c));
    // Where something is gone, the mark is on the word beside it.
    while start > 0 && is_word(start - 1) && (start == end || is_word(start)) {
        start -= 1;
    }
    while end > 0 && is_word(end - 1) && is_word(end) {
        end += 1;
    }
    mark(new, start..end)
}

/// Marks all of a line but its indentation.
fn mark_line(line: &str) -> String {
    let shown = visible(line);
    let indentation = shown.iter().take_while(|c| **c == ' ').count();
    mark(line, indentation..shown.len())
}

/// Marks these visible characters of a line.
fn mark(line: &str, range: Range<usize>) -> String {
    if range.is_empty() {
        return line.to_owned();
    }
    let (mut out, mut color, mut at) = (String::new(), "", 0);
    let mut is_marked = false;
    for (part, is_color) in parts(line) {
        if is_color {
            color = if part == PLAIN { "" } else { part };
            if !is_marked {
                out.push_str(part);
            }
            continue;
        }
        for c in part.chars() {
            if at == range.start {
                // A color would look different in reverse video.
                out.push_str(PLAIN);
                out.push_str(REVERSE);
                is_marked = true;
            }
            if at == range.end {
                out.push_str(PLAIN);
                out.push_str(color);
                is_marked = false;
            }
            out.push(c);
            at += 1;
        }
    }
    if is_marked {
        out.push_str(PLAIN);
    }
    out
}

/// Returns the characters of a line without its colors.
fn visible(line: &str) -> Vec<char> {
    parts(line).filter(|(_, is_color)| !is_color).flat_map(|(part, _)| part.chars()).collect()
}

/// Splits a line into texts and colors. Other escape sequences were made harmless before.
fn parts(mut line: &str) -> impl Iterator<Item = (&str, bool)> {
    std::iter::from_fn(move || {
        if line.is_empty() {
            return None;
        }
        let is_color = line.starts_with('\x1b');
        let end = if is_color { line.find('m').map(|at| at + 1) } else { line.find('\x1b') };
        let (part, rest) = line.split_at(end.unwrap_or(line.len()));
        line = rest;
        Some((part, is_color))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_marked() {
        let check = |old: &str, new: &str, expected: &str| {
            let readable = marked(old, new).replace("\x1b[0m\x1b[7m", "<").replace("\x1b[0m", ">");
            assert_eq!(readable, expected, "{old:?}");
        };
        check("a\nb\n", "a\nb\n", "a\nb\n");
        check("n: 1\n", "n: 2\n", "n: <2>\n");
        check("n: 10 KiB\nx\n", "n: 15 KiB\nx\n", "n: <15> KiB\nx\n");
        check("status: running\n", "status: paused\n", "status: <paused>\n");
        check("a 1 b 2\n", "a 3 b 4\n", "a <3 b 4>\n");
        check("x\n", "x y\n", "x< y>\n");
        check("x yz\n", "x y\n", "x <y>\n");
        check("a\nc\n", "a\n  b\nc\n", "a\n  <b>\nc\n");
        check("a\nb\nc\n", "a\nc\n", "a\nc\n");
        check("a\nb\nc\nd\n", "b\nx\nd\n", "b\n<x>\nd\n");
        check("\u{e9}1\n", "\u{e9}2\n", "<\u{e9}2>\n");
        // Behind the mark, the color goes on.
        let colored = |n: &str| format!("\x1b[34mn\x1b[0m: \x1b[32m\"a b{n}\"\x1b[0m\n");
        let text = marked(&colored("1"), &colored("2"));
        assert_eq!(text, "\x1b[34mn\x1b[0m: \x1b[32m\"a \x1b[0m\x1b[7mb2\x1b[0m\x1b[32m\"\x1b[0m\n");
    }

    #[test]
    fn each_result_is_compared_with_that_of_the_last_run() {
        let mut changes = Changes::default();
        let mut run = |results: &[&'static str]| {
            changes.begin_run();
            let pieces = |text: &'static str| Pieces::Parts(vec![Bytes::from(text)].into_iter());
            let marked = results.iter().map(|text| changes.mark(pieces(text)).whole());
            marked.map(|text| String::from_utf8(text.to_vec()).unwrap().contains(REVERSE)).collect::<Vec<_>>()
        };
        assert_eq!(run(&["a\n", "b\n"]), [false, false]);
        assert_eq!(run(&["a\n", "c\n"]), [false, true]);
        assert_eq!(run(&["a\n", "c\n", "d\n"]), [false, false, false]);
        assert_eq!(run(&[]), [false; 0]);
        assert_eq!(run(&["x\n"]), [false]);
    }
}
