//! What decides the types of arguments.

use super::arguments::Arguments;
use super::scalar;
use crate::language::syntax::{Key, push_string};

/// The place of an argument in a message.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The command, or the action of a transaction.
    pub command: &'a str,
    /// Whether it is an action.
    pub action: bool,
    /// The key.
    pub key: &'a Key,
    /// All arguments of the command, with this one.
    pub arguments: &'a Arguments<'a>,
}

impl Place<'_> {
    /// Whether this is an argument of `device_add`, which takes any property of the device.
    pub(super) fn is_device_add(self) -> bool {
        self.command == "device_add" && !self.action
    }

    /// Whether this is the `value` of `qom-set`, which has the type of the property.
    pub(super) fn is_property_value(self) -> bool {
        self.command == "qom-set" && !self.action && self.key.parts.len() == 1 && self.key.parts[0].text == "value"
    }
}

/// The role of a part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The name of a member.
    Member,
    /// An index if the keys make a list, else the name of a member.
    Element,
    /// The rest of the name before it, with the dot between them.
    Joined,
}

/// Decides what the arguments of commands are.
pub trait Types {
    /// Returns the roles of the parts of the key; parts left out at the end are members.
    fn roles(&self, place: Place<'_>) -> Vec<Role>;
    /// Adds the JSON of an unquoted value to `out`.
    fn value(&self, place: Place<'_>, text: &str, out: &mut String);
    /// Whether only the peer knows the type of this argument: its refusal tells.
    fn is_untyped(&self, place: Place<'_>) -> bool;
}

/// Types without a schema, as in qmp-shell: integers of JSON, and true and false in any case, are what they look like; all else is
/// a string. Keys from 0 to n-1 make a list.
///
/// The arguments of `device_add` are all strings, as with `-device`, and only lists split their keys: CPUs have a property
/// `sse4.1`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untyped;

impl Types for Untyped {
    fn roles(&self, place: Place<'_>) -> Vec<Role> {
        if place.key.parts.len() == 1 {
            return Vec::new();
        }
        let elements = place.arguments.elements(place.key);
        let mut name = if place.is_device_add() { Role::Joined } else { Role::Member };
        let roles = (0..place.key.parts.len()).map(|n| {
            if elements.get(n).copied().unwrap_or_default() {
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
