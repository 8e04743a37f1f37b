//! The shell's own commands, which begin with a dot, and their words.

use super::choose::{Offer, Style};
use super::values::{files, hmp_values, hmp_word, named};
use super::{Peer, Question};
use crate::language::syntax::Span;
use crate::schema::{Member, Schema};

/// One of the shell's own commands.
#[derive(Clone, Copy, Debug)]
pub struct OwnCommand<'a> {
    /// Its name, without the dot.
    pub name: &'a str,
    /// What follows, as a hint shows it: options are `[NAME=VALUE]`, a choice is `a|b`.
    pub words: &'a str,
    /// What it does, on one line.
    pub about: &'a str,
}

impl<'a> OwnCommand<'a> {
    /// Its options, each with what is said of its value.
    fn options(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let options =
            self.words.split(' ').filter_map(|word| word.strip_prefix('[')?.strip_suffix(']')?.split_once('='));
        options.filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()))
    }

    /// What its words are, besides options.
    fn takes(self) -> Takes {
        match self.name {
            "help" => Takes::Name,
            "commands" => Takes::Commands,
            "events" => Takes::EventFilter,
            "wait" | "follow" => Takes::Event,
            "job" => Takes::Job,
            "hmp" => Takes::Hmp,
            "source" | "fd" | "monitor" => Takes::File,
            "log" => Takes::FileOrOff,
            // Such as `on|off`.
            _ if is_choice(self.words) => Takes::Choice,
            _ => Takes::Nothing,
        }
    }
}

/// What the words of a dot command are, besides its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
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
    /// One of those that `words` lists.
    Choice,
}

/// What this lists, without the brackets of what may be left out.
fn listed(words: &str) -> &str {
    words.strip_prefix('[').and_then(|words| words.strip_suffix(']')).unwrap_or(words)
}

/// Whether this lists all that there can be.
fn is_choice(words: &str) -> bool {
    words.contains('|') && listed(words).chars().all(|c| c.is_ascii_lowercase() || c == '|')
}

fn choice(words: &str) -> Vec<Offer> {
    let words = listed(words).split('|').filter(|_| is_choice(words));
    words.map(|word| Offer::new(word, "").then(" ")).collect()
}

/// Their names, as they are typed.
pub(super) fn names(peer: Peer<'_>) -> Vec<Offer> {
    let offers = peer.own.iter().map(|own| {
        let offer = Offer::new(&format!(".{}", own.name), own.about);
        if own.words.is_empty() { offer } else { offer.then(" ") }
    });
    offers.collect()
}

/// The one of this name.
pub(super) fn find<'a>(peer: Peer<'a>, name: &str) -> Option<OwnCommand<'a>> {
    peer.own.iter().copied().find(|own| own.name == name)
}

/// The words that can stand at `span`, after `before`.
pub(super) fn words(
    peer: Peer<'_>,
    name: &str,
    before: &[String],
    span: Span,
    line: &str,
) -> (Span, Style, Vec<Offer>) {
    let Some(own) = find(peer, name) else { return (span, Style::Bare, Vec::new()) };
    let (typed, takes) = (span.of(line), own.takes());
    if takes == Takes::Hmp {
        let word = hmp_word(typed);
        let span = Span::new(span.end - word.len(), span.end);
        return (span, Style::Bare, named(hmp_values(peer, typed)));
    }
    if let Some((option, value)) = typed.split_once('=') {
        let span = Span::new(span.end - value.len(), span.end);
        return (span, Style::Plain, option_values(peer, own, before, option));
    }
    let first = before.iter().find(|word| !word.contains('='));
    let (at, style, mut offers) = match (takes, first) {
        (Takes::Event, Some(event)) if name == "wait" => (span, Style::Bare, data_of(peer, event)),
        // The names of several events are separated by bars.
        (Takes::Event, _) => {
            let last = typed.rsplit('|').next().unwrap_or_default();
            (Span::new(span.end - last.len(), span.end), Style::Bare, events(peer))
        }
        (Takes::EventFilter, _) => (span, Style::Bare, plain_words(peer, own)),
        (_, Some(_)) => return (span, Style::Bare, Vec::new()),
        (Takes::File | Takes::FileOrOff, None) => (span, Style::Plain, files(peer, typed)),
        (_, None) => (span, Style::Bare, plain_words(peer, own)),
    };
    if takes == Takes::FileOrOff {
        offers.push(Offer::new("off", "").then(" "));
    }
    if at == span && first.is_none() {
        let is_free = |(option, _): &(&str, &str)| !before.iter().any(|word| word.split('=').next() == Some(option));
        let option = |(option, _): (&str, &str)| Offer::new(option, "optional").then("=").called(format!("{option}="));
        offers.extend(own.options().filter(is_free).map(option));
    }
    (at, style, offers)
}

fn plain_words(peer: Peer<'_>, own: OwnCommand<'_>) -> Vec<Offer> {
    match own.takes() {
        Takes::Name => {
            let mut offers = commands(peer);
            offers.extend(events(peer));
            offers.extend(peer.own.iter().map(|own| Offer::new(own.name, own.about).called(format!(".{}", own.name))));
            offers
        }
        Takes::Commands => commands(peer),
        Takes::EventFilter => {
            let mut offers = choice("on|off");
            offers.extend(events(peer));
            offers
        }
        Takes::Job => named(peer.live.values(&Question::Jobs)),
        Takes::Choice => choice(own.words),
        Takes::Nothing | Takes::Event | Takes::Hmp | Takes::File | Takes::FileOrOff => Vec::new(),
    }
}

fn commands(peer: Peer<'_>) -> Vec<Offer> {
    let commands = peer.schema.map(Schema::commands).unwrap_or_default();
    commands.iter().map(|command| Offer::new(&command.name, "command")).collect()
}

fn events(peer: Peer<'_>) -> Vec<Offer> {
    let events = peer.schema.map(Schema::events).unwrap_or_default();
    events.iter().map(|event| Offer::new(&event.name, super::marks(&event.features) + "event")).collect()
}

/// The members of the data of the first of these events that is known.
fn data<'a>(peer: Peer<'a>, events: &str) -> Vec<&'a Member> {
    let Some(schema) = peer.schema else { return Vec::new() };
    let data = events.split('|').find_map(|name| schema.event(name)?.data);
    data.map(|data| schema.members(data, &|_| None)).unwrap_or_default()
}

fn data_of(peer: Peer<'_>, events: &str) -> Vec<Offer> {
    let Some(schema) = peer.schema else { return Vec::new() };
    let offer = |member: &Member| {
        let about = super::place::described(schema, member);
        Offer::new(&member.name, about).then("=").called(format!("{}=", member.name))
    };
    data(peer, events).into_iter().map(offer).collect()
}

fn option_values(peer: Peer<'_>, own: OwnCommand<'_>, before: &[String], option: &str) -> Vec<Offer> {
    let first = before.iter().find(|word| !word.contains('='));
    match (own.options().find(|(name, _)| *name == option), first) {
        (_, Some(event)) if own.name == "wait" => {
            let member = data(peer, event).into_iter().find(|member| *member.name == *option);
            let values = peer.schema.zip(member).and_then(|(schema, member)| schema.enum_values(member.ty));
            values.unwrap_or_default().iter().map(|value| Offer::new(&value.name, "").then(" ")).collect()
        }
        (Some((_, "EVENT")), _) => events(peer),
        (Some((_, value)), _) => choice(value),
        (None, _) => Vec::new(),
    }
}
