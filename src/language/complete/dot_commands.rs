//! The built-in commands, which begin with a dot, and their words.

use super::context::{BuiltinCommand, Context};
use super::describe::{described, marks};
use super::item::{Item, Style};
use super::live::Question;
use super::values::{files, hmp_values, hmp_word, named};
use crate::language::syntax::Span;
use crate::schema::{Member, Schema};

impl<'a> BuiltinCommand<'a> {
    /// Returns its options, each with the description of its value.
    fn options(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let options =
            self.words.split(' ').filter_map(|word| word.strip_prefix('[')?.strip_suffix(']')?.split_once('='));
        options.filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()))
    }

    /// Returns what its words are, besides options.
    fn kind(self) -> WordKind {
        match self.name {
            "help" => WordKind::Name,
            "commands" => WordKind::Commands,
            "events" => WordKind::EventFilter,
            "wait" | "follow" => WordKind::Event,
            "job" => WordKind::Job,
            "hmp" => WordKind::Hmp,
            "source" | "fd" | "monitor" => WordKind::File,
            "log" => WordKind::FileOrOff,
            // Such as `on|off`.
            _ if is_choice(self.words) => WordKind::Choice,
            _ => WordKind::Nothing,
        }
    }
}

/// What the words of a dot command are, besides its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WordKind {
    Nothing,
    /// The name of a command, an event or a dot command.
    Name,
    Commands,
    Event,
    EventFilter,
    Job,
    Hmp,
    File,
    FileOrOff,
    /// One of those that the usage lists.
    Choice,
}

/// Strips the brackets of what may be left out.
fn listed(words: &str) -> &str {
    words.strip_prefix('[').and_then(|words| words.strip_suffix(']')).unwrap_or(words)
}

/// Whether `words` lists every possible word, such as `on|off`.
fn is_choice(words: &str) -> bool {
    words.contains('|') && listed(words).chars().all(|c| c.is_ascii_lowercase() || c == '|')
}

fn choice(words: &str) -> Vec<Item> {
    let words = listed(words).split('|').filter(|_| is_choice(words));
    words.map(|word| Item::new(word, "").then(" ")).collect()
}

/// Returns the names of all built-in commands, with their dots.
pub(super) fn names(context: Context<'_>) -> Vec<Item> {
    let items = context.builtins.iter().map(|builtin| {
        let then = if builtin.words.is_empty() { "" } else { " " };
        Item::new(&format!(".{}", builtin.name), builtin.about).then(then)
    });
    items.collect()
}

/// Finds the built-in command of this name.
pub(super) fn find<'a>(context: Context<'a>, name: &str) -> Option<BuiltinCommand<'a>> {
    context.builtins.iter().copied().find(|builtin| builtin.name == name)
}

/// Returns the words that can stand at `span`, after `before`.
pub(super) fn words(
    context: Context<'_>,
    name: &str,
    before: &[String],
    span: Span,
    line: &str,
) -> (Span, Style, Vec<Item>) {
    let Some(builtin) = find(context, name) else { return (span, Style::Bare, Vec::new()) };
    let (typed, kind) = (span.of(line), builtin.kind());
    if kind == WordKind::Hmp {
        let word = hmp_word(typed);
        let span = Span::new(span.end - word.len(), span.end);
        return (span, Style::Bare, named(hmp_values(context, typed)));
    }
    if let Some((option, value)) = typed.split_once('=') {
        let span = Span::new(span.end - value.len(), span.end);
        return (span, Style::Plain, option_values(context, builtin, before, option));
    }
    let first = before.iter().find(|word| !word.contains('='));
    let (at, style, mut items) = match (kind, first) {
        (WordKind::Event, Some(event)) if name == "wait" => (span, Style::Bare, data_of(context, event)),
        // The names of several events are separated by bars.
        (WordKind::Event, _) => {
            let last = typed.rsplit('|').next().unwrap_or_default();
            (Span::new(span.end - last.len(), span.end), Style::Bare, events(context))
        }
        (WordKind::EventFilter, _) => (span, Style::Bare, plain_words(context, builtin)),
        (_, Some(_)) => return (span, Style::Bare, Vec::new()),
        (WordKind::File | WordKind::FileOrOff, None) => (span, Style::Plain, files(context, typed)),
        (_, None) => (span, Style::Bare, plain_words(context, builtin)),
    };
    if kind == WordKind::FileOrOff {
        items.push(Item::new("off", "").then(" "));
    }
    if at == span && first.is_none() {
        let is_free = |(option, _): &(&str, &str)| !before.iter().any(|word| word.split('=').next() == Some(option));
        let option = |(option, _): (&str, &str)| Item::new(option, "optional").then("=").called(format!("{option}="));
        items.extend(builtin.options().filter(is_free).map(option));
    }
    (at, style, items)
}

fn plain_words(context: Context<'_>, builtin: BuiltinCommand<'_>) -> Vec<Item> {
    match builtin.kind() {
        WordKind::Name => {
            let mut items = commands(context);
            items.extend(events(context));
            items.extend(
                context
                    .builtins
                    .iter()
                    .map(|builtin| Item::new(builtin.name, builtin.about).called(format!(".{}", builtin.name))),
            );
            items
        }
        WordKind::Commands => commands(context),
        WordKind::EventFilter => {
            let mut items = choice("on|off");
            items.extend(events(context));
            items
        }
        WordKind::Job => named(context.live.values(&Question::Jobs)),
        WordKind::Choice => choice(builtin.words),
        WordKind::Nothing | WordKind::Event | WordKind::Hmp | WordKind::File | WordKind::FileOrOff => Vec::new(),
    }
}

fn commands(context: Context<'_>) -> Vec<Item> {
    let commands = context.schema.map(Schema::commands).unwrap_or_default();
    commands.iter().map(|command| Item::new(&command.name, "command")).collect()
}

fn events(context: Context<'_>) -> Vec<Item> {
    let events = context.schema.map(Schema::events).unwrap_or_default();
    events.iter().map(|event| Item::new(&event.name, marks(&event.features) + "event")).collect()
}

/// Returns the members of the data of the first known one of these events.
fn data<'a>(context: Context<'a>, events: &str) -> Vec<&'a Member> {
    let Some(schema) = context.schema else { return Vec::new() };
    let data = events.split('|').find_map(|name| schema.event(name)?.data);
    data.map(|data| schema.members(data, &|_| None)).unwrap_or_default()
}

fn data_of(context: Context<'_>, events: &str) -> Vec<Item> {
    let Some(schema) = context.schema else { return Vec::new() };
    let item = |member: &Member| {
        let about = described(schema, member);
        Item::new(&member.name, about).then("=").called(format!("{}=", member.name))
    };
    data(context, events).into_iter().map(item).collect()
}

fn option_values(context: Context<'_>, builtin: BuiltinCommand<'_>, before: &[String], option: &str) -> Vec<Item> {
    let first = before.iter().find(|word| !word.contains('='));
    match (builtin.options().find(|(name, _)| *name == option), first) {
        (_, Some(event)) if builtin.name == "wait" => {
            let member = data(context, event).into_iter().find(|member| *member.name == *option);
            let values = context.schema.zip(member).and_then(|(schema, member)| schema.enum_values(member.ty));
            values.unwrap_or_default().iter().map(|value| Item::new(&value.name, "").then(" ")).collect()
        }
        (Some((_, "EVENT")), _) => events(context),
        (Some((_, value)), _) => choice(value),
        (None, _) => Vec::new(),
    }
}
