//! Reads lines on terminals where they cannot be edited.

use std::io::{self, BufRead};
use std::sync::mpsc::Receiver;

use tokio::sync::mpsc::UnboundedSender;

use super::line::{IsComplete, Readline};
use super::state::Shared;
use crate::signals::Interrupts;
use qmpsh::error::describe;

/// Reads a line for each request, until the console is closed. The thread is never joined: only the end of stdin ends a
/// read that blocks.
pub(super) fn run(shared: &Shared, requests: &Receiver<String>, lines: &UnboundedSender<Readline>) {
    let mut stdin = io::stdin().lock();
    while requests.recv().is_ok() {
        let read = read(&mut stdin, || shared.line("dropped the line: it is not UTF-8"));
        shared.hide_prompt();
        if lines.send(read).is_err() {
            return;
        }
    }
}

fn read(from: &mut impl BufRead, mut not_utf8: impl FnMut()) -> Readline {
    loop {
        let mut line = Vec::new();
        match from.read_until(b'\n', &mut line) {
            Ok(0) => return Readline::EndOfFile,
            Ok(_) => {}
            Err(error) => return Readline::Failed(describe(&error)),
        }
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
        }
        match String::from_utf8(line) {
            Ok(line) => return Readline::Line(line),
            Err(_) => not_utf8(),
        }
    }
}

/// The beginning of a text of several lines.
pub(super) struct PlainText {
    is_complete: IsComplete,
    text: String,
    pub(super) interrupts: Interrupts,
}

impl PlainText {
    pub(super) fn new(is_complete: IsComplete, interrupts: Interrupts) -> Self {
        Self { is_complete, text: String::new(), interrupts }
    }

    /// Returns true if a text has begun and is not complete.
    pub(super) fn has_text(&self) -> bool {
        !self.text.is_empty()
    }

    /// Drops the beginning of a text.
    pub(super) fn drop_text(&mut self) {
        self.text.clear();
    }

    /// Adds a line, and returns the text if it is complete. An end that comes within a text is returned next.
    pub(super) fn add(&mut self, read: Readline, next: &mut Option<Readline>) -> Option<Readline> {
        match read {
            Readline::Line(line) => {
                self.text.push_str(&line);
                if (self.is_complete)(&self.text) {
                    return Some(Readline::Line(std::mem::take(&mut self.text)));
                }
                self.text.push('\n');
                None
            }
            read if self.text.is_empty() => Some(read),
            // The parser of an incomplete text can say what is missing.
            read => {
                *next = Some(read);
                Some(Readline::Line(std::mem::take(&mut self.text)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_without_their_ends() {
        let mut from: &[u8] = b"one\r\ntwo\n\n\xff\nlast";
        let mut dropped = 0;
        let mut inputs = Vec::new();
        loop {
            match read(&mut from, || dropped += 1) {
                Readline::Line(line) => inputs.push(line),
                other => {
                    assert_eq!(other, Readline::EndOfFile);
                    break;
                }
            }
        }
        assert_eq!((inputs.as_slice(), dropped), (["one", "two", "", "last"].map(String::from).as_slice(), 1));
    }
}
