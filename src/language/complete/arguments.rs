//! The names of the arguments of a command.

use super::context::{CommandContext, Place};
use super::describe::{described, ordered};
use super::item::Item;
use super::live::Question;
use super::values::cpu_properties;
use crate::language::syntax::PartialKey;
use crate::schema::{Builtin, Member, Schema, Type, TypeId};

/// Returns the keys that can complete `name`.
pub(super) fn names<'a>(command: &CommandContext<'a>, name: &'a PartialKey) -> Vec<Item> {
    let parts = &name.parts;
    let at = command.find(parts);
    let Some(schema) = command.schema() else { return agent(command, at, parts.is_empty()) };
    let mut items = Vec::new();
    for member in members(command, at, &name.last.text) {
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
        items.extend(properties(command, &name.last.text));
    }
    items
}

/// Returns the members there. Where the tag of a union is not given yet, those of its branches are too many to list, so only
/// the ones that begin with what was typed are among them.
pub(super) fn members<'a>(command: &CommandContext<'a>, at: Place, typed: &str) -> Vec<&'a Member> {
    let mut members = command.members(at);
    if !typed.is_empty() && !members.iter().any(|member| member.name.starts_with(typed)) {
        members.extend(command.branch_members(at));
    }
    ordered(&members)
}

/// The arguments of the guest agent's commands, which has no schema. Behind a dot, a list or an object.
/// Source: QEMU's `qga/qapi-schema.json`, 7.2 to 11.1.
const AGENT: &[(&str, &str)] = &[
    ("guest-exec", "path= arg. env. input-data= capture-output="),
    ("guest-exec-status", "pid="),
    ("guest-file-close", "handle="),
    ("guest-file-flush", "handle="),
    ("guest-file-open", "path= mode="),
    ("guest-file-read", "handle= count="),
    ("guest-file-seek", "handle= offset= whence="),
    ("guest-file-write", "handle= buf-b64= count="),
    ("guest-fsfreeze-freeze-list", "mountpoints."),
    ("guest-fstrim", "minimum="),
    ("guest-set-memory-blocks", "mem-blks."),
    ("guest-set-time", "time="),
    ("guest-set-user-password", "username= password= crypted="),
    ("guest-set-vcpus", "vcpus."),
    ("guest-shutdown", "mode="),
    ("guest-ssh-add-authorized-keys", "username= keys. reset="),
    ("guest-ssh-get-authorized-keys", "username="),
    ("guest-ssh-remove-authorized-keys", "username= keys."),
    ("guest-sync", "id="),
    ("guest-sync-delimited", "id="),
];

/// Returns the arguments of a command of the guest agent.
fn agent(command: &CommandContext<'_>, at: Place, is_top: bool) -> Vec<Item> {
    let row = AGENT.iter().find(|(name, _)| *name == command.command && is_top);
    let keys = row.into_iter().flat_map(|(_, keys)| keys.split(' '));
    let item = |written: &'static str| {
        let (name, then) = written.split_at(written.len() - 1);
        (!command.is_whole(at, name)).then(|| key(name, String::new(), then))
    };
    keys.filter_map(item).collect()
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

/// Returns the properties of the device to be added, as a device of its type shows them. Those that are no interface begin with
/// `x-`, and are offered where that was typed.
fn properties(command: &CommandContext<'_>, typed: &str) -> Vec<Item> {
    let Some(driver) = command.text(&["driver"]) else { return Vec::new() };
    let at = command.root();
    let members = command.members(at);
    let schema_has = |name: &str| members.iter().any(|member| *member.name == *name);
    let found = command.context.live.values(&Question::PropertiesOfType(driver));
    let is_free = |name: &str| !schema_has(name) && !command.is_given(at, name);
    let mut places = cpu_properties(command);
    let is_meant = |name: &str| !name.starts_with("x-") || typed.starts_with('x');
    let wanted = found.into_iter().filter(|property| {
        is_free(&property.name)
            && is_meant(&property.name)
            && is_settable(&property.name, &property.about)
            && !places.contains(&property.name)
    });
    let wanted: Vec<_> =
        wanted.map(|property| key(&property.name, format!("optional {}", property.about), "=")).collect();
    places.retain(|name| is_free(name));
    places.iter().map(|name| key(name, "integer, the place of the CPU".to_owned(), "=")).chain(wanted).collect()
}

/// Returns true if a property of a device could have been given to `device_add`.
fn is_settable(name: &str, ty: &str) -> bool {
    const MADE_BY_QEMU: [&str; 6] = ["type", "realized", "hotplugged", "hotpluggable", "parent_bus", "unattached"];
    !ty.starts_with("child<") && !MADE_BY_QEMU.contains(&name) && !name.starts_with("legacy-") && !name.contains('[')
}
