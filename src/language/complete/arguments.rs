//! The names of command.

use super::context::CommandContext;
use super::describe::{described, ordered};
use super::item::Item;
use super::live::Question;
use crate::language::syntax::PartialKey;
use crate::schema::{Builtin, Schema, Type, TypeId};

/// Returns the keys that can complete `name`.
pub(super) fn names<'a>(command: &CommandContext<'a>, name: &'a PartialKey) -> Vec<Item> {
    let Some(schema) = command.schema() else { return Vec::new() };
    let parts = &name.parts;
    let at = command.find(parts);
    let mut items = Vec::new();
    for member in ordered(&command.members(at)) {
        if command.is_whole(at, &member.name) {
            continue;
        }
        let about = described(schema, member);
        let (plain, nested) = forms(schema, member.ty);
        let is_given = command.is_given(at, &member.name);
        items.extend((plain && !is_given).then(|| key(&member.name, about.clone(), "=")));
        items.extend(nested.then(|| key(&member.name, about.clone(), ".")));
    }
    let ty = at.ty.filter(|_| !parts.is_empty());
    if let Some(element) = ty.and_then(|ty| schema.element(ty)) {
        let index = command.next_index(at).to_string();
        let (plain, nested) = forms(schema, element);
        items.extend(plain.then(|| key(&index, schema.words(element), "=")));
        items.extend(nested.then(|| key(&index, schema.words(element), ".")));
    }
    if command.command == "device_add" && parts.is_empty() {
        items.extend(properties(command));
    }
    items
}

/// Returns a key, with what follows it: `=` or a dot.
fn key(name: &str, about: String, then: &'static str) -> Item {
    Item::new(name, about).then(then).called(format!("{name}{then}"))
}

/// Returns true if a value of this type can be written after `=`, and true if its parts can after a dot.
fn forms(schema: &Schema, ty: TypeId) -> (bool, bool) {
    let choices = schema.choices(ty);
    let nested = |ty: &TypeId| matches!(schema.get(*ty), Type::Object(_) | Type::Array(_));
    let any = |ty: &TypeId| matches!(schema.get(*ty), Type::Builtin(Builtin::Any));
    (choices.iter().any(|ty| !nested(ty)), choices.iter().any(nested) && !choices.iter().any(any))
}

/// Returns the properties of the device to be added, as a device of its type shows them.
fn properties(command: &CommandContext<'_>) -> Vec<Item> {
    let Some(driver) = command.text(&["driver"]) else { return Vec::new() };
    let at = command.root();
    let members = command.members(at);
    let schema_has = |name: &str| members.iter().any(|member| *member.name == *name);
    let found = command.context.live.values(&Question::PropertiesOfType(driver));
    let wanted = found.into_iter().filter(|property| {
        !schema_has(&property.name)
            && !command.is_given(at, &property.name)
            && is_settable(&property.name, &property.about)
    });
    wanted.map(|property| key(&property.name, format!("optional {}", property.about), "=")).collect()
}

/// Returns true if a property of a device could have been given to `device_add`.
fn is_settable(name: &str, ty: &str) -> bool {
    const MADE_BY_QEMU: [&str; 7] =
        ["type", "realized", "hotplugged", "hotpluggable", "parent_bus", "legacy-", "unattached"];
    !ty.starts_with("child<") && !MADE_BY_QEMU.contains(&name) && !name.starts_with("legacy-") && !name.contains('[')
}
