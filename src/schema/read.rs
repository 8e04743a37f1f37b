//! Reads the reply of `query-qmp-schema`.

use std::collections::HashMap;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::types::{Builtin, Command, EnumValue, Event, Features, Member, Object, Schema, Type, TypeId, Variant};

/// Why a reply is not a schema.
#[derive(Debug, thiserror::Error)]
#[error("the peer's description of its commands cannot be read")]
pub struct SchemaError(#[from] serde_json::Error);

/// An entry of any kind: `meta-type` tells which.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    meta_type: Box<str>,
    name: Box<str>,
    json_type: Option<Box<str>>,
    arg_type: Option<Box<str>>,
    ret_type: Option<Box<str>>,
    element_type: Option<Box<str>>,
    tag: Option<Box<str>>,
    #[serde(default)]
    allow_oob: bool,
    members: Option<Vec<RawMember>>,
    #[serde(default)]
    values: Vec<Box<str>>,
    #[serde(default)]
    variants: Vec<RawVariant>,
    #[serde(default)]
    features: Box<[Box<str>]>,
}

/// A member of an object (with name and type), of an enum (with a name), of an alternate (with a type).
#[derive(Deserialize)]
struct RawMember {
    name: Option<Box<str>>,
    #[serde(rename = "type")]
    ty: Option<Box<str>>,
    /// A member with a default, even null, is optional.
    #[serde(default, rename = "default", deserialize_with = "present")]
    optional: bool,
    #[serde(default)]
    features: Box<[Box<str>]>,
}

#[derive(Deserialize)]
struct RawVariant {
    case: Box<str>,
    #[serde(rename = "type")]
    ty: Box<str>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Schema {
    /// Reads the `return` of `query-qmp-schema`. It ignores what later versions add.
    ///
    /// ```
    /// use qmpsh::schema::Schema;
    ///
    /// let schema = Schema::parse(br#"[
    ///     {"name": "stop", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
    ///     {"name": "0", "meta-type": "object", "members": []}
    /// ]"#).unwrap();
    /// assert!(schema.command("stop").is_some());
    /// ```
    pub fn parse(reply: &[u8]) -> Result<Self, SchemaError> {
        let mut deserializer = serde_json::Deserializer::from_slice(reply);
        let schema = deserializer.deserialize_seq(Entries)?;
        deserializer.end()?;
        Ok(schema)
    }
}

/// Reads one entry after the other, so that only what is kept of them takes memory.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Schema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Schema, A::Error> {
        let mut types = Types::default();
        let mut commands = Vec::new();
        let mut events = Vec::new();
        while let Some(entry) = entries.next_element::<Entry>()? {
            match &*entry.meta_type {
                "command" => commands.push(Command {
                    name: entry.name,
                    arguments: types.of(entry.arg_type),
                    result: types.of(entry.ret_type),
                    allow_oob: entry.allow_oob,
                    enabled: true,
                    success_response: true,
                    features: Features(entry.features),
                }),
                "event" => events.push(Event {
                    name: entry.name,
                    data: types.of(entry.arg_type),
                    features: Features(entry.features),
                }),
                _ => types.describe(entry),
            }
        }
        Ok(Schema::new(types.types, commands, events))
    }
}

/// Types by their name; one that is named and not described stays [`Type::Unknown`].
#[derive(Default)]
struct Types {
    by_name: HashMap<Box<str>, TypeId>,
    types: Vec<Type>,
}

impl Types {
    fn id(&mut self, name: &str) -> TypeId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        // Four thousand million types would need a message far beyond any limit.
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(Type::Unknown);
        self.by_name.insert(name.into(), id);
        id
    }

    fn of(&mut self, name: Option<Box<str>>) -> Option<TypeId> {
        name.map(|name| self.id(&name))
    }

    /// Fills in the type that `entry` describes. The first entry of a name counts.
    fn describe(&mut self, entry: Entry) {
        let id = self.id(&entry.name);
        if let Some(ty) = self.ty(entry)
            && let Some(place @ Type::Unknown) = self.types.get_mut(id.0 as usize)
        {
            *place = ty;
        }
    }

    fn ty(&mut self, entry: Entry) -> Option<Type> {
        let has_members = entry.members.is_some();
        let members = entry.members.unwrap_or_default();
        Some(match &*entry.meta_type {
            "builtin" => Type::Builtin(builtin(&entry.json_type?)),
            // `members` since QEMU 6.2, `values` before; QEMU 7.2 sends both.
            "enum" if has_members => Type::Enum(shrunk(members.into_iter().filter_map(enum_value))),
            "enum" => {
                let value = |name| EnumValue { name, features: Features::default() };
                Type::Enum(shrunk(entry.values.into_iter().map(value)))
            }
            "array" => Type::Array(self.of(entry.element_type)?),
            "alternate" => Type::Alternate(members.into_iter().filter_map(|member| self.of(member.ty)).collect()),
            "object" => {
                let members = shrunk(members.into_iter().filter_map(|member| self.member(member)));
                let variants = entry.variants.into_iter();
                let variants = shrunk(variants.map(|raw| Variant { case: raw.case, ty: self.id(&raw.ty) }));
                Type::Object(Object { members, tag: entry.tag, variants, features: Features(entry.features) })
            }
            _ => return None,
        })
    }

    fn member(&mut self, raw: RawMember) -> Option<Member> {
        let (name, ty) = (raw.name?, self.of(raw.ty)?);
        Some(Member { name, ty, optional: raw.optional, features: Features(raw.features) })
    }
}

/// Collects what is smaller than what it is made of, in whose place it would stand.
fn shrunk<T>(parts: impl Iterator<Item = T>) -> Vec<T> {
    let mut parts: Vec<T> = parts.collect();
    parts.shrink_to_fit();
    parts
}

fn enum_value(raw: RawMember) -> Option<EnumValue> {
    Some(EnumValue { name: raw.name?, features: Features(raw.features) })
}

fn builtin(json_type: &str) -> Builtin {
    match json_type {
        "string" => Builtin::Str,
        "int" => Builtin::Int,
        "number" => Builtin::Number,
        "boolean" => Builtin::Bool,
        "null" => Builtin::Null,
        _ => Builtin::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::sample;
    use proptest::prelude::*;

    #[test]
    fn entries_of_every_kind_are_read() {
        let schema = sample::schema();
        let names = |features: &Features| features.names().map(str::to_owned).collect::<Vec<_>>();
        let command = schema.command("resize").unwrap();
        assert!(command.allow_oob && command.features.is_deprecated() && !command.features.is_unstable());
        assert_eq!(names(&command.features), ["deprecated", "json-cli"]);
        assert!(!schema.command("nothing").unwrap().allow_oob);
        assert!(schema.command("STOPPED").is_none() && schema.event("STOPPED").is_some());
        let Type::Object(object) = schema.get(command.arguments.unwrap()) else { panic!("{command:?}") };
        let members: Vec<_> = object.members.iter().map(|m| (&*m.name, m.optional)).collect();
        assert_eq!(members, [("id", false), ("size", true), ("x-fast", true)]);
        assert!(object.members[2].features.is_unstable());
    }

    #[test]
    fn both_forms_of_enums_are_read() {
        let values = |json: &str| match Schema::parse(json.as_bytes()).unwrap().types.remove(0) {
            Type::Enum(values) => {
                values.iter().map(|v| format!("{}{}", v.name, v.features.names().count())).collect::<Vec<_>>().concat()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(values(r#"[{"name":"1","meta-type":"enum","values":["a","b"]}]"#), "a0b0");
        assert_eq!(
            values(
                r#"[{"name":"1","meta-type":"enum","members":[{"name":"a"},{"name":"b","features":["x"]}],"values":["a","b"]}]"#
            ),
            "a0b1"
        );
    }

    #[test]
    fn a_text_that_is_not_a_schema_is_an_error() {
        for text in
            ["", "{}", "[1]", r#"[{"name":"x"}]"#, r#"[{"meta-type":"object"}]"#, r#"[{"meta-type":1,"name":"x"}]"#]
        {
            assert!(Schema::parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!(r#"[{{"meta-type":"x","name":"x","more":{}"#, "[".repeat(100_000));
        assert!(Schema::parse(deep.as_bytes()).is_err());
        assert!(Schema::parse(b"\xff").is_err());
    }

    #[test]
    fn unknown_and_odd_entries_are_left_out() {
        let check = |json: &str| Schema::parse(json.as_bytes()).unwrap();
        assert_eq!(check("[]").type_count(), 0);
        let schema = check(
            r#"[{"meta-type":"new","name":"n","more":[1.5,{"a":null}]},
                {"meta-type":"array","name":"a"},{"meta-type":"builtin","name":"b"},
                {"meta-type":"object","name":"o","members":[{"name":"x"},{"type":"y"},{}]},
                {"meta-type":"command","name":"c","arg-type":"gone"},
                {"meta-type":"event","name":"E"}]"#,
        );
        let command = schema.command("c").unwrap();
        assert_eq!(schema.get(command.arguments.unwrap()), &Type::Unknown);
        assert_eq!(schema.event("E").unwrap().data, None);
        // The first of two with one name.
        let schema = check(
            r#"[{"meta-type":"builtin","json-type":"int","name":"t"},{"meta-type":"builtin","json-type":"string","name":"t"}]"#,
        );
        assert_eq!(schema.types, [Type::Builtin(Builtin::Int)]);
        // Escapes in names.
        assert!(check(r#"[{"meta-type":"command","name":"\u0061b"}]"#).command("ab").is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Schema::parse(&bytes);
        }

        /// Whatever is cut out of a schema or put into it.
        #[test]
        fn no_damage_panics(from in 0..2000_usize, length in 0..40_usize, with in "[\\[\\]{}\",:0-9a-z ]{0,10}") {
            let mut text = sample::TEXT.as_bytes().to_vec();
            let from = from % text.len();
            let to = (from + length).min(text.len());
            text.splice(from..to, with.bytes());
            if let Ok(schema) = Schema::parse(&text) {
                sample::use_every_query(&schema);
            }
        }
    }
}
