//! Whole messages in JSON, as a line: their keys and values.

use super::color::string_end;
use super::commands::{commands, out_of_band};
use super::context::{CommandContext, Context};
use super::describe::{ARGUMENTS, described, ordered, short};
use super::item::{Item, Style};
use super::{arguments, values};
use crate::language::syntax::{Key, KeyPart, Span, Value, ValuePlace};

/// The keys of a message. Source: QEMU's `docs/interop/qmp-spec.rst`.
const KEYS: [&str; 4] = ["execute", "arguments", "exec-oob", "id"];

/// Returns what can stand at `at`, in the message that takes `message` of `line`.
pub(super) fn items(context: Context<'_>, line: &str, message: Span, at: usize) -> (Span, Style, Vec<Item>) {
    let Read { cursor, members } = Read::new(line, message, at);
    let span = Span::new(cursor.start, at);
    let style = cursor.quote.map_or(Style::Json, Style::Quoted);
    let (first, path) = match cursor.path.split_first() {
        Some((first, path)) => (Some(first.text.as_str()), path),
        None => (None, &[][..]),
    };
    let key = Key { parts: path.to_vec(), span };
    let all = || if context.schema.is_some() { commands(context, "", false) } else { Vec::new() };
    let items = match (first, cursor.expects) {
        (None, Expects::Key) => {
            let is_given =
                |key: &str| members.iter().any(|(path, _)| path.first().is_some_and(|part| part.text == key));
            let free = KEYS.iter().filter(|key| !is_given(key));
            free.map(|key| Item::new(key, "").then(": ")).collect()
        }
        (Some("execute"), Expects::Value) if path.is_empty() => plain(all()),
        (Some("exec-oob"), Expects::Value) if path.is_empty() => plain(out_of_band(context, all())),
        (Some("arguments"), expects) => {
            let Some(command) = command_of(&members, context) else { return (span, style, Vec::new()) };
            match expects {
                Expects::Key => keys(&command, path, span.of(line)),
                Expects::Value if !path.is_empty() => return value(&command, &key, cursor.quote, span, line),
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    (span, style, items)
}

/// Returns the members that the object at the end of the line still can have, as `"size": integer`, optional ones in brackets.
pub(super) fn hint(context: Context<'_>, line: &str, message: Span) -> Option<String> {
    let Read { cursor, members } = Read::new(line, message, line.len());
    let (first, path) = cursor.path.split_first()?;
    let is_begun = cursor.start < line.len() || cursor.quote.is_some();
    if first.text != "arguments" || cursor.expects != Expects::Key || is_begun {
        return None;
    }
    let command = command_of(&members, context)?;
    let (schema, at) = (command.schema()?, command.find(path));
    let missing = ordered(&command.members(at)).into_iter().filter(|member| !command.is_given(at, &member.name));
    let written = missing.take(ARGUMENTS).map(|member| {
        let text = format!("\"{}\": {}", member.name, short(schema, member.ty));
        if member.optional { format!("[{text}]") } else { text }
    });
    Some(written.collect::<Vec<_>>().join(", "))
}

/// Returns the command that a message with these members has.
fn command_of<'a>(members: &'a [(Path, Value)], context: Context<'a>) -> Option<CommandContext<'a>> {
    let name = members.iter().find_map(|(path, value)| match (path.as_slice(), value) {
        ([key], Value::Text(name)) if key.text == "execute" || key.text == "exec-oob" => Some(name),
        _ => None,
    })?;
    let own = members.iter().filter(|(path, _)| path.first().is_some_and(|part| part.text == "arguments"));
    Some(CommandContext::of(name, false, own.map(|(path, value)| (&path[1..], Some(value))), context))
}

/// Returns the names of the members that the object there can have.
fn keys<'a>(command: &CommandContext<'a>, path: &'a [KeyPart], typed: &str) -> Vec<Item> {
    let at = command.find(path);
    let Some(schema) = command.schema() else { return Vec::new() };
    let members = arguments::members(command, at, typed);
    let free = members.into_iter().filter(|member| !command.is_given(at, &member.name));
    free.map(|member| Item::new(&member.name, described(schema, member)).then(": ")).collect()
}

/// Returns the values of a member: strings, or outside a quote other JSON.
fn value<'a>(
    command: &CommandContext<'a>,
    key: &'a Key,
    quote: Option<char>,
    span: Span,
    line: &str,
) -> (Span, Style, Vec<Item>) {
    let (_, style, items) = values::items(command, key, ValuePlace::Quoted(quote.unwrap_or('"')), span, line);
    if quote.is_some() {
        return (span, style, plain(items));
    }
    if !items.is_empty() {
        return (span, Style::Json, plain(items));
    }
    let (_, style, items) = values::items(command, key, ValuePlace::Json, span, line);
    (span, style, plain(items))
}

/// Drops what follows a value elsewhere.
fn plain(items: Vec<Item>) -> Vec<Item> {
    items.into_iter().map(|item| item.then("")).collect()
}

type Path = Vec<KeyPart>;

/// A message, finished or not.
struct Read {
    cursor: Cursor,
    /// The values that are no objects or lists, but the one at the cursor.
    members: Vec<(Path, Value)>,
}

/// Where the cursor stands.
struct Cursor {
    /// The keys and indices around it; for a value with its own.
    path: Path,
    expects: Expects,
    /// The quote that is open.
    quote: Option<char>,
    /// Where the text at the cursor begins.
    start: usize,
}

/// What can stand at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    Key,
    Value,
    /// A colon, a comma or the end.
    Mark,
}

/// An object or a list around a place, with what it expects there.
struct Level {
    /// The key or the index at hand.
    part: Option<KeyPart>,
    is_list: bool,
    expects: Expects,
    index: usize,
}

impl Level {
    fn object() -> Self {
        Self { part: None, is_list: false, expects: Expects::Key, index: 0 }
    }

    fn list() -> Self {
        Self { part: Some(part("0".to_owned(), false)), is_list: true, expects: Expects::Value, index: 0 }
    }

    fn comma(&mut self) {
        if self.is_list {
            self.index += 1;
            *self = Self { part: Some(part(self.index.to_string(), false)), index: self.index, ..Self::list() };
        } else {
            *self = Self::object();
        }
    }
}

impl Read {
    fn new(line: &str, message: Span, at: usize) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        let (mut cursor, mut members) = (None, Vec::new());
        let mut place = message.start;
        while let Some(byte) = line.as_bytes()[..message.end].get(place).copied() {
            let start = place;
            if start >= at && cursor.is_none() {
                cursor = Some(here(&levels, None, at));
            }
            place += 1;
            match byte {
                b'{' => levels.push(Level::object()),
                b'[' => levels.push(Level::list()),
                b'}' | b']' => {
                    levels.pop();
                    done(&mut levels);
                }
                b',' => {
                    if let Some(level) = levels.last_mut() {
                        level.comma();
                    }
                }
                b':' => {
                    if let Some(level) = levels.last_mut() {
                        level.expects = Expects::Value;
                    }
                }
                b'"' | b'\'' => {
                    place = string_end(line, start).min(message.end);
                    let is_closed = place > start + 1 && line.as_bytes()[place - 1] == byte;
                    let content = Span::new(start + 1, if is_closed { place - 1 } else { place });
                    let quote = char::from(byte);
                    if cursor.is_none() && (content.start..=content.end).contains(&at) {
                        cursor = Some(here(&levels, Some(quote), content.start));
                        done(&mut levels);
                        continue;
                    }
                    let text = Style::Quoted(quote).decoded(content.of(line));
                    match levels.last_mut() {
                        Some(level) if level.expects == Expects::Key => {
                            *level = Level { part: Some(part(text, true)), expects: Expects::Mark, ..Level::object() };
                        }
                        _ => {
                            members.push((path(&levels), Value::Text(text)));
                            done(&mut levels);
                        }
                    }
                }
                byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                    let rest = &line[start..message.end];
                    place =
                        start + rest.find(|c: char| !c.is_alphanumeric() && !"+-._".contains(c)).unwrap_or(rest.len());
                    if cursor.is_none() && (start..=place).contains(&at) {
                        cursor = Some(here(&levels, None, start));
                    } else {
                        members.push((path(&levels), Value::Plain(line[start..place].to_owned())));
                    }
                    done(&mut levels);
                }
                _ => {}
            }
        }
        Self { cursor: cursor.unwrap_or_else(|| here(&levels, None, at)), members }
    }
}

/// Notes that a value has ended.
fn done(levels: &mut [Level]) {
    if let Some(level) = levels.last_mut() {
        level.expects = Expects::Mark;
    }
}

fn here(levels: &[Level], quote: Option<char>, start: usize) -> Cursor {
    let expects = levels.last().map_or(Expects::Mark, |level| level.expects);
    Cursor { path: path(levels), expects, quote, start }
}

fn path(levels: &[Level]) -> Path {
    levels.iter().filter_map(|level| level.part.clone()).collect()
}

fn part(text: String, quoted: bool) -> KeyPart {
    KeyPart { text, quoted, span: Span::default() }
}
