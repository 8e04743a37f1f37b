//! Replaces the secrets in a message by `***`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::words::{ARGUMENTS, QOM_SET, in_text, is_secret_name, is_secret_property, option, userinfo};
use crate::json::{Document, Token, TokenKind, Tokens, decode};
use crate::text;

/// How many nested `json:` file names are read. Deeper ones count as secrets.
const MAX_NESTED: usize = 4;

/// Replaces the secrets in `json` by `"***"`. Borrowed if there are none.
///
/// `json` is a message of QMP, sent or received, possibly cut off. Text of another syntax is replaced as a whole if a word in it
/// suggests a secret.
pub fn mask(json: &str) -> Cow<'_, str> {
    mask_places(json, &[])
}

/// Replaces the secrets in `json`, and what stands at `places`, by `"***"`. See [`mask`].
pub fn mask_places<'a>(json: &'a str, places: &[Range<usize>]) -> Cow<'a, str> {
    mask_walk(json, Walk { found: places.iter().map(|place| (place.clone(), MASK)).collect(), ..Walk::default() })
}

/// Returns true if the reply to this command is a secret, such as `qom-get` of the `data` of a `secret` object.
pub fn reveals(request: &str) -> bool {
    let walk = Walk { text: request, ..Walk::default() };
    walk.run().is_some_and(|found| found.reveals)
}

/// Returns the beginning of a message for logs and errors: safe to show, secrets masked, at most `max` characters.
///
/// What a reply returns as a string is masked too: which command it belongs to is not known here.
pub fn excerpt(message: &[u8], max: usize) -> String {
    // Masking works on a message that is cut off, so the beginning is enough.
    let considered = &message[..message.len().min(max.saturating_mul(4).saturating_add(64))];
    let readable = String::from_utf8_lossy(considered);
    let masked = mask_walk(&readable, Walk { is_unassigned: true, ..Walk::default() });
    if considered.len() == message.len() {
        return text::excerpt(masked.as_bytes(), max);
    }
    let shown = text::excerpt(masked.as_bytes(), max);
    if shown.ends_with('…') { shown } else { shown + "…" }
}

/// Shows the document shortened, with secrets masked.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({})", excerpt(self.bytes(), 200))
    }
}

/// The text in place of a value.
const MASK: &str = "\"***\"";

fn mask_walk<'a>(text: &'a str, walk: Walk<'a>) -> Cow<'a, str> {
    match (Walk { text, ..walk }).run() {
        Some(found) => replace(text, found.replacements),
        None if in_text(text, "").is_some() => Cow::Owned("***".to_owned()),
        None => Cow::Borrowed(text),
    }
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
    /// The member `name` is the name of a secret; `None` without such a member.
    names_secret: Option<bool>,
    /// The member `value`.
    value: Option<Range<usize>>,
}

/// What a message has.
struct Found {
    replacements: Vec<Replacement>,
    /// The reply to it is a secret.
    reveals: bool,
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
    /// The values of `type`: the actions of a transaction.
    types: Vec<Cow<'a, str>>,
    /// The property that `qom-set` sets and `qom-get` gets.
    property: Option<Cow<'a, str>>,
    /// The message is an event, a reply or a greeting.
    received: bool,
    /// Nobody knows which command a reply belongs to.
    is_unassigned: bool,
    reveals: bool,
}

impl Walk<'_> {
    /// Returns the replacements; `None` if the text is neither JSON nor the beginning of it.
    fn run(mut self) -> Option<Found> {
        let text = self.text;
        for Token { kind, range } in Tokens::new(text.as_bytes()) {
            self.at = range.end;
            let start = range.start;
            let token = &text[range];
            match kind {
                TokenKind::Space => {}
                TokenKind::Open => {
                    let closing = if token == "{" { "}" } else { "]" };
                    let names = token == "{";
                    self.frames.push(Frame { start, closing, key: None, names, names_secret: None, value: None });
                }
                TokenKind::Close => {
                    let frame = self.frames.pop()?;
                    if frame.closing != token {
                        return None;
                    }
                    self.named_value(&frame, true);
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
            self.named_value(&frame, false);
            self.value(frame.start);
        }
        self.end_message();
        Some(Found { replacements: self.found, reveals: self.reveals })
    }

    /// Handles the value of an object that also has its name, as in a reply to `qom-list-get`. If the object is cut off, the name
    /// may be missing.
    fn named_value(&mut self, frame: &Frame<'_>, is_whole: bool) {
        if let Some(value) = &frame.value
            && frame.names_secret.unwrap_or(!is_whole)
        {
            self.found.push((value.clone(), MASK));
        }
    }

    /// Handles the value that began at `start` and ends at the current token.
    fn value(&mut self, start: usize) {
        let range = start..self.at;
        let raw = &self.text[range.clone()];
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if let Some(key) = frame.key.as_deref() {
            if is_secret_name(key) {
                self.found.push((range, MASK));
                return;
            }
            match key {
                "execute" | "exec-oob" if depth == 1 => self.command = decode(raw.as_bytes()),
                "event" | "return" | "error" | "QMP" if depth == 1 => {
                    self.received = true;
                    if key == "return" && self.is_unassigned && raw.starts_with('"') {
                        self.found.push((range, MASK));
                        return;
                    }
                }
                "type" => self.types.extend(decode(raw.as_bytes())),
                "property" => self.property = decode(raw.as_bytes()),
                "name" => frame.names_secret = decode(raw.as_bytes()).map(|name| is_secret_property(&name)),
                "value" => frame.value = Some(range.clone()),
                "command-line" => {
                    // An answer may quote the line.
                    let line = decode_cut(raw);
                    self.reveals |= prints_secret(&line) || in_text(&line, "").is_some();
                }
                _ => {}
            }
            let conditional = ARGUMENTS.iter().any(|&(_, argument)| argument == key);
            if conditional && (key != "command-line" || in_text(&decode_cut(raw), "").is_some()) {
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
        let text = decode_cut(raw);
        if let Some((_, inner)) = text.split_once("json:") {
            let nested = self.nested + 1;
            if nested > MAX_NESTED || matches!(mask_walk(inner, Walk { nested, ..Walk::default() }), Cow::Owned(_)) {
                self.found.push((range, "\"json:***\""));
                return;
            }
        }
        if raw.contains('\\') && userinfo(&text, false).is_some() || option(&text).is_some() {
            self.found.push((range, MASK));
            return;
        }
        let mut from = range.start;
        while let Some(inside) = userinfo(&self.text[from..range.end], false) {
            self.found.push((from + inside.start..from + inside.end, "***"));
            from += inside.end;
        }
    }

    /// Masks the candidates that are secrets in the message's command.
    fn end_message(&mut self) {
        let received = std::mem::take(&mut self.received);
        let command = self.command.take();
        let types = std::mem::take(&mut self.types);
        let is_secret = self.property.take().map(|name| is_secret_property(&name));
        self.reveals |= command.as_deref() == Some("qom-get") && is_secret == Some(true);
        for (range, argument) in self.candidates.drain(..) {
            let applies = |&(name, of_name): &(&str, &str)| match command.as_deref() {
                Some(command) => (command == name || types.iter().any(|ty| ty == name)) && of_name == argument,
                // The name may be cut off, so it may be any command.
                None => !received && of_name == argument,
            };
            // Without a property, the message may be cut off.
            let is_set = argument != "value" || is_secret.unwrap_or(command.as_deref() == Some(QOM_SET));
            if is_set && ARGUMENTS.iter().any(applies) {
                self.found.push((range, MASK));
            }
        }
    }
}

/// Returns true if the answer to a line of the human monitor is a secret.
fn prints_secret(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("qom-get") && words.nth(1).is_some_and(is_secret_property)
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
