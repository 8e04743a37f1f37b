//! Decides the types of arguments: what the parts of a key are, and what an unquoted value is.

use super::arguments::{Arguments, may_be_index};
use super::scalar::{self, untyped};
use crate::language::syntax::{Key, is_json_integer, quoted};
use crate::schema::{Builtin, Schema, Step, Type, TypeId, Walk};

/// The types of arguments, by the schema. The default knows no schema.
///
/// Without a type the spelling decides, as in qmp-shell: integers of JSON, and true and false in any case, are what
/// they look like; all else is a string. Keys from 0 to n-1 make a list. A value that does not fit its type is a
/// string: the server judges.
///
/// The arguments of `device_add` are all strings, as with `-device`, and only lists split their keys: CPUs have a property
/// `sse4.1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Types<'s> {
    /// The schema, if there is one.
    pub schema: Option<&'s Schema>,
    /// The type that `qom-list` gives the property that `qom-set` sets, if it was asked.
    pub property: Option<&'s str>,
}

impl Types<'_> {
    /// Returns what the schema says about a place; `None` if it does not know the command.
    fn walk(&self, place: Place<'_>) -> Option<(&Schema, Walk)> {
        let schema = self.schema?;
        let root = if place.action { schema.action(place.command) } else { schema.arguments(place.command) }?;
        let parts = place.key.parts.iter();
        let path: Vec<Step<'_>> = parts.map(|part| Step { text: &part.text, literal: part.quoted }).collect();
        Some((schema, schema.walk(root, &path, &|path| place.arguments.text(path))))
    }

    /// Returns the roles of the parts of the key; parts left out at the end are members.
    pub(super) fn roles(&self, place: Place<'_>) -> Vec<Role> {
        let parts = &place.key.parts;
        if parts.len() == 1 {
            return Vec::new();
        }
        let elements = place.arguments.elements(place.key);
        let is_element = |n: usize| elements.get(n).copied().unwrap_or_default();
        let is_known = |walk: &Walk| !place.is_device_add() || walk.known == parts.len();
        let Some((_, walk)) = self.walk(place).filter(|(_, walk)| is_known(walk)) else {
            let mut name = if place.is_device_add() { Role::Joined } else { Role::Member };
            let roles = (0..parts.len()).map(|n| {
                if is_element(n) {
                    name = Role::Member;
                    return Role::Element;
                }
                name
            });
            return roles.collect();
        };
        let any = walk.any.unwrap_or(parts.len());
        let role = |(n, part)| {
            // Below a type that the schema lists, only its lists have elements; anything else may be a list.
            let is_free = n >= any || n > walk.known;
            if walk.indices[n] || (is_free && is_element(n)) {
                Role::Element
            } else if n > any && may_be_index(part) {
                // CPUs have `sse4.1`.
                Role::Joined
            } else {
                Role::Member
            }
        };
        parts.iter().enumerate().map(role).collect()
    }

    /// Returns the JSON of an unquoted value.
    pub(super) fn value(&self, place: Place<'_>, text: &str) -> String {
        if let Some(property) = self.property.filter(|_| place.is_property_value()) {
            return property_value(property, text);
        }
        match self.walk(place) {
            Some((schema, Walk { ty: Some(ty), .. })) => typed(schema, ty, text),
            _ if place.is_device_add() => quoted(text),
            _ => untyped(text),
        }
    }

    /// Returns true if only the peer knows the type of this argument: its refusal tells.
    pub(super) fn is_untyped(&self, place: Place<'_>) -> bool {
        match self.walk(place) {
            Some((_, Walk { any: Some(_), .. })) => self.property.is_none() || !place.is_property_value(),
            Some((_, Walk { ty: Some(_), .. })) => false,
            _ => true,
        }
    }
}

/// The place of an argument in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The command, or the action of a transaction.
    pub(super) command: &'a str,
    /// True if it is an action.
    pub(super) action: bool,
    /// The key.
    pub(super) key: &'a Key,
    /// All arguments of the command, with this one.
    pub(super) arguments: &'a Arguments<'a>,
}

impl Place<'_> {
    /// Returns true if this is an argument of `device_add`, which takes any property of the device.
    pub(super) fn is_device_add(self) -> bool {
        self.command == "device_add" && !self.action
    }

    /// Returns true if this is the `value` of `qom-set`, which has the type of the property.
    pub(super) fn is_property_value(self) -> bool {
        self.command == "qom-set" && !self.action && self.key.parts.len() == 1 && self.key.parts[0].text == "value"
    }
}

/// The role of a part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The name of a member.
    Member,
    /// An index if the keys make a list, else the name of a member.
    Element,
    /// The rest of the name before it, with the dot between them.
    Joined,
}

/// Returns the JSON of `text` as a value of the type `ty`.
fn typed(schema: &Schema, ty: TypeId, text: &str) -> String {
    match schema.get(ty) {
        Type::Builtin(Builtin::Any) | Type::Unknown => untyped(text),
        Type::Builtin(builtin) => fitting(*builtin, text).unwrap_or_else(|| quoted(text)),
        Type::Alternate(_) => alternate(schema, ty, text),
        Type::Enum(_) | Type::Array(_) | Type::Object(_) => quoted(text),
    }
}

/// Returns the JSON of `text` as a value of a type, if it can be one.
pub(super) fn fitting(builtin: Builtin, text: &str) -> Option<String> {
    match builtin {
        Builtin::Bool => scalar::boolean(text).map(|value| value.to_string()),
        Builtin::Number if scalar::is_number(text) => Some(text.to_owned()),
        Builtin::Int | Builtin::Number => scalar::integer(text).map(|value| value.to_string()),
        Builtin::Null => (text == "null").then(|| text.to_owned()),
        Builtin::Str => Some(quoted(text)),
        Builtin::Any => None,
    }
}

/// Returns the JSON of `text` as null, true, false or an integer, as JSON spells them; else as a value of an enum, then as a
/// string. Only where none of these is possible, other spellings of booleans and integers count.
fn alternate(schema: &Schema, ty: TypeId, text: &str) -> String {
    let choices = schema.choices(ty);
    let has = |builtin| choices.iter().any(|ty| *schema.get(*ty) == Type::Builtin(builtin));
    let enum_has = || schema.enum_values(ty).is_some_and(|values| values.iter().any(|value| &*value.name == text));
    let plain = (has(Builtin::Null) && text == "null")
        || (has(Builtin::Bool) && matches!(text, "true" | "false"))
        || (has(Builtin::Int) && is_json_integer(text) && scalar::integer(text).is_some())
        || (has(Builtin::Number) && scalar::is_number(text));
    if has(Builtin::Any) {
        return untyped(text);
    }
    if plain {
        return text.to_owned();
    }
    if enum_has() || has(Builtin::Str) {
        return quoted(text);
    }
    let mut other = [Builtin::Bool, Builtin::Int, Builtin::Number].into_iter().filter(|builtin| has(*builtin));
    other.find_map(|builtin| fitting(builtin, text)).unwrap_or_else(|| quoted(text))
}

/// Returns the JSON of `text` as a value of a property whose type QEMU's object model calls `name`. Enums, links and
/// structures have other names; they take strings, or JSON.
fn property_value(name: &str, text: &str) -> String {
    named(name).and_then(|builtin| fitting(builtin, text)).unwrap_or_else(|| quoted(text))
}

/// Returns the type that QEMU's object model and its refusals call `name`, as in `bool`, `boolean`, `uint16_t` and `size`.
pub(super) fn named(name: &str) -> Option<Builtin> {
    let unsigned = name.strip_prefix('u').unwrap_or(name);
    let bits = unsigned.strip_prefix("int").or_else(|| name.strip_prefix("size"));
    let bits = bits.map(|bits| bits.strip_suffix("_t").unwrap_or(bits));
    Some(match name {
        "bool" | "boolean" => Builtin::Bool,
        "number" | "double" | "float" => Builtin::Number,
        "str" | "string" => Builtin::Str,
        "null" => Builtin::Null,
        "integer" => Builtin::Int,
        _ if bits.is_some_and(|bits| bits.bytes().all(|byte| byte.is_ascii_digit())) => Builtin::Int,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_property_decides() {
        let check = |name: &str, text: &str, expected: &str| {
            assert_eq!(property_value(name, text), expected, "{name} {text}");
        };
        check("bool", "on", "true");
        check("bool", "5", "\"5\"");
        for name in ["int", "uint8", "uint16", "uint32", "uint64_t", "int8", "int32", "int64", "size", "size32"] {
            check(name, "0x10", "16");
            check(name, "1k", "1024");
            check(name, "x", "\"x\"");
        }
        check("number", "1.5", "1.5");
        check("string", "5", "\"5\"");
        check("str", "true", "\"true\"");
        check("OnOffAuto", "on", "\"on\"");
        check("link<memory-backend>", "0", "\"0\"");
        check("interface", "5", "\"5\"");
        check("uuid", "5", "\"5\"");
    }
}
