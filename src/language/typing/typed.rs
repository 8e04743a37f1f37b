//! What an unquoted value is, by the schema.

use super::arguments::may_be_index;
use super::scalar::{self, push_untyped};
use super::types::{Place, Role, Types, Untyped};
use crate::language::syntax::{is_json_integer, push_string};
use crate::schema::{Builtin, Schema, Step, Type, TypeId, Walk};

/// Types by the schema, and what the schema does not know by spelling, as [`Untyped`].
///
/// A value that does not fit its type is a string: the server judges.
#[derive(Clone, Copy, Debug, Default)]
pub struct Typed<'s> {
    /// The schema, if there is one.
    pub schema: Option<&'s Schema>,
    /// The type that `qom-list` gives the property that `qom-set` sets, if it was asked.
    pub property: Option<&'s str>,
}

impl Typed<'_> {
    /// What the schema says about a place; `None` if it does not know the command.
    fn walk(&self, place: Place<'_>) -> Option<(&Schema, Walk)> {
        let schema = self.schema?;
        let root = if place.action { schema.action(place.command) } else { schema.arguments(place.command) }?;
        let parts = place.key.parts.iter();
        let path: Vec<Step<'_>> = parts.map(|part| Step { text: &part.text, literal: part.quoted }).collect();
        Some((schema, schema.walk(root, &path, &|path| place.arguments.text(path))))
    }
}

impl Types for Typed<'_> {
    fn roles(&self, place: Place<'_>) -> Vec<Role> {
        let parts = &place.key.parts;
        let walk = if parts.len() > 1 { self.walk(place) } else { None };
        let Some((_, walk)) = walk else { return Untyped.roles(place) };
        if place.is_device_add() && walk.known < parts.len() {
            return Untyped.roles(place);
        }
        let elements = place.arguments.elements(place.key);
        let any = walk.any.unwrap_or(parts.len());
        let role = |(n, part)| {
            // Below a type that the schema lists, only its lists have elements; anything else may be a list.
            let is_free = n >= any || n > walk.known;
            if walk.indices[n] || (is_free && elements.get(n).copied().unwrap_or_default()) {
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

    fn value(&self, place: Place<'_>, text: &str, out: &mut String) {
        if let Some(property) = self.property.filter(|_| place.is_property_value()) {
            push_property(out, property, text);
            return;
        }
        match self.walk(place) {
            Some((schema, Walk { ty: Some(ty), .. })) => push(out, schema, ty, text),
            _ => Untyped.value(place, text, out),
        }
    }

    fn is_untyped(&self, place: Place<'_>) -> bool {
        let known = self.property.is_some() && place.is_property_value();
        match self.walk(place) {
            Some((_, Walk { any: Some(_), .. })) => !known,
            Some((_, Walk { ty: Some(_), .. })) => false,
            _ => Untyped.is_untyped(place),
        }
    }
}

/// Adds `text` as a value of the type `ty`.
fn push(out: &mut String, schema: &Schema, ty: TypeId, text: &str) {
    match schema.get(ty) {
        Type::Builtin(Builtin::Any) | Type::Unknown => push_untyped(out, text),
        Type::Builtin(builtin) => push_builtin(out, *builtin, text),
        Type::Alternate(_) => push_alternate(out, schema, ty, text),
        Type::Enum(_) | Type::Array(_) | Type::Object(_) => push_string(out, text),
    }
}

fn push_builtin(out: &mut String, builtin: Builtin, text: &str) {
    match fitting(builtin, text) {
        Some(json) => out.push_str(&json),
        None => push_string(out, text),
    }
}

/// The JSON of `text` as a value of a type, if it can be one.
pub(super) fn fitting(builtin: Builtin, text: &str) -> Option<String> {
    match builtin {
        Builtin::Bool => scalar::boolean(text).map(|value| value.to_string()),
        Builtin::Number if scalar::is_number(text) => Some(text.to_owned()),
        Builtin::Int | Builtin::Number => scalar::integer(text).map(|value| value.to_string()),
        Builtin::Null => (text == "null").then(|| text.to_owned()),
        Builtin::Str => {
            let mut json = String::new();
            push_string(&mut json, text);
            Some(json)
        }
        Builtin::Any => None,
    }
}

/// null, true, false and integers as JSON spells them, then an enum's value, then a string; only where none of these can be
/// one, booleans and integers as they are spelled elsewhere.
fn push_alternate(out: &mut String, schema: &Schema, ty: TypeId, text: &str) {
    let choices = schema.choices(ty);
    let has = |builtin| choices.iter().any(|ty| *schema.get(*ty) == Type::Builtin(builtin));
    let enum_has = || schema.enum_values(ty).is_some_and(|values| values.iter().any(|value| &*value.name == text));
    let plain = (has(Builtin::Null) && text == "null")
        || (has(Builtin::Bool) && matches!(text, "true" | "false"))
        || (has(Builtin::Int) && is_json_integer(text) && scalar::integer(text).is_some())
        || (has(Builtin::Number) && scalar::is_number(text));
    if has(Builtin::Any) {
        push_untyped(out, text);
    } else if plain {
        out.push_str(text);
    } else if enum_has() || has(Builtin::Str) {
        push_string(out, text);
    } else if has(Builtin::Bool) && scalar::boolean(text).is_some() {
        push_builtin(out, Builtin::Bool, text);
    } else if has(Builtin::Int) {
        push_builtin(out, Builtin::Int, text);
    } else if has(Builtin::Number) {
        push_builtin(out, Builtin::Number, text);
    } else {
        push_string(out, text);
    }
}

/// Adds `text` as a value of a property whose type QEMU's object model calls `name`. Enums, links and structures have names of
/// their own; they take strings, or JSON.
fn push_property(out: &mut String, name: &str, text: &str) {
    push_builtin(out, named(name).unwrap_or(Builtin::Str), text);
}

/// The type that QEMU's object model and its refusals call `name`, as in `bool`, `boolean`, `uint16_t` and `size`.
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
    fn properties() {
        let check = |name: &str, text: &str, expected: &str| {
            let mut out = String::new();
            push_property(&mut out, name, text);
            assert_eq!(out, expected, "{name} {text}");
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
