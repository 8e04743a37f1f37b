//! JSON values and Python literals to compact JSON, without recursion.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::cursor::Cursor;
use super::error::{Opening, SyntaxError, SyntaxErrorKind, shown};
use super::number;
use super::string::{self, Escapes};
use crate::json::{MAX_NESTING, quoted};

/// A JSON value that QEMU's parser accepts, without white space outside strings. Numbers stay as they were written.
///
/// Its `Debug` hides the text, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText {
    text: String,
    depth: usize,
}

impl JsonText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How deep objects and arrays are nested in it: 0 for a number, 1 for `{}`.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Returns true if it is `{}`.
    pub fn is_empty_object(&self) -> bool {
        self.text == "{}"
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({} bytes, {} deep)", self.text.len(), self.depth)
    }
}

/// Which spelling is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// `KEY:=JSON`: JSON and nothing else.
    Strict,
    /// A whole message: JSON or a Python literal. A string ends before the line does, so that a missing quote takes no other line.
    Message,
    /// `KEY={…}`, `KEY=[…]`: JSON or a Python literal.
    Value,
}

const VALUE_HELP: &str = "to send it as text, quote it or write KEY==TEXT";

/// The depth left to the value of an argument: its brackets stand within those of the message and of `arguments`.
pub(super) const VALUE_DEPTH: usize = MAX_NESTING - 2;

/// Reads a text that is one value of strict JSON, white space around it allowed.
pub fn parse_json(text: &str) -> Result<JsonText, SyntaxError> {
    let mut cursor = Cursor::new(text, 0);
    cursor.skip_space();
    let json = read(&mut cursor, Grammar::Strict, VALUE_DEPTH)?;
    cursor.skip_space();
    if cursor.rest().is_empty() { Ok(json) } else { Err(cursor.unexpected(&["the end of the file"])) }
}

/// Reads one value; the cursor ends behind it. White space is skipped only inside brackets.
pub(super) fn read(cursor: &mut Cursor<'_>, grammar: Grammar, max_depth: usize) -> Result<JsonText, SyntaxError> {
    Reader { cursor, grammar, max_depth, out: String::new(), stack: Vec::new(), deepest: 0 }
        .read()
        .map_err(|error| if grammar == Grammar::Value { error.or_help(VALUE_HELP) } else { error })
}

/// Reads the string under the cursor: returns it decoded, and adds its JSON to `out`. A string of JSON stays as it was written.
pub(super) fn read_string(cursor: &mut Cursor<'_>, grammar: Grammar, out: &mut String) -> Result<String, SyntaxError> {
    cursor.pos += usize::from(opens_unicode(cursor.rest()));
    let from = cursor.pos;
    if cursor.peek() == Some(b'"') {
        match string::read(cursor, Escapes::Json, false) {
            Ok(decoded) => {
                out.push_str(cursor.since(from));
                return Ok(decoded);
            }
            Err(error) if grammar == Grammar::Strict => return Err(error),
            Err(_) => cursor.pos = from,
        }
    }
    let decoded = string::read(cursor, Escapes::Python, grammar == Grammar::Value)?;
    out.push_str(&quoted(&decoded));
    Ok(decoded)
}

/// Returns true if a string in the manner of Python 2 begins here: `u'x'`.
fn opens_unicode(rest: &str) -> bool {
    matches!(rest.as_bytes(), [b'u' | b'U', b'"' | b'\'', ..])
}

/// An open object or array.
struct Frame {
    opened: usize,
    /// The keys of an object so far; `None` for an array.
    keys: Option<HashSet<String>>,
}

/// What comes next in the value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    grammar: Grammar,
    max_depth: usize,
    out: String,
    stack: Vec<Frame>,
    deepest: usize,
}

impl Reader<'_, '_> {
    fn read(mut self) -> Result<JsonText, SyntaxError> {
        let mut want = Want::Value;
        loop {
            want = self.step(want)?;
            if self.stack.is_empty() {
                return Ok(JsonText { text: self.out, depth: self.deepest });
            }
            self.cursor.skip_space();
        }
    }

    fn step(&mut self, want: Want) -> Result<Want, SyntaxError> {
        let is_lenient = self.is_lenient();
        let next = self.cursor.peek();
        Ok(match (want, next) {
            (Want::ValueOrEnd, Some(b']')) | (Want::KeyOrEnd, Some(b'}')) => self.close(),
            (Want::CommaOrEnd, Some(b'}')) if self.in_object() => self.close(),
            (Want::CommaOrEnd, Some(b']')) if !self.in_object() => self.close(),
            (Want::CommaOrEnd, Some(b',')) => {
                self.take(',');
                match (self.in_object(), is_lenient) {
                    (true, true) => Want::KeyOrEnd,
                    (true, false) => Want::Key,
                    (false, true) => Want::ValueOrEnd,
                    (false, false) => Want::Value,
                }
            }
            (Want::Colon, Some(b':')) => {
                self.take(':');
                Want::Value
            }
            (Want::Key | Want::KeyOrEnd, Some(_)) if self.opens_string() => self.key()?,
            (Want::Value | Want::ValueOrEnd, Some(open @ (b'{' | b'['))) => self.open(open)?,
            (Want::Value | Want::ValueOrEnd, Some(b)) => {
                if self.opens_string() {
                    read_string(self.cursor, self.grammar, &mut self.out)?;
                } else if b == b'-' || b.is_ascii_digit() || (is_lenient && b"+.".contains(&b)) {
                    self.number()?;
                } else {
                    self.keyword(want)?;
                }
                Want::CommaOrEnd
            }
            _ => return Err(self.unexpected(want)),
        })
    }

    fn in_object(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.keys.is_some())
    }

    /// Returns true if Python's literals are accepted as well as JSON.
    fn is_lenient(&self) -> bool {
        self.grammar != Grammar::Strict
    }

    fn opens_string(&self) -> bool {
        match self.cursor.peek() {
            Some(b'"') => true,
            Some(b'\'') => self.is_lenient(),
            _ => self.is_lenient() && opens_unicode(self.cursor.rest()),
        }
    }

    /// Copies the character under the cursor.
    fn take(&mut self, c: char) {
        self.cursor.pos += 1;
        self.out.push(c);
    }

    fn open(&mut self, open: u8) -> Result<Want, SyntaxError> {
        let opened = self.cursor.pos;
        self.take(char::from(open));
        let (keys, want) = if open == b'{' { (Some(HashSet::new()), Want::KeyOrEnd) } else { (None, Want::ValueOrEnd) };
        self.stack.push(Frame { opened, keys });
        self.deepest = self.deepest.max(self.stack.len());
        if self.deepest > self.max_depth {
            return Err(self.cursor.error(opened, SyntaxErrorKind::TooDeep, &[]));
        }
        Ok(want)
    }

    fn close(&mut self) -> Want {
        // A comma before the end is Python's; strings end with a quote, so this one is ours.
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.take(if self.in_object() { '}' } else { ']' });
        self.stack.pop();
        Want::CommaOrEnd
    }

    fn key(&mut self) -> Result<Want, SyntaxError> {
        let from = self.cursor.pos;
        let key = read_string(self.cursor, self.grammar, &mut self.out)?;
        if let Some(Frame { keys: Some(keys), .. }) = self.stack.last_mut()
            && let Some(key) = keys.replace(key)
        {
            return Err(self.cursor.error(from, SyntaxErrorKind::DuplicateKey(shown(&key)), &[]));
        }
        Ok(Want::Colon)
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        let from = self.cursor.pos;
        let part = |c: char| c.is_alphanumeric() || "+-._".contains(c);
        self.cursor.pos += self.cursor.rest().find(|c| !part(c)).unwrap_or(self.cursor.rest().len());
        let text = self.cursor.since(from);
        let found = if self.is_lenient() {
            number::from_python(text)
        } else {
            number::is_json_number(text).then_some(text.into())
        };
        let Some(number) = found else {
            let error = self.cursor.error(from, SyntaxErrorKind::BadNumber(shown(text)), &["a number as in JSON"]);
            let digits = text.strip_prefix('-').unwrap_or(text);
            let zero = digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            return Err(if zero { error.help("a number has no leading zero; quote it if it is text") } else { error });
        };
        self.out.push_str(&number);
        Ok(())
    }

    fn keyword(&mut self, want: Want) -> Result<(), SyntaxError> {
        let rest = self.cursor.rest();
        let word = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
        self.out.push_str(match (word, self.is_lenient()) {
            ("true" | "false" | "null", _) => word,
            ("True", true) => "true",
            ("False", true) => "false",
            ("None", true) => "null",
            _ => return Err(self.unexpected(want)),
        });
        self.cursor.pos += word.len();
        Ok(())
    }

    /// The error that something else stands here, or that the text ends.
    fn unexpected(&mut self, want: Want) -> SyntaxError {
        let in_object = self.in_object();
        let expected: &[&str] = match want {
            Want::Value => &["a value"],
            Want::ValueOrEnd => &["a value", "`]`"],
            Want::Key => &["a key in quotes"],
            Want::KeyOrEnd => &["a key in quotes", "`}`"],
            Want::Colon => &["`:`"],
            Want::CommaOrEnd if in_object => &["`,`", "`}`"],
            Want::CommaOrEnd => &["`,`", "`]`"],
        };
        let next = self.cursor.peek();
        match self.stack.last() {
            Some(Frame { opened, .. }) if next.is_none() => {
                let kind = SyntaxErrorKind::Unclosed(Opening::Bracket(if in_object { '{' } else { '[' }));
                SyntaxError::new(self.cursor.span_at(*opened), kind, expected)
            }
            _ => {
                let help = self.help(want).map(Cow::Borrowed);
                let error = self.cursor.unexpected(expected);
                SyntaxError { help, ..error }
            }
        }
    }

    /// Returns what to write in place of a literal that has no meaning in JSON.
    fn help(&self, want: Want) -> Option<&'static str> {
        let rest = self.cursor.rest();
        let word = rest.find(|c: char| !c.is_alphanumeric()).map_or(rest, |end| &rest[..end]);
        let is_quoted = rest[word.len()..].starts_with(['"', '\'']);
        let is_value = matches!(want, Want::Value | Want::ValueOrEnd);
        match word {
            "" if is_value && rest.starts_with('\'') => Some("JSON's strings stand in double quotes"),
            "" if is_value && self.is_lenient() && rest.starts_with('(') => Some("a list stands in brackets: [1, 2]"),
            "b" | "r" | "f" | "br" | "rb" | "B" | "R" | "F" if is_quoted && self.is_lenient() => {
                Some("omit the letter before the quote; a backslash is written \\\\")
            }
            "nan" | "inf" | "NaN" | "Infinity" if is_value => Some("QEMU accepts neither NaN nor infinity"),
            _ if is_value && word.starts_with(char::is_alphabetic) => Some(match self.grammar {
                Grammar::Strict => "JSON's strings stand in double quotes",
                Grammar::Message => "text in brackets is quoted: ['a'] or {'a': 'b'}",
                Grammar::Value => "text in brackets is quoted: ['a'] or {'a': 'b'}; KEY==TEXT sends all of it as text",
            }),
            _ => None,
        }
    }
}
