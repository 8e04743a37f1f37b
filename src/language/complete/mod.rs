//! What can stand at the cursor, as a person at the keyboard wants it: candidates, hints, colors. No I/O.
//!
//! [`crate::language::syntax`] says what the language expects at a place, [`crate::schema`] what the peer has for it, and [`Live`] what exists
//! there at this moment. [`complete`] makes candidates of these, [`hint`] says what is still to come, and [`colors`] what each part of the
//! line is. All three take a [`Reading`], which has the words of a text as it is, unfinished or wrong; a [`Reader`] makes one for all of
//! them, so each key reads the line once.
//!
//! `place` has the arguments of the command at the cursor and their types, found in a `tree` of their keys; `arguments`, `values` and `own` what can stand there, `live`
//! has the table of which argument takes which live values, `choose` compares with what was typed and quotes.
//!
//! Names come from the peer and may be anything: what is shown is escaped, and what goes into the line is quoted so that it holds
//! nothing that drives a terminal, or left out.

mod arguments;
mod choose;
mod color;
mod hint;
mod live;
mod own;
mod place;
mod reading;
#[cfg(test)]
mod tests;
mod tree;
mod values;

pub use color::{Color, colors};
pub use hint::hint;
pub use live::{Live, LiveValue, Nothing, Question};
pub use own::OwnCommand;
pub use reading::{Reader, Reading};

use crate::language::syntax::{Expected, Span, expected_at};
use crate::schema::{Command, Features, Schema};
use choose::{Offer, Style, choose};

/// What is known about the peer.
#[derive(Clone, Copy)]
pub struct Peer<'a> {
    /// What it can do, if it has said so.
    pub schema: Option<&'a Schema>,
    /// What exists there.
    pub live: &'a dyn Live,
    /// The shell's own commands.
    pub own: &'a [OwnCommand<'a>],
}

impl std::fmt::Debug for Peer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("schema", &self.schema.is_some()).finish_non_exhaustive()
    }
}

/// What can stand at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// What is replaced: it ends at the cursor.
    pub span: Span,
    /// What to put there; `None` if nothing more is certain than what stands there.
    pub text: Option<String>,
    /// All that it can become. Safe to show.
    pub candidates: Vec<Candidate>,
}

/// One thing that can stand at a place. Safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it is called in a list.
    pub name: String,
    /// In a few words, what it is; may be empty.
    pub about: String,
}

/// What can stand at `cursor`, a byte offset, in a text of one line or more.
pub fn complete(reading: &Reading, cursor: usize, peer: Peer<'_>) -> Completion {
    let (start, line, outline) = reading.at(cursor);
    let at = cursor.min(start + line.len()) - start;
    let words = &outline.words;
    let (span, style, offers) = match expected_at(line, at) {
        Expected::Nothing | Expected::Argument { name: None, .. } => return Completion::default(),
        Expected::Command { span, action } => (span, Style::Bare, commands(peer, span.of(line), action)),
        Expected::DotCommand { span } => (span, Style::Bare, own::names(peer)),
        Expected::DotWord { command, words, span } => own::words(peer, &command, &words, span, line),
        Expected::Argument { target, name: Some(name), .. } => {
            let offers = arguments::names(peer, &place::Arguments::at(words, at, &target, peer), &name);
            (name.last.span, Style::key(&name.last), offers)
        }
        Expected::Value { target, key, place, span } => {
            let arguments = place::Arguments::at(words, at, &target, peer);
            values::offers(peer, &arguments, &key, place, span, line)
        }
    };
    let mut completion = choose(line, span, style, offers);
    completion.span = Span::new(start + completion.span.start, start + completion.span.end);
    completion
}

/// The same in a line of the human monitor, unless it begins with a dot.
pub fn complete_hmp(text: &str, cursor: usize, peer: Peer<'_>) -> Completion {
    let cursor = cursor.min(text.len());
    let start = text.get(..cursor).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let Some(typed) = text.get(start..cursor) else { return Completion::default() };
    if typed.starts_with('.') {
        return complete(&Reading::new(text), cursor, peer);
    }
    let span = Span::new(cursor - values::hmp_word(typed).len(), cursor);
    choose(text, span, Style::Bare, values::named(values::hmp_values(peer, typed)))
}

fn commands(peer: Peer<'_>, typed: &str, action: bool) -> Vec<Offer> {
    let Some(schema) = peer.schema else { return if typed.is_empty() { own::names(peer) } else { Vec::new() } };
    if action {
        let about = |name: &str| schema.action(name).map(|ty| place::signature(schema, ty)).unwrap_or_default();
        return schema.actions().map(|name| Offer::new(name, about(name)).then(" ")).collect();
    }
    let mut offers: Vec<_> = schema.commands().iter().map(|command| command_offer(schema, command)).collect();
    if schema.command("transaction").is_some() {
        offers.push(Offer::new("transaction(", "actions that are done together or not at all"));
    }
    offers
}

/// A command with its arguments.
fn command_offer(schema: &Schema, command: &Command) -> Offer {
    let mut about = marks(&command.features);
    if !command.enabled {
        about.push_str("disabled ");
    }
    if let Some(arguments) = command.arguments {
        about.push_str(&place::signature(schema, arguments));
    }
    Offer::new(&command.name, about).then(" ")
}

/// What a person should know before using it, with a space behind.
fn marks(features: &Features) -> String {
    let mut marks = String::new();
    if features.is_deprecated() {
        marks.push_str("deprecated ");
    }
    if features.is_unstable() {
        marks.push_str("unstable ");
    }
    marks
}
