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
mod retry;
mod scalar;
#[cfg(test)]
mod tests;
mod typed;
#[cfg(test)]
mod typed_tests;
mod values;

use std::io;

use crate::language::syntax::{Argument, Command, Invocation, JsonLine, Key, Span, Transaction, push_string};
use crate::message::Request;
use builder::Builder;
pub use error::{TypingError, TypingErrorKind};
pub use given::Given;
pub(crate) use given::text_of;
pub use hints::{can_teach, hints};
pub use needs::{Needs, Property};
pub use retry::Retry;
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

/// What the arguments of commands are.
pub trait Types {
    /// Whether the dots of this key separate; if not, the whole key is one name.
    fn splits(&self, place: Place<'_>) -> bool;
    /// Which parts of this key are indices of lists; what is left out at the end is none.
    fn indices(&self, place: Place<'_>) -> Vec<bool>;
    /// The JSON of an unquoted value, added to `out`.
    fn value(&self, place: Place<'_>, text: &str, out: &mut String);
}

/// Without a schema: JSON's integers, and true and false in any case, are what they look like, and all else is a string, as in qmp-shell.
///
/// The arguments of `device_add` are all strings, as with `-device`, and its keys are never split: QEMU would drop nested ones
/// without a word, and CPUs have `sse4.1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untyped;

impl Types for Untyped {
    fn splits(&self, place: Place<'_>) -> bool {
        !place.is_device_add()
    }

    fn indices(&self, _: Place<'_>) -> Vec<bool> {
        Vec::new()
    }

    fn value(&self, place: Place<'_>, text: &str, out: &mut String) {
        if place.is_device_add() {
            push_string(out, text);
        } else {
            scalar::push_untyped(out, text);
        }
    }
}

/// The message that `invocation` stands for. Files are read, and secrets asked for, in the order of the arguments.
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
/// let request = request(&invocation, &Untyped, &mut Nothing).unwrap();
/// assert_eq!(request.text, r#"{"execute":"block_resize","arguments":{"node-name":"n0","size":1024}}"#);
/// ```
pub fn request(invocation: &Invocation, types: &dyn Types, sources: &mut dyn Sources) -> Result<Request, TypingError> {
    let (request, span) = match invocation {
        Invocation::Command(command) => (command_request(command, types, sources)?, command.name.span),
        Invocation::Transaction(transaction) => (transaction_request(transaction, types, sources)?, transaction.span),
        Invocation::Json(line) => (json_request(line)?, line.span),
    };
    limits::check(&request.text, span)?;
    Ok(request)
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

fn command_request(command: &Command, types: &dyn Types, sources: &mut dyn Sources) -> Result<Request, TypingError> {
    let head = head(&command.name.text, command.name.span, false)?;
    if command.arguments.is_empty() {
        return Ok(finish(head, &command.name.text, None));
    }
    // Within the message's braces.
    let mut builder = Builder::new(1);
    add_all(&mut builder, command, false, &command.arguments, types, sources)?;
    let arguments = (!builder.is_empty()).then(|| {
        let mut arguments = String::new();
        builder.write(&mut arguments);
        arguments
    });
    Ok(finish(head, &command.name.text, arguments.as_deref()))
}

fn add_all(
    builder: &mut Builder,
    command: &Command,
    action: bool,
    arguments: &[Argument],
    types: &dyn Types,
    sources: &mut dyn Sources,
) -> Result<(), TypingError> {
    let given = Given::new(arguments);
    for argument in arguments {
        let place = Place { command: &command.name.text, action, key: &argument.key, given: &given };
        let json = values::json(argument, place, types, sources)?;
        builder.add(&argument.key, types.splits(place), &types.indices(place), json)?;
    }
    Ok(())
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
        data.write(&mut actions);
        actions.push('}');
    }
    actions.push(']');
    let mut builder = Builder::new(1);
    builder.add_first("actions", actions);
    let name = crate::language::syntax::Text { text: NAME.into(), span: transaction.span };
    let this = Command { name, arguments: Vec::new() };
    add_all(&mut builder, &this, false, &transaction.properties, types, sources)?;
    let mut arguments = String::new();
    builder.write(&mut arguments);
    Ok(finish(head(NAME, transaction.span, false)?, NAME, Some(&arguments)))
}

fn json_request(line: &JsonLine) -> Result<Request, TypingError> {
    let head = head(&line.name.text, line.name.span, line.out_of_band)?;
    let arguments = line.arguments.as_ref().filter(|arguments| !arguments.is_empty_object());
    let request = finish(head, &line.name.text, arguments.map(crate::language::syntax::JsonText::as_str));
    let own_id = line.id.as_ref().map(|id| id.as_str().to_owned());
    Ok(Request { out_of_band: line.out_of_band, own_id, ..request })
}
