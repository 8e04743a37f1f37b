//! The inside of one word: what opens a quote or brackets, and where they end.

use super::token::{Open, is_space};
use super::{Opening, Span};

#[derive(Clone, Copy, Debug)]
pub(super) enum Inside {
    /// A quoted value, or part of a key.
    Quote { string: Quoted, key: bool },
    /// Brackets, so many open; the first at `opened`.
    Brackets { bracket: u8, depth: usize, opened: usize, string: Option<Quoted>, strict: bool, single: bool },
}

impl Inside {
    /// What is open, and where it was opened: the string, or else the outermost bracket.
    pub(super) fn open(self) -> Open {
        let (what, opened) = match self {
            Self::Quote { string, .. } | Self::Brackets { string: Some(string), .. } => {
                (Opening::Quote(char::from(string.quote)), string.opened)
            }
            Self::Brackets { bracket, opened, .. } => (Opening::Bracket(char::from(bracket)), opened),
        };
        Open { what, span: Span::new(opened, opened + 1) }
    }
}

/// A string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted {
    pub(super) quote: u8,
    pub(super) opened: usize,
    /// Whether a backslash escapes the next character.
    pub(super) escapes: bool,
    /// JSON's strings cannot go over the end of a line: none that comes could make it right.
    pub(super) strict: bool,
}

/// Where a word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// At the beginning of a part of a key, where a quote is one.
    Part,
    Key,
    /// In a plain value, where nothing is special.
    Plain,
}

pub(super) enum Found {
    /// It ends before this offset.
    End(usize),
    /// It is open where the text ends.
    Open,
    /// It cannot be closed any more; the word ends here.
    Broken(usize),
}

/// Reads on from `at`, where nothing is open, to what opens something (and gives where to go on), or to the end of the word.
pub(super) fn scan(bytes: &[u8], start: usize, mut at: usize, mut phase: Phase) -> (Option<Inside>, usize) {
    while let Some(&b) = bytes.get(at)
        && !is_space(b)
    {
        match b {
            b'"' | b'\'' if phase == Phase::Part => {
                let string = Quoted { quote: b, opened: at, escapes: b == b'"', strict: false };
                return (Some(Inside::Quote { string, key: true }), at + 1);
            }
            b'.' if phase != Phase::Plain => phase = Phase::Part,
            b'=' if phase != Phase::Plain => {
                // What follows is plain if it opens nothing, also a second `=`.
                phase = Phase::Plain;
                let strict = at > start && bytes[at - 1] == b':';
                if let Some((at, inside)) = value_opens(bytes, at + 1, strict) {
                    return (Some(inside), at);
                }
            }
            _ if phase == Phase::Part => phase = Phase::Key,
            _ => {}
        }
        at += 1;
    }
    (None, at)
}

/// What the value that begins at `at` opens, and where to read on.
fn value_opens(bytes: &[u8], at: usize, strict: bool) -> Option<(usize, Inside)> {
    let quote = |at: usize, quote: u8, strict: bool| {
        let string = Quoted { quote, opened: at, escapes: quote == b'"', strict };
        Some((at + 1, Inside::Quote { string, key: false }))
    };
    match (*bytes.get(at)?, bytes.get(at + 1)) {
        (b @ b'"', _) => quote(at, b, strict),
        (b @ b'\'', _) if !strict => quote(at, b, false),
        (b'@', Some(&b @ (b'"' | b'\''))) => quote(at + 1, b, false),
        (bracket @ (b'{' | b'['), _) => {
            Some((at, Inside::Brackets { bracket, depth: 0, opened: at, string: None, strict, single: !strict }))
        }
        _ => None,
    }
}

pub(super) fn string_end(bytes: &[u8], mut at: usize, string: Quoted) -> Found {
    loop {
        match bytes.get(at) {
            None if string.strict => return Found::Broken(bytes.len()),
            None => return Found::Open,
            Some(b'\n') if string.strict => return Found::Broken(at),
            Some(b'\\') if string.escapes => {
                // An escaped newline is only an error: the parser reports it.
                at += if bytes.get(at + 1) == Some(&b'\n') && string.strict { 1 } else { 2 };
                at = at.min(bytes.len());
            }
            Some(&b) if b == string.quote => return Found::End(at + 1),
            Some(_) => at += 1,
        }
    }
}

pub(super) fn brackets_end(bytes: &[u8], mut at: usize, brackets: &mut Inside) -> Found {
    let Inside::Brackets { depth, string, strict, single, .. } = brackets else {
        return Found::Open;
    };
    loop {
        if let Some(quoted) = *string {
            match string_end(bytes, at, quoted) {
                Found::End(end) => at = end,
                other => return other,
            }
            *string = None;
        }
        match bytes.get(at) {
            None => return Found::Open,
            Some(b'{' | b'[') => *depth += 1,
            Some(b'}' | b']') => {
                // Whether they match is for the parser to say.
                *depth -= 1;
                if *depth == 0 {
                    return Found::End(at + 1);
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
