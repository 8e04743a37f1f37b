//! Lines to words. It can stop at the end of any physical line and go on with the next, so nothing is read twice.

use super::scan::{Found, Inside, Phase, brackets_end, scan, string_end};
use super::token::{Next, Open, Position, TRANSACTION, Token, TokenKind, is_space};
use super::{Opening, Span};

/// The state of the lexer at the end of a physical line.
#[derive(Debug)]
pub(super) struct Lexer {
    /// What has been read of the text.
    pub(super) pos: usize,
    pub(super) position: Position,
    word: Option<Unfinished>,
    /// A word has been read.
    begun: bool,
    /// The logical line has ended: at `pos` begins what does not belong to it.
    pub(super) ended: bool,
}

/// A word that goes over the end of a line.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    kind: TokenKind,
    start: usize,
    inside: Inside,
}

/// How to go on in a word.
enum Step {
    /// From here, where nothing is open.
    Scan(usize, Phase),
    /// From here, where something is.
    Inside(usize, Inside),
}

impl Lexer {
    pub(super) fn new() -> Self {
        Self { pos: 0, position: Position::new(), word: None, begun: false, ended: false }
    }

    /// Reads on, up to the end of `text` (which is the end of a physical line) or of the logical line.
    ///
    /// `text` must begin with what was read before.
    pub(super) fn run(&mut self, text: &str, mut emit: impl FnMut(Token)) {
        if let Some(word) = self.word.take() {
            self.finish_word(text, word.kind, word.start, Step::Inside(self.pos, word.inside), &mut emit);
        }
        let bytes = text.as_bytes();
        while !self.ended && self.pos < bytes.len() {
            match bytes[self.pos] {
                b'\n' if self.position.transaction.is_some() => {
                    self.mark(text, TokenKind::Separator, 1, &mut emit);
                }
                b'\n' => {
                    // Blank lines before the first word do not count.
                    self.ended = self.begun;
                    self.pos += 1;
                }
                b if is_space(b) => self.pos += 1,
                _ if self.position.next == Next::Raw => {
                    let end = line_end(text, self.pos);
                    let raw = text[self.pos..end].trim_end_matches('\r').len();
                    self.mark(text, TokenKind::Raw, raw, &mut emit);
                    self.pos = end;
                }
                b'#' => self.pos = line_end(text, self.pos),
                b'|' if self.position.transaction.is_none() => {
                    self.mark(text, TokenKind::Pipeline, line_end(text, self.pos) - self.pos, &mut emit);
                }
                _ => self.word(text, &mut emit),
            }
        }
    }

    /// What is open where the text ends; `None` if the logical line is whole, or cannot be made right any more.
    pub(super) fn open(&self) -> Option<Open> {
        match self.word {
            Some(word) => Some(word.inside.open()),
            None => self.position.transaction.map(|span| Open { what: Opening::Transaction, span }),
        }
    }

    /// The token of a word that is still open: up to the end of the text.
    pub(super) fn unfinished(&self, text: &str) -> Option<Token> {
        self.word.map(|word| Token { kind: word.kind, span: Span::new(word.start, text.len()) })
    }

    fn mark(&mut self, text: &str, kind: TokenKind, len: usize, emit: &mut impl FnMut(Token)) {
        let token = Token { kind, span: Span::new(self.pos, self.pos + len) };
        self.begun = true;
        self.position.advance(token, text);
        self.pos += len;
        emit(token);
    }

    fn word(&mut self, text: &str, emit: &mut impl FnMut(Token)) {
        let start = self.pos;
        match self.position.kind(&text[start..]) {
            kind @ TokenKind::TransactionOpen => self.mark(text, kind, TRANSACTION.len(), emit),
            kind @ (TokenKind::Separator | TokenKind::TransactionClose) => {
                self.mark(text, kind, 1, emit);
            }
            kind @ TokenKind::Json => {
                let inside = Inside::Brackets {
                    bracket: b'{',
                    depth: 0,
                    opened: start,
                    string: None,
                    strict: true,
                    single: true,
                };
                self.finish_word(text, kind, start, Step::Inside(start, inside), emit);
            }
            kind @ (TokenKind::Argument | TokenKind::DotWord) => {
                self.finish_word(text, kind, start, Step::Scan(start, Phase::Part), emit);
            }
            kind => self.finish_word(text, kind, start, Step::Scan(start, Phase::Plain), emit),
        }
    }

    /// Reads one word to its end, or to the end of the text.
    fn finish_word(&mut self, text: &str, kind: TokenKind, start: usize, mut step: Step, emit: &mut impl FnMut(Token)) {
        loop {
            step = match step {
                Step::Scan(from, phase) => {
                    let (next, end) = scan(text.as_bytes(), start, from, phase);
                    match next {
                        Some(inside) => Step::Inside(end, inside),
                        None => return self.emit_word(text, kind, start, from, end, emit),
                    }
                }
                Step::Inside(from, mut inside) => {
                    let (found, key) = match &mut inside {
                        Inside::Quote { string, key } => (string_end(text.as_bytes(), from, *string), *key),
                        brackets @ Inside::Brackets { .. } => (brackets_end(text.as_bytes(), from, brackets), false),
                    };
                    match found {
                        Found::Open => {
                            self.pos = text.len();
                            self.word = Some(Unfinished { kind, start, inside });
                            return;
                        }
                        Found::Broken(end) => {
                            return self.emit_word(text, kind, start, end, end, emit);
                        }
                        Found::End(end) if key => Step::Scan(end, Phase::Key),
                        Found::End(end)
                            if self.position.transaction.is_some()
                                && matches!(text.as_bytes().get(end), Some(b';' | b')')) =>
                        {
                            return self.emit_word(text, kind, start, end, end, emit);
                        }
                        Found::End(end) => Step::Scan(end, Phase::Plain),
                    }
                }
            };
        }
    }

    /// Emits the word that ends at `end`. In a transaction a `;` at its end, but not before `fixed`, is a separator.
    fn emit_word(
        &mut self,
        text: &str,
        kind: TokenKind,
        start: usize,
        fixed: usize,
        mut end: usize,
        emit: &mut impl FnMut(Token),
    ) {
        if self.position.transaction.is_some() {
            end = fixed + text[fixed..end].trim_end_matches(';').len();
        }
        let token = Token { kind, span: Span::new(start, end) };
        self.begun = true;
        self.position.advance(token, text);
        self.pos = end;
        emit(token);
    }
}

fn line_end(text: &str, from: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |at| from + at)
}
