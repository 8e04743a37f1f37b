//! JSON values and Python literals to compact JSON, without recursion.

use std::collections::HashSet;

use super::cursor::Cursor;
use super::error::shown;
use super::json_text::{JsonText, push_string};
use super::string::{self, Escapes};
use super::{Opening, SyntaxError, SyntaxErrorKind, number};

/// Which spelling is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// `KEY:=JSON`: JSON and nothing else.
    Strict,
    /// A JSON line: JSON, and strings in single quotes as QEMU's own parser takes them.
    Line,
    /// `KEY={…}`, `KEY=[…]`: JSON or Python.
    Lenient,
}

const LENIENT_HELP: &str = "to send it as text, quote it or write KEY==TEXT";

enum Frame {
    Object { opened: usize, keys: HashSet<String> },
    Array { opened: usize },
}

enum Want {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// Reads one value; the cursor ends behind it. White space is skipped only inside brackets.
pub(super) fn value(cursor: &mut Cursor<'_>, grammar: Grammar, max_depth: usize) -> Result<JsonText, SyntaxError> {
    Reader { cursor, grammar, max_depth, out: String::new(), stack: Vec::new(), deepest: 0 }
        .read()
        .map_err(|error| if grammar == Grammar::Lenient { error.or_help(LENIENT_HELP) } else { error })
}

/// Reads the string under the cursor as `grammar` has it: decoded, and with JSON's spelling of it added to `out`.
pub(super) fn read_string(cursor: &mut Cursor<'_>, grammar: Grammar, out: &mut String) -> Result<String, SyntaxError> {
    let from = cursor.pos;
    let single = cursor.peek() == Some(b'\'');
    let escapes = match grammar {
        Grammar::Lenient => Escapes::Python,
        Grammar::Line if single => Escapes::Qemu,
        Grammar::Strict | Grammar::Line => Escapes::Json,
    };
    let decoded = string::read(cursor, escapes, grammar == Grammar::Lenient)?;
    if escapes == Escapes::Json {
        out.push_str(cursor.since(from));
    } else {
        push_string(out, &decoded);
    }
    Ok(decoded)
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
            if !self.stack.is_empty() {
                self.cursor.skip_space();
                if self.cursor.peek().is_none() {
                    return Err(self.unclosed(&want));
                }
            }
            want = match want {
                Want::ValueOrEnd if self.cursor.peek() == Some(b']') => self.close(),
                Want::Value | Want::ValueOrEnd => self.value(matches!(want, Want::ValueOrEnd))?,
                Want::KeyOrEnd if self.cursor.peek() == Some(b'}') => self.close(),
                Want::Key | Want::KeyOrEnd => self.key(matches!(want, Want::KeyOrEnd))?,
                Want::Colon => self.colon()?,
                Want::CommaOrEnd => self.comma_or_end()?,
            };
            if self.stack.is_empty() {
                return Ok(JsonText { text: self.out, depth: self.deepest });
            }
        }
    }

    fn quoted(&self) -> bool {
        match self.cursor.peek() {
            Some(b'"') => true,
            Some(b'\'') => self.grammar != Grammar::Strict,
            _ => false,
        }
    }

    fn value(&mut self, or_end: bool) -> Result<Want, SyntaxError> {
        let from = self.cursor.pos;
        match self.cursor.peek() {
            Some(open @ (b'{' | b'[')) => {
                self.cursor.pos += 1;
                self.out.push(char::from(open));
                let (frame, want) = match open {
                    b'{' => (Frame::Object { opened: from, keys: HashSet::new() }, Want::KeyOrEnd),
                    _ => (Frame::Array { opened: from }, Want::ValueOrEnd),
                };
                self.stack.push(frame);
                self.deepest = self.deepest.max(self.stack.len());
                if self.deepest > self.max_depth {
                    return Err(self.cursor.error(from, SyntaxErrorKind::TooDeep, &[]));
                }
                Ok(want)
            }
            _ if self.quoted() => {
                read_string(self.cursor, self.grammar, &mut self.out)?;
                Ok(Want::CommaOrEnd)
            }
            Some(b) if b == b'-' || b.is_ascii_digit() || (self.grammar == Grammar::Lenient && b"+.".contains(&b)) => {
                self.number(from)
            }
            _ => self.keyword(or_end),
        }
    }

    fn number(&mut self, from: usize) -> Result<Want, SyntaxError> {
        let part = |c: char| c.is_alphanumeric() || "+-._".contains(c);
        self.cursor.pos += self.cursor.rest().find(|c| !part(c)).unwrap_or(self.cursor.rest().len());
        let text = self.cursor.since(from);
        let found = match self.grammar {
            Grammar::Lenient => number::from_python(text),
            Grammar::Strict | Grammar::Line => number::is_json_number(text).then_some(text.into()),
        };
        let Some(number) = found else {
            let error = self.cursor.error(from, SyntaxErrorKind::BadNumber(shown(text)), &["a number as in JSON"]);
            let digits = text.strip_prefix('-').unwrap_or(text);
            let zero = digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            return Err(if zero { error.help("a number has no leading zero; quote it if it is text") } else { error });
        };
        self.out.push_str(&number);
        Ok(Want::CommaOrEnd)
    }

    fn keyword(&mut self, or_end: bool) -> Result<Want, SyntaxError> {
        let from = self.cursor.pos;
        let rest = self.cursor.rest();
        let word = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
        let found = match (word, self.grammar) {
            ("true" | "false" | "null", _) => word,
            ("True", Grammar::Lenient) => "true",
            ("False", Grammar::Lenient) => "false",
            ("None", Grammar::Lenient) => "null",
            _ => {
                let error = self.cursor.unexpected(if or_end { &["a value", "`]`"] } else { &["a value"] });
                let quote = matches!(rest.as_bytes().first(), Some(b'\''));
                return Err(if quote { error.help("JSON's strings stand in double quotes") } else { error });
            }
        };
        self.out.push_str(found);
        self.cursor.pos = from + word.len();
        Ok(Want::CommaOrEnd)
    }

    fn key(&mut self, or_end: bool) -> Result<Want, SyntaxError> {
        let from = self.cursor.pos;
        if !self.quoted() {
            return Err(self.cursor.unexpected(if or_end {
                &["a key in quotes", "`}`"]
            } else {
                &["a key in quotes"]
            }));
        }
        let key = read_string(self.cursor, self.grammar, &mut self.out)?;
        if let Some(Frame::Object { keys, .. }) = self.stack.last_mut()
            && let Some(key) = keys.replace(key)
        {
            return Err(self.cursor.error(from, SyntaxErrorKind::DuplicateKey(shown(&key)), &[]));
        }
        Ok(Want::Colon)
    }

    fn colon(&mut self) -> Result<Want, SyntaxError> {
        if !self.cursor.eat(b':') {
            return Err(self.cursor.unexpected(&["`:`"]));
        }
        self.out.push(':');
        Ok(Want::Value)
    }

    fn comma_or_end(&mut self) -> Result<Want, SyntaxError> {
        let object = matches!(self.stack.last(), Some(Frame::Object { .. }));
        if self.cursor.peek() == Some(if object { b'}' } else { b']' }) {
            return Ok(self.close());
        }
        if !self.cursor.eat(b',') {
            return Err(self.cursor.unexpected(if object { &["`,`", "`}`"] } else { &["`,`", "`]`"] }));
        }
        self.out.push(',');
        Ok(match (object, self.grammar == Grammar::Lenient) {
            (true, true) => Want::KeyOrEnd,
            (true, false) => Want::Key,
            (false, true) => Want::ValueOrEnd,
            (false, false) => Want::Value,
        })
    }

    fn close(&mut self) -> Want {
        // A comma before the end is Python's; strings end with a quote, so this one is ours.
        if self.out.ends_with(',') {
            self.out.pop();
        }
        self.cursor.pos += 1;
        let object = matches!(self.stack.pop(), Some(Frame::Object { .. }));
        self.out.push(if object { '}' } else { ']' });
        Want::CommaOrEnd
    }

    /// The error that the text ends where something is wanted.
    fn unclosed(&self, want: &Want) -> SyntaxError {
        let (opened, object) = match self.stack.last() {
            Some(Frame::Object { opened, .. }) => (*opened, true),
            Some(Frame::Array { opened }) => (*opened, false),
            None => (self.cursor.pos, false),
        };
        let expected: &[&str] = match want {
            Want::Value => &["a value"],
            Want::ValueOrEnd => &["a value", "`]`"],
            Want::Key => &["a key in quotes"],
            Want::KeyOrEnd => &["a key in quotes", "`}`"],
            Want::Colon => &["`:`"],
            Want::CommaOrEnd if object => &["`,`", "`}`"],
            Want::CommaOrEnd => &["`,`", "`]`"],
        };
        let kind = SyntaxErrorKind::Unclosed(Opening::Bracket(if object { '{' } else { '[' }));
        SyntaxError::new(self.cursor.span_at(opened), kind, expected)
    }
}
