//! Shows events and results. A result can have any length; Ctrl-C cuts it.

use std::collections::VecDeque;
use std::io::{self, Write};

use bytes::Bytes;

use super::paging::is_longer_than_screen;
use super::{Flow, Repl};
use crate::builtins::for_people;
use crate::output::color::PLAIN;
use crate::output::render::{Pieces, Renderer};
use crate::session::hmp;
use crate::status::{Failure, Status, Stop};
use crate::terminal::EVENTS;
use qmpsh::events::Batch;
use qmpsh::message::{Event, Reply, Request};
use qmpsh::text;

impl Repl<'_> {
    /// Shows events, and how many were dropped.
    pub(super) fn show_events(&self, batch: &Batch) {
        for (name, count) in &batch.dropped {
            self.sink.missed(&text::line(name), *count);
        }
        self.show_each(&batch.events, self.session.events_to_stderr);
    }

    pub(super) fn show_each(&self, events: &VecDeque<Event>, to_stderr: bool) {
        let renderer = if to_stderr { self.renderer.for_stderr() } else { self.renderer };
        // In a storm, most events are only counted, so they must not cost the time to format them.
        let skipped = if to_stderr { 0 } else { events.len().saturating_sub(EVENTS) };
        events.iter().take(skipped).for_each(|event| self.sink.skipped(&text::line(&event.name())));
        for event in events.iter().skip(skipped) {
            if !self.renderer.is_for_person() {
                self.show_whole(event, renderer, to_stderr);
            } else if to_stderr {
                // There is nowhere else to complain.
                let _ = writeln!(io::stderr(), "{}", renderer.event_line(event));
            } else {
                self.sink.event(&text::line(&event.name()), renderer.event_line(event));
            }
        }
    }

    /// Shows an event as JSON.
    pub(super) fn show_whole(&self, event: &Event, renderer: Renderer, to_stderr: bool) {
        let mut shown = Vec::new();
        renderer.event(event, &mut shown);
        if to_stderr {
            // There is nowhere else to complain.
            let _ = io::stderr().write_all(&shown);
        } else {
            self.sink.event(&text::line(&event.name()), String::from_utf8_lossy(&shown));
        }
    }

    /// Shows the events that have come.
    pub(super) fn show_events_so_far(&mut self) {
        let batch = self.events.try_batch();
        self.show_events(&batch);
    }

    /// Returns how results are formatted where they go now.
    pub(super) fn current_renderer(&self) -> Renderer {
        if self.session.is_piped { Renderer::PIPELINE } else { self.renderer }
    }

    /// Shows a result on the terminal, or feeds it to the pipeline.
    pub(super) async fn show(&mut self, result: Pieces) -> Flow {
        if self.session.is_piped {
            self.feed(result).await
        } else {
            let result = self.session.marked(result);
            self.show_paged(result).await
        }
    }

    /// Shows the result of a command on the terminal, even if a pipeline gets the results now, and without a pager, as a line may be
    /// being typed. A line for the human monitor can have failed.
    pub(super) async fn show_reply_here(&mut self, reply: &Reply, request: &Request) -> Flow {
        let (result, failure) = hmp::result(&mut self.session.human_monitor, self.renderer, request, reply);
        if let Some(result) = result {
            self.show_here(result).await?;
        }
        hmp_failure(failure)
    }

    /// Shows the result of a command, or feeds it to the pipeline.
    pub(super) async fn show_reply(&mut self, reply: &Reply, request: &Request) -> Flow {
        let renderer = self.current_renderer();
        let (result, failure) = hmp::result(&mut self.session.human_monitor, renderer, request, reply);
        if let Some(result) = result {
            let view = self.suggest(request, &result);
            self.show(result).await?;
            if let Some(view) = view {
                self.say(&format!("hint: `{view}` shows this for people"));
            }
        }
        hmp_failure(failure)
    }

    /// Returns the built-in command that shows what does not fit on the screen here, if it is not known yet.
    fn suggest(&mut self, request: &Request, result: &Pieces) -> Option<String> {
        let is_read = self.renderer.is_for_person() && !self.session.is_piped && !self.is_streaming;
        let view = for_people(request.command()).filter(|view| is_read && !self.suggested.contains(view))?;
        is_longer_than_screen(result).then(|| {
            self.suggested.push(view.clone());
            view
        })
    }

    /// Shows a result piece by piece, so that it is in memory once, and stops at Ctrl-C.
    pub(super) async fn show_here(&mut self, result: Pieces) -> Flow {
        for lines in WholeLines::new(result) {
            self.sink.output(lines);
            if self.is_handed_over() {
                // The terminal takes it later.
                continue;
            }
            tokio::select! {
                biased;
                () = self.sink.flushed() => {}
                () = self.interrupts.next() => {
                    self.sink.cut_output();
                    // The cut may be within a color.
                    let plain = if self.renderer.colors.are_on() { PLAIN } else { "" };
                    self.sink.line(format!("{plain}… (the rest of the result is not shown)"));
                    return Err(Stop::silent(Status::Interrupted));
                }
                status = self.ending.signal() => {
                    self.sink.cut_output();
                    return Err(Stop::Leave(status));
                }
            }
        }
        Ok(())
    }
}

fn hmp_failure(failure: Option<String>) -> Flow {
    failure.map_or(Ok(()), |message| Err(Failure::placed(Status::CommandFailed, message).into()))
}

/// Joins pieces so that each ends where a line does; the last newline may be missing.
struct WholeLines {
    pieces: Pieces,
    begun: Vec<u8>,
}

impl WholeLines {
    fn new(pieces: Pieces) -> Self {
        Self { pieces, begun: Vec::new() }
    }
}

impl Iterator for WholeLines {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        // It is not copied, and its newline may be missing.
        if let Pieces::Line(line) = &mut self.pieces {
            let whole = line.next();
            self.pieces = Pieces::Parts(Vec::new().into_iter());
            return whole;
        }
        loop {
            let Some(mut piece) = self.pieces.next() else {
                return (!self.begun.is_empty()).then(|| Bytes::from(std::mem::take(&mut self.begun)));
            };
            let Some(end) = memchr::memrchr(b'\n', &piece) else {
                self.begun.extend_from_slice(&piece);
                continue;
            };
            let lines = piece.split_to(end + 1);
            let begun = std::mem::replace(&mut self.begun, piece.to_vec());
            return Some(if begun.is_empty() { lines } else { Bytes::from([begun.as_slice(), &lines].concat()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_with_their_lines() {
        let check = |pieces: &[&'static str], expected: &[&str]| {
            let pieces: Vec<_> = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
            let lines: Vec<_> = WholeLines::new(Pieces::Parts(pieces.into_iter())).collect();
            assert_eq!(lines, expected);
        };
        check(&["one line", "\n"], &["one line\n"]);
        check(&["{", "1", "}", "\n"], &["{1}\n"]);
        check(&["a\nb", "c\nd\n", "e", "f", "\n"], &["a\n", "bc\nd\n", "ef\n"]);
        check(&["a\n", "b"], &["a\n", "b"]);
        check(&[], &[]);
        let line = Pieces::Line([Bytes::from_static(b"one line"), Bytes::from_static(b"\n")].into_iter());
        assert_eq!(WholeLines::new(line).collect::<Vec<_>>(), ["one line"]);
    }
}
