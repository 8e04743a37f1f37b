//! The names of commands.

use super::context::Context;
use super::describe::{marks, signature};
use super::dot_commands;
use super::item::Item;
use crate::schema::{Command, Schema};

/// Returns the commands of the peer, or the actions of a transaction.
pub(super) fn commands(context: Context<'_>, typed: &str, action: bool) -> Vec<Item> {
    let Some(schema) = context.schema else {
        return if typed.is_empty() { dot_commands::names(context) } else { Vec::new() };
    };
    if action {
        let about = |name: &str| schema.action(name).map(|ty| signature(schema, ty)).unwrap_or_default();
        return schema.actions().map(|name| Item::new(name, about(name)).then(" ")).collect();
    }
    let mut items: Vec<_> = schema.commands().iter().map(|command| command_offer(schema, command)).collect();
    if schema.command("transaction").is_some() {
        items.push(Item::new("transaction(", "actions that are done together or not at all"));
    }
    items
}

/// Returns a command with its arguments.
fn command_offer(schema: &Schema, command: &Command) -> Item {
    let mut about = marks(&command.features);
    if !command.enabled {
        about.push_str("disabled ");
    }
    if let Some(arguments) = command.arguments {
        about.push_str(&signature(schema, arguments));
    }
    Item::new(&command.name, about).then(" ")
}

/// Keeps the commands that may run out of band.
pub(super) fn out_of_band(context: Context<'_>, mut items: Vec<Item>) -> Vec<Item> {
    let command = |item: &Item| context.schema.and_then(|schema| schema.command(&item.text));
    items.retain(|item| command(item).is_some_and(|command| command.allow_oob));
    items
}
