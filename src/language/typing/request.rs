//! From a parsed line to the message that is sent.

use super::arguments::Arguments;
use super::builder::{Builder, message};
use super::error::{TypingError, TypingErrorKind, check_characters};
use super::resend::{Resend, Word};
use super::types::{Place, Types};
use super::values::{self, Sources};
use crate::language::syntax::{Argument, Command, Invocation, JsonLine, JsonText, Transaction, Value, quoted};
use crate::message::Request;

/// Makes the message of `invocation`, with what can be sent again if the peer refuses it. Files are read, and secrets
/// asked for, in the order of the arguments.
///
/// ```
/// use qmpsh::language::syntax::{Statement, parse};
/// use qmpsh::language::typing::{Sources, Types, request};
///
/// struct Nothing;
/// impl Sources for Nothing {
///     fn file(&mut self, _: &str) -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) }
///     fn stdin(&mut self) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
///     fn secret(&mut self, _: &str) -> std::io::Result<String> { Err(std::io::ErrorKind::Unsupported.into()) }
/// }
///
/// let line = parse("block_resize node-name=n0 size=1024").unwrap().remove(0);
/// let Statement::Invoke(invocation) = line.statement else { panic!() };
/// let (request, _) = request(&invocation, Types::default(), &mut Nothing).unwrap();
/// assert_eq!(request.text(), r#"{"execute":"block_resize","arguments":{"node-name":"n0","size":1024}}"#);
/// ```
pub fn request(
    invocation: &Invocation,
    types: Types<'_>,
    sources: &mut dyn Sources,
) -> Result<(Request, Option<Box<Resend>>), TypingError> {
    let (request, resend, span) = match invocation {
        Invocation::Command(command) => {
            let (request, resend) = command_request(command, types, sources)?;
            (request, resend, command.name.span)
        }
        Invocation::Transaction(transaction) => {
            (transaction_request(transaction, types, sources)?, None, transaction.span)
        }
        Invocation::Json(line) => (json_request(line)?, None, line.span),
    };
    request.check_size().map_err(|error| TypingError::new(span, TypingErrorKind::Request(error)))?;
    Ok((request, resend))
}

fn command_request(
    command: &Command,
    types: Types<'_>,
    sources: &mut dyn Sources,
) -> Result<(Request, Option<Box<Resend>>), TypingError> {
    check_characters(&command.name.text, command.name.span)?;
    if command.arguments.is_empty() {
        return Ok((message(&command.name.text, None), None));
    }
    // Within the message's braces.
    let mut builder = Builder::new(1);
    let words = add_all(&mut builder, &command.name.text, false, &command.arguments, types, sources)?;
    let request = message(&command.name.text, Some(&builder.text()));
    Ok((request, Resend::new(builder, words, command.arguments.len())))
}

/// Adds arguments, and returns those whose type only the peer knows.
fn add_all(
    builder: &mut Builder,
    command: &str,
    action: bool,
    arguments: &[Argument],
    types: Types<'_>,
    sources: &mut dyn Sources,
) -> Result<Vec<Word>, TypingError> {
    let all = Arguments::new(arguments);
    let mut words = Vec::new();
    for argument in arguments {
        let place = Place { command, action, key: &argument.key, arguments: &all };
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

/// Makes a transaction as qmp-shell does: each action is its name and its arguments. Source: `TransactionAction` in
/// QEMU's `qapi/transaction.json`.
fn transaction_request(
    transaction: &Transaction,
    types: Types<'_>,
    sources: &mut dyn Sources,
) -> Result<Request, TypingError> {
    const NAME: &str = "transaction";
    let mut actions = String::from("[");
    for action in &transaction.actions {
        // Within the message, `arguments`, `actions` and the action.
        let mut data = Builder::new(4);
        add_all(&mut data, &action.name.text, true, &action.arguments, types, sources)?;
        actions.push_str(if actions.len() > 1 { ",{\"type\":" } else { "{\"type\":" });
        check_characters(&action.name.text, action.name.span)?;
        actions.push_str(&quoted(&action.name.text));
        actions.push_str(",\"data\":");
        actions.push_str(&data.text());
        actions.push('}');
    }
    actions.push(']');
    let mut builder = Builder::new(1);
    builder.add_first("actions", actions);
    add_all(&mut builder, NAME, false, &transaction.properties, types, sources)?;
    Ok(message(NAME, Some(&builder.text())))
}

fn json_request(line: &JsonLine) -> Result<Request, TypingError> {
    check_characters(&line.name.text, line.name.span)?;
    let arguments = line.arguments.as_ref().filter(|arguments| !arguments.is_empty_object()).map(JsonText::as_str);
    let own_id = line.id.as_ref().map(|id| id.as_str().to_owned());
    let request = message(&line.name.text, arguments).with_own_id(own_id);
    Ok(if line.out_of_band { request.out_of_band() } else { request })
}
