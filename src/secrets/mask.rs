//! Replaces the secrets in a message by `***`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::words::{ARGUMENTS, is_secret_name, userinfo, words_have_secret};
use crate::json::{Document, Token, TokenKind, Tokens, decode};
use crate::text;

/// How many nested `json:` file names are read. Deeper ones count as secrets.
const MAX_NESTED: usize = 4;

/// Replaces the secrets in `json` by `"***"`. Borrowed if there are none.
///
/// `json` is a message of QMP, sent or received, possibly cut off. Text of another syntax is replaced as a whole if a word in it
/// suggests a secret.
pub fn mask(json: &str) -> Cow<'_, str> {
    mask_nested(json, 0)
}

/// Returns the beginning of a message for logs and errors: safe to show, secrets masked, at most `max` characters.
pub fn excerpt(message: &[u8], max: usize) -> String {
    // Masking works on a message that is cut off, so the beginning is enough.
    let considered = &message[..message.len().min(max.saturating_mul(4).saturating_add(64))];
    let readable = String::from_utf8_lossy(considered);
    let masked = mask(&readable);
    if considered.len() == message.len() {
        return text::excerpt(masked.as_bytes(), max);
    }
    let shown = text::excerpt(masked.as_bytes(), max);
    if shown.ends_with('…') { shown } else { shown + "…" }
}

/// Returns true if a typed line may have a secret, in the shell's language, JSON or HMP.
pub fn line_has_secret(line: &str) -> bool {
    let line = line.trim_start();
    if line.starts_with('{') { matches!(mask(line), Cow::Owned(_)) } else { words_have_secret(line) }
}

/// Returns true if the value of a typed argument may have a secret: by its name, its command, or itself. Only for a line that has
/// a secret.
pub fn is_secret_argument(command: &str, name: &str, value: &str) -> bool {
    let is_listed = |(of, argument): &(&str, &str)| *of == command && name.split('.').any(|part| part == *argument);
    is_secret_name(name) || ARGUMENTS.iter().any(is_listed) || line_has_secret(value)
}

/// Shows the document shortened, with secrets masked.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({})", excerpt(self.bytes(), 200))
    }
}

fn mask_nested(json: &str, nested: usize) -> Cow<'_, str> {
    if let Some(found) = (Walk { text: json, nested, ..Walk::default() }).run() {
        return replace(json, found);
    }
    if words_have_secret(json) { Cow::Owned("***".to_owned()) } else { Cow::Borrowed(json) }
}

/// A range of the text, and the text that replaces it.
type Replacement = (Range<usize>, &'static str);

fn replace(text: &str, mut found: Vec<Replacement>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    // The outermost of nested ranges comes first.
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, instead) in found {
        if range.start >= done {
            out.push_str(&text[done..range.start]);
            out.push_str(instead);
            done = range.end;
        }
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// An open object or array.
struct Frame<'a> {
    start: usize,
    closing: &'static str,
    /// The member whose value comes next or came last.
    key: Option<Cow<'a, str>>,
    /// The next string is the name of a member.
    names: bool,
}

/// The state of one pass over text that should be JSON.
#[derive(Default)]
struct Walk<'a> {
    text: &'a str,
    at: usize,
    nested: usize,
    frames: Vec<Frame<'a>>,
    found: Vec<Replacement>,
    /// Values that are secrets in certain commands, by the name of the argument.
    candidates: Vec<(Range<usize>, Cow<'a, str>)>,
    command: Option<Cow<'a, str>>,
    /// The property that `qom-set` sets.
    property: Option<Cow<'a, str>>,
    /// The message is an event, a reply or a greeting.
    received: bool,
}

impl Walk<'_> {
    /// Returns the replacements; `None` if the text is neither JSON nor the beginning of it.
    fn run(mut self) -> Option<Vec<Replacement>> {
        let text = self.text;
        for Token { kind, range } in Tokens::new(text.as_bytes()) {
            self.at = range.end;
            let start = range.start;
            let token = &text[range];
            match kind {
                TokenKind::Space => {}
                TokenKind::Open => {
                    let closing = if token == "{" { "}" } else { "]" };
                    self.frames.push(Frame { start, closing, key: None, names: token == "{" });
                }
                TokenKind::Close => {
                    let frame = self.frames.pop()?;
                    if frame.closing != token {
                        return None;
                    }
                    self.value(frame.start);
                    if self.frames.is_empty() {
                        self.end_message();
                    }
                }
                TokenKind::Comma => {
                    let frame = self.frames.last_mut()?;
                    frame.names = frame.closing == "}";
                }
                TokenKind::Colon => {
                    let frame = self.frames.last_mut()?;
                    if !frame.names || frame.key.is_none() {
                        return None;
                    }
                    frame.names = false;
                }
                TokenKind::String => {
                    let frame = self.frames.last_mut()?;
                    if frame.names {
                        frame.key = decode(token.as_bytes());
                    } else {
                        self.value(start);
                    }
                }
                TokenKind::Number | TokenKind::Literal => {
                    if self.frames.last()?.names || token.contains(['\'', '=']) {
                        return None;
                    }
                    if token != "null" {
                        self.value(start);
                    }
                }
            }
        }
        // If the message is cut off, open values end here.
        while let Some(frame) = self.frames.pop() {
            self.value(frame.start);
        }
        self.end_message();
        Some(self.found)
    }

    /// Handles the value that began at `start` and ends at the current token.
    fn value(&mut self, start: usize) {
        let range = start..self.at;
        let raw = &self.text[range.clone()];
        let Some(frame) = self.frames.last() else {
            return;
        };
        if let Some(key) = frame.key.as_deref() {
            if is_secret_name(key) {
                self.found.push((range, "\"***\""));
                return;
            }
            if self.frames.len() == 1 {
                match key {
                    "execute" | "exec-oob" => self.command = decode(raw.as_bytes()),
                    "event" | "return" | "error" | "QMP" => self.received = true,
                    _ => {}
                }
            }
            if key == "property" {
                self.property = decode(raw.as_bytes());
            }
            let conditional = ARGUMENTS.iter().any(|&(_, argument)| argument == key);
            if conditional && (key != "command-line" || line_has_secret(&decode_cut(raw))) {
                self.candidates.push((range.clone(), key.to_owned().into()));
            }
        }
        if raw.starts_with('"') {
            self.string_value(range);
        }
    }

    /// Handles a string, which may be a URL or QEMU's `json:`.
    fn string_value(&mut self, range: Range<usize>) {
        let raw = &self.text[range.clone()];
        if let Some(inside) = userinfo(raw).filter(|_| !raw.contains('\\')) {
            self.found.push((range.start + inside.start..range.start + inside.end, "***"));
            return;
        }
        let text = decode_cut(raw);
        if userinfo(&text).is_some() || (text.starts_with("rbd:") && text.contains(":key=")) {
            self.found.push((range, "\"***\""));
        } else if let Some((_, inner)) = text.split_once("json:")
            && (self.nested == MAX_NESTED || matches!(mask_nested(inner, self.nested + 1), Cow::Owned(_)))
        {
            self.found.push((range, "\"json:***\""));
        }
    }

    /// Masks the candidates that are secrets in the message's command.
    fn end_message(&mut self) {
        let received = std::mem::take(&mut self.received);
        let command = self.command.take();
        let sets_secret = self.property.take().is_some_and(|name| name == "data" || is_secret_name(&name));
        for (range, argument) in self.candidates.drain(..) {
            let applies = |&(name, of_name): &(&str, &str)| match command.as_deref() {
                Some(command) => command == name && of_name == argument,
                // The name may be cut off, so it may be any command.
                None => !received && of_name == argument,
            };
            if ARGUMENTS.iter().any(applies) && (argument != "value" || sets_secret) {
                self.found.push((range, "\"***\""));
            }
        }
    }
}

/// Decodes a string that may be cut off.
fn decode_cut(raw: &str) -> Cow<'_, str> {
    match decode(raw.as_bytes()).filter(|_| raw.len() > 1) {
        Some(text) => text,
        None => decode(format!("{raw}\"").as_bytes()).unwrap_or_default().into_owned().into(),
    }
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
