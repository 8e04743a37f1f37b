//! Results on the terminal: of any length, and no longer than the person wants.

use bytes::Bytes;

use super::{Flow, Repl};
use crate::output::color::PLAIN;
use crate::output::render::{Pieces, Renderer};
use crate::session::hmp;
use crate::status::{Failure, Status, Stop};
use qmpsh::message::{Reply, Request};

impl Repl<'_> {
    /// How results are formatted where they go now.
    pub(super) fn current_renderer(&self) -> Renderer {
        if self.session.is_piped { Renderer::PIPELINE } else { self.renderer }
    }

    /// Shows a result on the terminal, or gives it to the pipeline.
    pub(super) async fn show(&mut self, result: Pieces) -> Flow {
        if self.session.is_piped { self.feed(result).await } else { self.show_here(result).await }
    }

    /// Shows a reply on the terminal.
    pub(super) async fn show_reply_here(&mut self, reply: &Reply, request: &Request) -> Flow {
        self.show_here(self.renderer.reply(reply, request.own_id.as_deref())).await
    }

    /// Shows the result of a command. One of the human monitor can have failed.
    pub(super) async fn show_answer(&mut self, reply: &Reply, request: &Request) -> Flow {
        let (result, failure) = self.answer(self.current_renderer(), reply, request);
        if let Some(result) = result {
            self.show(result).await?;
        }
        failed(failure)
    }

    /// Shows the result of a command on the terminal, even if a pipeline gets the results now.
    pub(super) async fn show_answer_here(&mut self, reply: &Reply, request: &Request) -> Flow {
        let (result, failure) = self.answer(self.renderer, reply, request);
        if let Some(result) = result {
            self.show_here(result).await?;
        }
        failed(failure)
    }

    /// The result that is to be shown, and what has failed.
    pub(super) fn answer(
        &mut self,
        renderer: Renderer,
        reply: &Reply,
        request: &Request,
    ) -> (Option<Pieces>, Option<String>) {
        match hmp::hmp_result(&mut self.session.human_monitor, renderer, request, reply) {
            Some(told) => (told.result, told.failure),
            None => (Some(renderer.reply(reply, request.own_id.as_deref())), None),
        }
    }

    /// Shows a result piece by piece, so that it is in memory once, and until Ctrl-C.
    async fn show_here(&mut self, result: Pieces) -> Flow {
        for lines in WholeLines::new(result) {
            self.sink.output(lines);
            if self.is_lent() {
                // It waits for the terminal; so must not this.
                continue;
            }
            tokio::select! {
                biased;
                () = self.sink.flushed() => {}
                () = self.interrupts.next() => {
                    self.sink.cut_output();
                    // What was cut may have ended within a color.
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

/// The failure of a line of the human monitor, if it failed.
fn failed(failure: Option<String>) -> Flow {
    failure.map_or(Ok(()), |message| Err(Failure::placed(Status::CommandFailed, message).into()))
}

/// Pieces put together so that each ends where a line does; a last newline may be missing.
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
        // A result on one line is two pieces: itself, which is not copied, and the newline, which may be missing.
        if let Pieces::Parts(parts) = &mut self.pieces
            && let [whole, newline] = parts.as_slice()
            && newline == "\n"
        {
            let whole = whole.clone();
            self.pieces = Pieces::Parts(Vec::new().into_iter());
            return Some(whole);
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
        check(&["one line", "\n"], &["one line"]);
        check(&["{", "1", "}", "\n"], &["{1}\n"]);
        check(&["a\nb", "c\nd\n", "e", "f", "\n"], &["a\n", "bc\nd\n", "ef\n"]);
        check(&["a\n", "b"], &["a\n", "b"]);
        check(&[], &[]);
    }
}
