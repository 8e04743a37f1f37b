//! The names of arguments.

use super::choose::Offer;
use super::place::{Arguments, described, ordered};
use super::{Peer, Question};
use crate::language::syntax::PartialKey;
use crate::schema::{Builtin, Schema, Type, TypeId};

/// The names that can stand where `name` has been begun.
pub(super) fn names(peer: Peer<'_>, arguments: &Arguments<'_>, name: &PartialKey) -> Vec<Offer> {
    let Some(schema) = arguments.schema() else { return Vec::new() };
    let parts = &name.parts;
    let at = arguments.find(parts);
    let mut offers = Vec::new();
    for member in ordered(&arguments.members(at)) {
        if arguments.is_whole(at, &member.name) {
            continue;
        }
        let about = described(schema, member);
        let (plain, nested) = forms(schema, member.ty);
        let offer = |then: &'static str| {
            Offer::new(&member.name, about.clone()).then(then).called(format!("{}{then}", member.name))
        };
        if plain && !arguments.is_given(at, &member.name) {
            offers.push(offer("="));
        }
        if nested {
            offers.push(offer("."));
        }
    }
    let ty = at.ty.filter(|_| !parts.is_empty());
    if let Some(element) = ty.and_then(|ty| schema.element(ty)) {
        let index = arguments.next_index(at).to_string();
        let (plain, nested) = forms(schema, element);
        let about = schema.words(element);
        if plain {
            offers.push(Offer::new(&index, about.clone()).then("=").called(format!("{index}=")));
        }
        if nested {
            offers.push(Offer::new(&index, about).then(".").called(format!("{index}.")));
        }
    }
    if arguments.command == "device_add" && parts.is_empty() {
        offers.extend(properties(peer, arguments));
    }
    offers
}

/// Whether a value of this type can be written after `=`, and whether its parts can after a dot.
fn forms(schema: &Schema, ty: TypeId) -> (bool, bool) {
    let choices = schema.choices(ty);
    let nested = |ty: &TypeId| matches!(schema.get(*ty), Type::Object(_) | Type::Array(_));
    let any = |ty: &TypeId| matches!(schema.get(*ty), Type::Builtin(Builtin::Any));
    (choices.iter().any(|ty| !nested(ty)), choices.iter().any(nested) && !choices.iter().any(any))
}

/// The properties of the device to be added, as one of its type shows them that is there.
fn properties(peer: Peer<'_>, arguments: &Arguments<'_>) -> Vec<Offer> {
    let Some(driver) = arguments.text(&["driver"]) else { return Vec::new() };
    let at = arguments.find(&[]);
    let members = arguments.members(at);
    let schema_has = |name: &str| members.iter().any(|member| *member.name == *name);
    let found = peer.live.values(&Question::PropertiesOfType(driver));
    let wanted = found.into_iter().filter(|property| {
        !schema_has(&property.name)
            && !arguments.is_given(at, &property.name)
            && is_settable(&property.name, &property.about)
    });
    let offers = wanted.map(|property| {
        let about = format!("optional {}", property.about);
        Offer::new(&property.name, about).then("=").called(format!("{}=", property.name))
    });
    offers.collect()
}

/// Whether a property of an object that exists could have been given when it was made.
fn is_settable(name: &str, ty: &str) -> bool {
    const MADE_BY_QEMU: [&str; 7] =
        ["type", "realized", "hotplugged", "hotpluggable", "parent_bus", "legacy-", "unattached"];
    !ty.starts_with("child<") && !MADE_BY_QEMU.contains(&name) && !name.starts_with("legacy-") && !name.contains('[')
}
