//! QEMU's JSON tokens, one byte at a time.
//!
//! Source: `json-lexer.c` of QEMU 7.2 to 11.1, docs/qmp.md, "What QEMU says to mistakes".

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    OpenObject,
    CloseObject,
    OpenArray,
    CloseArray,
    Colon,
    Comma,
    /// In double or single quotes.
    String,
    Number,
    /// Small letters: `true`, `false`, `null`, or a mistake.
    Keyword,
}

/// What a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// White space, or what is skipped after a mistake.
    Between,
    /// Part of a token.
    Inside,
    /// The last byte of a token.
    Ends(Token),
    /// The byte after a token. It was not taken: it begins what is next.
    Follows(Token),
    /// A byte that cannot stand here. The token ends with it.
    Stray,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Start,
    /// After a mistake, until a bracket, a separator or a control character.
    Recovery,
    InString(u8),
    Escape(u8),
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Keyword,
}

#[derive(Debug, Default)]
pub(super) struct Lexer(State);

impl Lexer {
    pub(super) fn step(&mut self, byte: u8) -> Step {
        use State::{
            Escape, Exponent, ExponentDigits, ExponentSign, Fraction, InString, Integer, Keyword, Minus, Point,
            Recovery, Start, Zero,
        };
        let next = match (self.0, byte) {
            (Recovery, b'\t' | 0x20..=0xfd) if !b"[]{}:,".contains(&byte) => return Step::Between,
            (Start | Recovery, _) => match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.0 = Start;
                    return Step::Between;
                }
                b'{' => return self.ends(Token::OpenObject),
                b'}' => return self.ends(Token::CloseObject),
                b'[' => return self.ends(Token::OpenArray),
                b']' => return self.ends(Token::CloseArray),
                b':' => return self.ends(Token::Colon),
                b',' => return self.ends(Token::Comma),
                b'"' | b'\'' => InString(byte),
                b'-' => Minus,
                b'0' => Zero,
                b'1'..=b'9' => Integer,
                b'a'..=b'z' => Keyword,
                _ => return self.stray(),
            },
            (InString(quote), _) if byte == quote => return self.ends(Token::String),
            (InString(quote), b'\\') => Escape(quote),
            (InString(quote) | Escape(quote), 0x20..=0xfd) => InString(quote),
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Integer, b'0'..=b'9') => Integer,
            (Zero | Integer, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Integer | Fraction, b'e' | b'E') => Exponent,
            (Exponent, b'+' | b'-') => ExponentSign,
            (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => ExponentDigits,
            (Keyword, b'a'..=b'z') => Keyword,
            (Zero, b'0'..=b'9') | (InString(_) | Escape(_) | Minus | Point | Exponent | ExponentSign, _) => {
                return self.stray();
            }
            (Zero | Integer | Fraction | ExponentDigits, _) => return self.follows(Token::Number),
            (Keyword, _) => return self.follows(Token::Keyword),
        };
        self.0 = next;
        Step::Inside
    }

    fn ends(&mut self, token: Token) -> Step {
        self.0 = State::Start;
        Step::Ends(token)
    }

    fn follows(&mut self, token: Token) -> Step {
        self.0 = State::Start;
        Step::Follows(token)
    }

    fn stray(&mut self) -> Step {
        self.0 = State::Recovery;
        Step::Stray
    }
}

/// Iterates over the tokens of a whole request. What is no token is left out: there is none in what `framing` found.
pub(super) fn tokens(request: &[u8]) -> impl Iterator<Item = (Token, std::ops::Range<usize>)> {
    let (mut lexer, mut at, mut start) = (Lexer::default(), 0, 0);
    std::iter::from_fn(move || {
        loop {
            // The end of the request ends a last number or keyword.
            let step = lexer.step(*request.get(at).or((at == request.len()).then_some(&b' '))?);
            match step {
                Step::Follows(token) => return Some((token, std::mem::replace(&mut start, at)..at)),
                Step::Ends(token) => {
                    at += 1;
                    return Some((token, std::mem::replace(&mut start, at)..at));
                }
                Step::Between | Step::Stray => start = at + 1,
                Step::Inside => {}
            }
            at += 1;
        }
    })
}
