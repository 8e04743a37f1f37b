//! What was typed to what is sent: [`crate::language::syntax`] to [`Request`]. No I/O of its own: see [`Sources`].
//!
//! [`Types`] is the one place that decides what an unquoted value is: [`Untyped`] by its spelling alone, as qmp-shell does, [`Typed`]
//! by the schema. [`Needs`] says what must be asked from the peer before a line can be typed, which for most lines is nothing.

mod builder;
mod error;
mod given;
mod hints;
mod limits;
mod needs;
mod resend;
mod scalar;
#[cfg(test)]
mod tests;
mod typed;
#[cfg(test)]
mod typed_tests;
mod values;

use std::io;

use crate::language::syntax::{Argument, Command, Invocation, JsonLine, Key, Span, Transaction, Value, push_string};
use crate::message::Request;
use builder::Builder;
pub use error::{TypingError, TypingErrorKind};
pub use given::Given;
pub(crate) use given::text_of;
pub use hints::{can_teach, hints, nested_properties};
pub use needs::{Needs, Property};
pub use resend::Resend;
use resend::Word;
pub use scalar::could_mean_two_things;
pub use typed::Typed;

/// Where values come from that do not stand in the line.
pub trait Sources {
    /// All of a file: `KEY=@FILE`.
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>>;
    /// All of standard input: `KEY=@-`.
    fn stdin(&mut self) -> io::Result<Vec<u8>>;
    /// One line of a person, asked without echo: `KEY=@?`. `prompt` is the key.
    fn secret(&mut self, prompt: &str) -> io::Result<String>;
}

/// Where an argument stands in a message.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The command, or the action of a transaction.
    pub command: &'a str,
    /// Whether it is an action.
    pub action: bool,
    /// The key.
    pub key: &'a Key,
    /// All arguments of the command, this one among them.
    pub given: &'a Given<'a>,
}

impl Place<'_> {
    /// Whether this is an argument of `device_add`, which takes any property of the device.
    fn is_device_add(self) -> bool {
        self.command == "device_add" && !self.action
    }

    /// Whether this is the `value` of `qom-set`, which has the type of the property.
    fn is_property_value(self) -> bool {
        self.command == "qom-set" && !self.action && self.key.parts.len() == 1 && self.key.parts[0].text == "value"
    }
}

/// What a part of a key is to the parts before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The name of a member.
    Member,
    /// An index, if the keys make a list; else the name of a member.
    Element,
    /// The rest of the name before it: the dot between them does not separate.
    Joined,
}

/// What the arguments of commands are.
pub trait Types {
    /// What the parts of this key are; those left out at the end are members.
    fn roles(&self, place: Place<'_>) -> Vec<Role>;
    /// The JSON of an unquoted value, added to `out`.
    fn value(&self, place: Place<'_>, text: &str, out: &mut String);
    /// Whether only the peer knows the type of this argument, so that its refusal is worth learning from.
    fn is_untyped(&self, place: Place<'_>) -> bool;
}

/// Without a schema: JSON's integers, and true and false in any case, are what they look like, and all else is a string, as in qmp-shell.
/// Keys from 0 to n-1 make a list.
///
/// The arguments of `device_add` are all strings, as with `-device`, and only lists split their keys: CPUs have `sse4.1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untyped;

impl Types for Untyped {
    fn roles(&self, place: Place<'_>) -> Vec<Role> {
        if place.key.parts.len() == 1 {
            return Vec::new();
        }
        let elements = place.given.elements(place.key);
        let is_element = |n: usize| elements.get(n).copied().unwrap_or_default();
        let mut name = if place.is_device_add() { Role::Joined } else { Role::Member };
        let roles = (0..place.key.parts.len()).map(|n| {
            if is_element(n) {
                name = Role::Member;
                return Role::Element;
            }
            name
        });
        roles.collect()
    }

    fn value(&self, place: Place<'_>, text: &str, out: &mut String) {
        if place.is_device_add() {
            push_string(out, text);
        } else {
            scalar::push_untyped(out, text);
        }
    }

    fn is_untyped(&self, _: Place<'_>) -> bool {
        true
    }
}

/// The message that `invocation` stands for, and what can be learned if the peer refuses it. Files are read, and secrets asked for, in the
/// order of the arguments.
///
/// ```
/// use qmpsh::language::syntax::{Statement, parse};
/// use qmpsh::language::typing::{Sources, Untyped, request};
///
/// struct Nothing;
/// impl Sources for Nothing {
///     fn file(&mut self, _: &str) -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) }
///     fn stdin(&mut self) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
///     fn secret(&mut self, _: &str) -> std::io::Result<String> { Err(std::io::ErrorKind::Unsupported.into()) }
/// }
///
/// let line = parse("block_resize node-name=n0 size=1024").unwrap().unwrap();
/// let Statement::Invoke(invocation) = line.statement else { panic!() };
/// let (request, _) = request(&invocation, &Untyped, &mut Nothing).unwrap();
/// assert_eq!(request.text, r#"{"execute":"block_resize","arguments":{"node-name":"n0","size":1024}}"#);
/// ```
pub fn request(
    invocation: &Invocation,
    types: &dyn Types,
    sources: &mut dyn Sources,
) -> Result<(Request, Option<Box<Resend>>), TypingError> {
    let ((request, resend), span) = match invocation {
        Invocation::Command(command) => (command_request(command, types, sources)?, command.name.span),
        Invocation::Transaction(transaction) => {
            ((transaction_request(transaction, types, sources)?, None), transaction.span)
        }
        Invocation::Json(line) => ((json_request(line)?, None), line.span),
    };
    limits::check(&request.text, span)?;
    Ok((request, resend))
}

fn head(name: &str, span: Span, out_of_band: bool) -> Result<String, TypingError> {
    // Room for all of it, if there are no arguments.
    let mut text = String::with_capacity(name.len() + 16);
    text.push_str(if out_of_band { "{\"exec-oob\":" } else { "{\"execute\":" });
    error::check_characters(name, span)?;
    push_string(&mut text, name);
    Ok(text)
}

/// Ends the message that `head` began.
fn finish(mut text: String, name: &str, arguments: Option<&str>) -> Request {
    if let Some(arguments) = arguments {
        text.push_str(",\"arguments\":");
        text.push_str(arguments);
    }
    text.push('}');
    let command = name.to_owned();
    Request { text, command, out_of_band: false, own_id: None, hmp_line: None, descriptor: None }
}

fn command_request(
    command: &Command,
    types: &dyn Types,
    sources: &mut dyn Sources,
) -> Result<(Request, Option<Box<Resend>>), TypingError> {
    let head = head(&command.name.text, command.name.span, false)?;
    if command.arguments.is_empty() {
        return Ok((finish(head, &command.name.text, None), None));
    }
    // Within the message's braces.
    let mut builder = Builder::new(1);
    let words = add_all(&mut builder, command, false, &command.arguments, types, sources)?;
    let request = finish(head, &command.name.text, Some(&builder.text()));
    Ok((request, Resend::new(builder, words, command.arguments.len())))
}

/// Adds arguments, and gives those whose type only the peer knows.
fn add_all(
    builder: &mut Builder,
    command: &Command,
    action: bool,
    arguments: &[Argument],
    types: &dyn Types,
    sources: &mut dyn Sources,
) -> Result<Vec<Word>, TypingError> {
    let given = Given::new(arguments);
    let mut words = Vec::new();
    for argument in arguments {
        let place = Place { command: &command.name.text, action, key: &argument.key, given: &given };
        let json = values::json(argument, place, types, sources)?;
        let roles = types.roles(place);
        let leaf = builder.add(&argument.key, &roles, json)?;
        if let Value::Plain(text) = &argument.value
            && types.is_untyped(place)
        {
            words.push(Word::new(place, &roles, text, leaf));
        }
    }
    Ok(words)
}

/// As qmp-shell makes it: each action is its name and its arguments. Source: `TransactionAction` in QEMU's `qapi/transaction.json`.
fn transaction_request(
    transaction: &Transaction,
    types: &dyn Types,
    sources: &mut dyn Sources,
) -> Result<Request, TypingError> {
    const NAME: &str = "transaction";
    let mut actions = String::from("[");
    for action in &transaction.actions {
        // Within the message, `arguments`, `actions` and the action.
        let mut data = Builder::new(4);
        add_all(&mut data, action, true, &action.arguments, types, sources)?;
        actions.push_str(if actions.len() > 1 { ",{\"type\":" } else { "{\"type\":" });
        error::check_characters(&action.name.text, action.name.span)?;
        push_string(&mut actions, &action.name.text);
        actions.push_str(",\"data\":");
        actions.push_str(&data.text());
        actions.push('}');
    }
    actions.push(']');
    let mut builder = Builder::new(1);
    builder.add_first("actions", actions);
    let name = crate::language::syntax::Text { text: NAME.into(), span: transaction.span };
    let this = Command { name, arguments: Vec::new() };
    add_all(&mut builder, &this, false, &transaction.properties, types, sources)?;
    Ok(finish(head(NAME, transaction.span, false)?, NAME, Some(&builder.text())))
}

fn json_request(line: &JsonLine) -> Result<Request, TypingError> {
    let head = head(&line.name.text, line.name.span, line.out_of_band)?;
    let arguments = line.arguments.as_ref().filter(|arguments| !arguments.is_empty_object());
    let request = finish(head, &line.name.text, arguments.map(crate::language::syntax::JsonText::as_str));
    let own_id = line.id.as_ref().map(|id| id.as_str().to_owned());
    Ok(Request { out_of_band: line.out_of_band, own_id, ..request })
}
