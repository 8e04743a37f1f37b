//! Splits lines into words. The lexer can stop at the end of any physical line and go on with the next, so nothing is read
//! twice.

use super::cursor::is_space;
use super::error::Opening;
use super::span::Span;
use super::token::{Next, Open, Position, TRANSACTION, Token, TokenKind, hmp_pipeline};

/// The state of the lexer at the end of a physical line.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    /// How much of the text has been read.
    pub(super) pos: usize,
    pub(super) position: Position,
    word: Option<Unfinished>,
    /// The words so far.
    pub(super) tokens: Vec<Token>,
    /// The logical line has ended: the next one begins at `pos`.
    pub(super) ended: bool,
}

/// The words of a logical line.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) tokens: Vec<Token>,
    /// What is open at the end of the text.
    pub(super) open: Option<Open>,
    /// Where the logical line ends.
    pub(super) end: usize,
}

impl Words {
    pub(super) fn of(lexer: Lexer) -> Self {
        Self { open: lexer.open(), end: lexer.pos, tokens: lexer.tokens }
    }
}

/// A word that continues on the next line.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    kind: TokenKind,
    start: usize,
    unclosed: Unclosed,
}

/// Where to go on in a word.
enum Resume {
    /// From here, where nothing is open.
    Part(usize, Part),
    /// From here, within quotes or brackets.
    Unclosed(usize, Unclosed),
}

impl Lexer {
    /// Reads the logical line that `text` begins with.
    pub(super) fn read(text: &str) -> Self {
        let mut lexer = Self::default();
        lexer.run(text);
        lexer.finish(text);
        lexer
    }

    /// Reads on, up to the end of `text` (which is the end of a physical line) or of the logical line.
    ///
    /// `text` must begin with what was read before.
    pub(super) fn run(&mut self, text: &str) {
        if let Some(word) = self.word.take() {
            self.finish_word(text, word.kind, word.start, Resume::Unclosed(self.pos, word.unclosed));
        }
        let bytes = text.as_bytes();
        while !self.ended && self.pos < bytes.len() {
            match bytes[self.pos] {
                b'\n' if self.position.transaction.is_some() => {
                    self.mark(text, TokenKind::Separator, 1);
                }
                b'\n' => {
                    // Blank lines before the first word do not count.
                    self.ended = !self.tokens.is_empty();
                    self.pos += 1;
                }
                b if is_space(b) => self.pos += 1,
                _ if matches!(self.position.next, Next::Raw | Next::Text) => {
                    let end = line_end(text, self.pos);
                    let line = text[self.pos..end].trim_end_matches('\r');
                    let has_pipeline = self.position.next == Next::Raw;
                    match hmp_pipeline(line).filter(|_| has_pipeline) {
                        Some(bar) => self.mark(text, TokenKind::Raw, line[..bar].trim_end().len()),
                        None => {
                            self.mark(text, TokenKind::Raw, line.len());
                            self.pos = end;
                        }
                    }
                }
                b'\\'
                    if let Some(length) = literal_line_end(&text[self.pos..])
                        && (self.position.next == Next::Messages
                            || (self.position.next == Next::Command
                                && text[self.pos + length..].starts_with(['{', '\\']))) =>
                {
                    self.pos += length;
                }
                b'#' => self.pos = line_end(text, self.pos),
                b'|' if self.position.transaction.is_none() => {
                    self.mark(text, TokenKind::Pipeline, line_end(text, self.pos) - self.pos);
                }
                _ => self.word(text),
            }
        }
    }

    /// Tells what is open where the text ends; `None` if the logical line is whole, or no line that follows could close it.
    pub(super) fn open(&self) -> Option<Open> {
        match self.word {
            Some(word) => Some(word.unclosed.open()),
            None => self.position.transaction.map(|span| Open { what: Opening::Transaction, span }),
        }
    }

    /// Ends the word that is still open with the text.
    pub(super) fn finish(&mut self, text: &str) {
        let unfinished = self.word.map(|word| Token { kind: word.kind, span: Span::new(word.start, text.len()) });
        self.tokens.extend(unfinished);
    }

    fn mark(&mut self, text: &str, kind: TokenKind, len: usize) {
        let token = Token { kind, span: Span::new(self.pos, self.pos + len) };
        self.position.advance(token, text);
        self.pos += len;
        self.tokens.push(token);
    }

    fn word(&mut self, text: &str) {
        let start = self.pos;
        match self.position.kind(&text[start..]) {
            kind @ TokenKind::TransactionOpen => self.mark(text, kind, TRANSACTION.len()),
            kind @ (TokenKind::Separator | TokenKind::TransactionClose) => {
                self.mark(text, kind, 1);
            }
            kind @ TokenKind::Json => {
                let unclosed = Unclosed::Brackets {
                    bracket: b'{',
                    depth: 0,
                    opened: start,
                    string: None,
                    strict: true,
                    single: true,
                };
                self.finish_word(text, kind, start, Resume::Unclosed(start, unclosed));
            }
            kind @ (TokenKind::Argument | TokenKind::DotWord) => {
                self.finish_word(text, kind, start, Resume::Part(start, Part::KeyStart));
            }
            kind => self.finish_word(text, kind, start, Resume::Part(start, Part::Plain)),
        }
    }

    /// Reads one word to its end, or to the end of the text.
    fn finish_word(&mut self, text: &str, kind: TokenKind, start: usize, mut step: Resume) {
        loop {
            step = match step {
                Resume::Part(from, part) => {
                    let (next, end) = scan(text.as_bytes(), start, from, part);
                    match next {
                        Some(unclosed) => Resume::Unclosed(end, unclosed),
                        None => return self.emit_word(text, kind, start, from, end),
                    }
                }
                Resume::Unclosed(from, mut unclosed) => {
                    let (found, key) = match &mut unclosed {
                        Unclosed::Quote { string, key } => (string_end(text.as_bytes(), from, *string), *key),
                        brackets @ Unclosed::Brackets { .. } => (brackets_end(text.as_bytes(), from, brackets), false),
                    };
                    match found {
                        End::Open => {
                            self.pos = text.len();
                            self.word = Some(Unfinished { kind, start, unclosed });
                            return;
                        }
                        End::Broken(end) => {
                            return self.emit_word(text, kind, start, end, end);
                        }
                        End::At(end) if key => Resume::Part(end, Part::Key),
                        End::At(end)
                            if self.position.transaction.is_some()
                                && matches!(text.as_bytes().get(end), Some(b';' | b')')) =>
                        {
                            return self.emit_word(text, kind, start, end, end);
                        }
                        // Messages may stand side by side.
                        End::At(end)
                            if kind == TokenKind::Json && matches!(text.as_bytes().get(end), Some(b'{' | b'\\')) =>
                        {
                            return self.emit_word(text, kind, start, end, end);
                        }
                        End::At(end) => Resume::Part(end, Part::Plain),
                    }
                }
            };
        }
    }

    /// Emits the word that ends at `end`. In a transaction a `;` at its end, but not before `fixed`, is a separator, and a `)` without
    /// its `(` ends the transaction.
    fn emit_word(&mut self, text: &str, kind: TokenKind, start: usize, fixed: usize, mut end: usize) {
        if self.position.transaction.is_some() {
            let word = text[fixed..end].trim_end_matches(';');
            let closes = word.matches(')').count() > word.matches('(').count();
            let word = word.strip_suffix(')').filter(|_| closes).map_or(word, |word| word.trim_end_matches(';'));
            end = fixed + word.len();
        }
        let token = Token { kind, span: Span::new(start, end) };
        self.position.advance(token, text);
        self.pos = end;
        self.tokens.push(token);
    }
}

/// Returns the length of a line end that was meant to be one: the characters `\n`, as some shells' `echo` leaves them.
pub(super) fn literal_line_end(rest: &str) -> Option<usize> {
    ["\\n", "\\r\\n"].iter().find(|end| rest.starts_with(**end)).map(|end| end.len())
}

fn line_end(text: &str, from: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[from..]).map_or(text.len(), |at| from + at)
}

/// What is open within a word.
#[derive(Clone, Copy, Debug)]
enum Unclosed {
    /// A quoted value, or part of a key.
    Quote { string: Quoted, key: bool },
    /// Brackets, `depth` of them open; the first at `opened`.
    Brackets { bracket: u8, depth: usize, opened: usize, string: Option<Quoted>, strict: bool, single: bool },
}

impl Unclosed {
    /// Tells what was opened where: the string, or else the outermost bracket.
    fn open(self) -> Open {
        let (what, opened) = match self {
            Self::Quote { string, .. } | Self::Brackets { string: Some(string), .. } => {
                (Opening::Quote(char::from(string.quote)), string.opened)
            }
            Self::Brackets { bracket, opened, .. } => (Opening::Bracket(char::from(bracket)), opened),
        };
        Open { what, span: Span::new(opened, opened + 1) }
    }
}

/// An open string.
#[derive(Clone, Copy, Debug)]
struct Quoted {
    quote: u8,
    opened: usize,
    /// True if a backslash escapes the next character.
    escapes: bool,
    /// A string of JSON cannot go over the end of a line: no line that comes could make it right.
    strict: bool,
}

/// What part of a word is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The beginning of a part of a key, where a quote opens a string.
    KeyStart,
    Key,
    /// A plain value, where nothing is special.
    Plain,
}

/// Where a string or brackets end.
enum End {
    /// Before this offset.
    At(usize),
    /// They are open where the text ends.
    Open,
    /// They can never be closed; the word ends here.
    Broken(usize),
}

/// Reads on from `at`, where nothing is open, to what opens something (and returns where to go on), or to the end of the word.
fn scan(bytes: &[u8], start: usize, mut at: usize, mut part: Part) -> (Option<Unclosed>, usize) {
    while let Some(&b) = bytes.get(at)
        && !is_space(b)
    {
        match b {
            b'"' | b'\'' if part == Part::KeyStart => {
                let string = Quoted { quote: b, opened: at, escapes: b == b'"', strict: false };
                return (Some(Unclosed::Quote { string, key: true }), at + 1);
            }
            b'.' if part != Part::Plain => part = Part::KeyStart,
            b'=' if part != Part::Plain => {
                // What follows is plain if it opens nothing, also a second `=`.
                part = Part::Plain;
                let strict = at > start && bytes[at - 1] == b':';
                if let Some((at, unclosed)) = value_opens(bytes, at + 1, strict) {
                    return (Some(unclosed), at);
                }
            }
            _ if part == Part::KeyStart => part = Part::Key,
            _ => {}
        }
        at += 1;
    }
    (None, at)
}

/// Tells what the value that begins at `at` opens, and where to read on.
fn value_opens(bytes: &[u8], at: usize, strict: bool) -> Option<(usize, Unclosed)> {
    let quote = |at: usize, quote: u8, strict: bool| {
        let string = Quoted { quote, opened: at, escapes: quote == b'"', strict };
        Some((at + 1, Unclosed::Quote { string, key: false }))
    };
    match (*bytes.get(at)?, bytes.get(at + 1)) {
        (b @ b'"', _) => quote(at, b, strict),
        (b @ b'\'', _) if !strict => quote(at, b, false),
        (b'@', Some(&b @ (b'"' | b'\''))) => quote(at + 1, b, false),
        (bracket @ (b'{' | b'['), _) => {
            Some((at, Unclosed::Brackets { bracket, depth: 0, opened: at, string: None, strict, single: !strict }))
        }
        _ => None,
    }
}

fn string_end(bytes: &[u8], mut at: usize, string: Quoted) -> End {
    loop {
        match bytes.get(at) {
            None if string.strict => return End::Broken(bytes.len()),
            None => return End::Open,
            Some(b'\n') if string.strict => return End::Broken(at),
            Some(b'\\') if string.escapes => {
                // An escaped newline is only an error: the parser reports it.
                at += if bytes.get(at + 1) == Some(&b'\n') && string.strict { 1 } else { 2 };
                at = at.min(bytes.len());
            }
            Some(&b) if b == string.quote => return End::At(at + 1),
            Some(_) => at += 1,
        }
    }
}

fn brackets_end(bytes: &[u8], mut at: usize, brackets: &mut Unclosed) -> End {
    let Unclosed::Brackets { depth, string, strict, single, .. } = brackets else {
        return End::Open;
    };
    loop {
        if let Some(quoted) = *string {
            match string_end(bytes, at, quoted) {
                End::At(end) => at = end,
                other => return other,
            }
            *string = None;
        }
        match bytes.get(at) {
            None => return End::Open,
            Some(b'{' | b'[') => *depth += 1,
            Some(b'}' | b']') => {
                // The parser finds those that do not match.
                *depth -= 1;
                if *depth == 0 {
                    return End::At(at + 1);
                }
            }
            Some(&b) if b == b'"' || (b == b'\'' && *single) => {
                *string = Some(Quoted { quote: b, opened: at, escapes: true, strict: *strict });
            }
            Some(_) => {}
        }
        at += 1;
    }
}

/// Joins words by spaces. Returns also where each of them stands.
pub(super) fn join(words: &[String]) -> (String, Vec<Span>) {
    let mut start = 0;
    let spans = words.iter().map(|word| {
        let span = Span::new(start, start + word.len());
        start = span.end + 1;
        span
    });
    let spans = spans.collect();
    (words.join(" "), spans)
}

/// Reads the words of a command line, each of them finished: their quotes, `#` and `|` are ordinary characters.
///
/// `text` is those words joined by spaces, `words` where each of them stands.
pub(super) fn read_words(text: &str, words: &[Span]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut position = Position::default();
    let mut words = words.iter().copied();
    let mut rest = words.next();
    while let Some(span) = rest {
        let word = span.of(text);
        let mut kind = position.kind(word);
        // Only a word of its own is a mark.
        if matches!(kind, TokenKind::Separator | TokenKind::TransactionClose) && word.len() > 1 {
            kind = if position.next == Next::Command { TokenKind::Action } else { TokenKind::Argument };
        }
        let token_span = match kind {
            TokenKind::TransactionOpen => Span::new(span.start, span.start + TRANSACTION.len()),
            TokenKind::Raw => Span::new(span.start, text.len()),
            _ => span,
        };
        let token = Token { kind, span: token_span };
        position.advance(token, text);
        tokens.push(token);
        rest = match kind {
            TokenKind::Raw => None,
            _ if token_span.end < span.end => Some(Span::new(token_span.end, span.end)),
            _ => words.next(),
        };
    }
    tokens
}
