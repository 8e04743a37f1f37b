//! The built-in commands, which begin with a dot, and their words.

use super::context::{BuiltinCommand, Context, Takes};
use super::describe::{described, marks};
use super::item::{Item, Style};
use super::live::Question;
use super::values::{addresses, files, hmp_values, hmp_word, named, objects, paths};
use crate::language::syntax::Span;
use crate::schema::{Member, Schema};

impl<'a> BuiltinCommand<'a> {
    /// Returns its options, each with the description of its value.
    fn options(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let options =
            self.words.split(' ').filter_map(|word| word.strip_prefix('[')?.strip_suffix(']')?.split_once('='));
        options.filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()))
    }

    /// Returns the words that its usage lists for the argument behind `place` others, such as `on` and `off` of `[on|off|EVENT...]`.
    fn listed(self, place: usize) -> Vec<Item> {
        let word = self.words.split(' ').filter(|word| !word.contains('=')).nth(place).unwrap_or_default();
        choices(word.trim_start_matches('[').trim_end_matches(']'))
    }
}

/// Returns those of the alternatives that are words, such as `on` of `on|EVENT`.
fn choices(alternatives: &str) -> Vec<Item> {
    let is_word = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    alternatives.split('|').filter(is_word).map(|word| Item::new(word, "").then(" ")).collect()
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
    let typed = span.of(line);
    if builtin.takes == Takes::HmpLine {
        let word = hmp_word(typed);
        let span = Span::new(span.end - word.len(), span.end);
        return (span, Style::Bare, named(hmp_values(context, typed)));
    }
    if let Some((option, value)) = typed.split_once('=') {
        let span = Span::new(span.end - value.len(), span.end);
        return (span, Style::Plain, option_values(context, builtin, before, option));
    }
    let place = before.iter().filter(|word| !word.contains('=')).count();
    let first = before.iter().find(|word| !word.contains('='));
    let mut style = Style::Bare;
    let mut at = span;
    let mut items = match (builtin.takes, first) {
        (Takes::EventAndData, Some(event)) => data_of(context, event),
        (Takes::Job, Some(_)) => Vec::new(),
        (Takes::Events, _) => {
            // A minus excludes an event.
            at.start += usize::from(typed.starts_with('-'));
            if at == span { [builtin.listed(0), events(context)].concat() } else { events(context) }
        }
        (Takes::EventAndData, _) => {
            // Bars separate the names of several events.
            at.start += typed.rfind('|').map_or(0, |bar| bar + 1);
            awaited(context)
        }
        (Takes::Keys, _) => {
            at.start += typed.rfind('-').map_or(0, |minus| minus + 1);
            let names = context.schema.and_then(Schema::key_names).unwrap_or_default();
            names.into_iter().map(|name| Item::new(name, "")).collect()
        }
        (Takes::Listed, _) => builtin.listed(place),
        (Takes::Show, Some(view)) if place == 1 => {
            style = Style::Plain;
            in_view(context, view, typed)
        }
        (_, Some(_)) => return (span, style, Vec::new()),
        (Takes::Name, None) => [builtin.listed(0), commands(context), events(context), bare_names(context)].concat(),
        (Takes::Command, None) => commands(context),
        (Takes::Job, None) => named(context.live.values(&Question::Jobs)),
        (Takes::File, None) => {
            style = Style::Plain;
            [files(context, typed), builtin.listed(0)].concat()
        }
        (Takes::Address, None) => {
            style = Style::Plain;
            if let Some(path) = typed.strip_prefix("unix:") {
                at.start = at.end - path.len();
            }
            addresses(context, at.of(line))
        }
        (Takes::Descriptor, None) => {
            style = Style::Plain;
            if ["ro:", "wo:"].iter().any(|mode| typed.starts_with(mode)) {
                at.start += "ro:".len();
            }
            files(context, at.of(line))
        }
        (Takes::HmpLine | Takes::Show, None) => builtin.listed(0),
    };
    let options_may_follow = matches!(builtin.takes, Takes::Job | Takes::Events | Takes::EventAndData);
    if at == span && (first.is_none() || options_may_follow) {
        let is_free = |(option, _): &(&str, &str)| !before.iter().any(|word| word.split('=').next() == Some(option));
        let option = |(option, _): (&str, &str)| Item::new(option, "optional").then("=").called(format!("{option}="));
        items.extend(builtin.options().filter(is_free).map(option));
    }
    (at, style, items)
}

/// Returns the names of all built-in commands, without their dots.
fn bare_names(context: Context<'_>) -> Vec<Item> {
    let name =
        |builtin: &BuiltinCommand<'_>| Item::new(builtin.name, builtin.about).called(format!(".{}", builtin.name));
    context.builtins.iter().map(name).collect()
}

/// Returns the names that a view of `.show` has.
fn in_view(context: Context<'_>, view: &str, typed: &str) -> Vec<Item> {
    let of = |question: Question| named(context.live.values(&question));
    match view {
        "block" => [of(Question::Drives), of(Question::Nodes)].concat(),
        "chardevs" => of(Question::Chardevs),
        "net" => [of(Question::Netdevs), of(Question::Devices)].concat(),
        "pci" => of(Question::Devices),
        "memory" => [objects(context, "memory-backend"), of(Question::Devices)].concat(),
        "qom" => paths(context, typed),
        _ => Vec::new(),
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

/// Returns what `.wait` can wait for.
fn awaited(context: Context<'_>) -> Vec<Item> {
    [vec![Item::new("closed", "the end of the connection")], events(context)].concat()
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
        (Some((_, "EVENT")), _) => awaited(context),
        (_, Some(event)) if builtin.takes == Takes::EventAndData => {
            let member = data(context, event).into_iter().find(|member| *member.name == *option);
            let values = context.schema.zip(member).and_then(|(schema, member)| schema.enum_values(member.ty));
            values.unwrap_or_default().iter().map(|value| Item::new(&value.name, "").then(" ")).collect()
        }
        (Some((_, value)), _) => choices(value),
        (None, _) => Vec::new(),
    }
}
