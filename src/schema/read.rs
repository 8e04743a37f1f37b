//! From the bytes of a reply to the model.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::Schema;
use super::types::{Builtin, Command, EnumValue, Event, Features, Member, Object, Type, TypeId, Variant};

/// Why a reply is no schema.
#[derive(Debug, thiserror::Error)]
#[error("the peer's description of its commands cannot be read")]
pub struct SchemaError(#[from] serde_json::Error);

/// A string, borrowed where it has no escape.
#[derive(Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Name<'_> {
    pub(super) fn boxed(&self) -> Box<str> {
        (&*self.0).into()
    }
}

/// An entry of any kind: `meta-type` tells which.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    #[serde(borrow)]
    meta_type: Name<'a>,
    #[serde(borrow)]
    name: Name<'a>,
    #[serde(borrow, default)]
    json_type: Option<Name<'a>>,
    #[serde(borrow, default)]
    arg_type: Option<Name<'a>>,
    #[serde(borrow, default)]
    ret_type: Option<Name<'a>>,
    #[serde(borrow, default)]
    element_type: Option<Name<'a>>,
    #[serde(borrow, default)]
    tag: Option<Name<'a>>,
    #[serde(default)]
    allow_oob: bool,
    #[serde(borrow, default)]
    members: Option<Vec<RawMember<'a>>>,
    #[serde(borrow, default)]
    values: Vec<Name<'a>>,
    #[serde(borrow, default)]
    variants: Vec<RawVariant<'a>>,
    #[serde(borrow, default)]
    features: Vec<Name<'a>>,
}

/// A member of an object (with name and type), of an enum (with a name), of an alternate (with a type).
#[derive(Deserialize)]
struct RawMember<'a> {
    #[serde(borrow, default)]
    name: Option<Name<'a>>,
    #[serde(borrow, default, rename = "type")]
    ty: Option<Name<'a>>,
    /// That it is there, be it null, means that the member is optional.
    #[serde(default, rename = "default", deserialize_with = "present")]
    optional: bool,
    #[serde(borrow, default)]
    features: Vec<Name<'a>>,
}

#[derive(Deserialize)]
struct RawVariant<'a> {
    #[serde(borrow)]
    case: Name<'a>,
    #[serde(borrow, rename = "type")]
    ty: Name<'a>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

pub(super) fn parse(reply: &[u8]) -> Result<Schema, SchemaError> {
    let entries: Vec<Entry<'_>> = serde_json::from_slice(reply)?;
    let mut ids = Ids::new(&entries);
    let mut commands = Vec::new();
    let mut events = Vec::new();
    for entry in &entries {
        match &*entry.meta_type.0 {
            "command" => commands.push(ids.command(entry)),
            "event" => events.push(Event {
                name: entry.name.boxed(),
                data: ids.of(entry.arg_type.as_ref()),
                features: features(&entry.features),
            }),
            _ => {
                if let Some(ty) = ids.ty(entry)
                    && let Some(&id) = ids.by_name.get(&*entry.name.0)
                    && let Some(place @ Type::Unknown) = ids.types.get_mut(id.0 as usize)
                {
                    *place = ty;
                }
            }
        }
    }
    Ok(Schema::new(ids.types, commands, events))
}

/// Types by their name; one that is spoken of and not described stays [`Type::Unknown`].
struct Ids<'e> {
    by_name: HashMap<&'e str, TypeId>,
    types: Vec<Type>,
}

impl<'e> Ids<'e> {
    fn new(entries: &'e [Entry<'_>]) -> Self {
        let mut ids = Self { by_name: HashMap::with_capacity(entries.len()), types: Vec::with_capacity(entries.len()) };
        for entry in entries {
            if !matches!(&*entry.meta_type.0, "command" | "event") {
                ids.id(&entry.name);
            }
        }
        ids
    }

    fn id(&mut self, name: &'e Name<'_>) -> TypeId {
        *self.by_name.entry(&*name.0).or_insert_with(|| {
            // Four thousand million types would need a message far beyond any limit.
            let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
            self.types.push(Type::Unknown);
            id
        })
    }

    fn of(&mut self, name: Option<&'e Name<'_>>) -> Option<TypeId> {
        name.map(|name| self.id(name))
    }

    fn command(&mut self, entry: &'e Entry<'_>) -> Command {
        Command {
            name: entry.name.boxed(),
            arguments: self.of(entry.arg_type.as_ref()),
            result: self.of(entry.ret_type.as_ref()),
            allow_oob: entry.allow_oob,
            enabled: true,
            success_response: true,
            features: features(&entry.features),
        }
    }

    fn ty(&mut self, entry: &'e Entry<'_>) -> Option<Type> {
        let members = entry.members.as_deref().unwrap_or_default();
        Some(match &*entry.meta_type.0 {
            "builtin" => Type::Builtin(builtin(entry.json_type.as_ref()?)),
            "enum" => Type::Enum(enum_values(entry)),
            "array" => Type::Array(self.of(entry.element_type.as_ref())?),
            "alternate" => Type::Alternate(members.iter().filter_map(|m| self.of(m.ty.as_ref())).collect()),
            "object" => Type::Object(Object {
                members: members.iter().filter_map(|member| self.member(member)).collect(),
                tag: entry.tag.as_ref().map(Name::boxed),
                variants: entry
                    .variants
                    .iter()
                    .map(|variant| Variant { case: variant.case.boxed(), ty: self.id(&variant.ty) })
                    .collect(),
                features: features(&entry.features),
            }),
            _ => return None,
        })
    }

    fn member(&mut self, raw: &'e RawMember<'_>) -> Option<Member> {
        Some(Member {
            name: raw.name.as_ref()?.boxed(),
            ty: self.of(raw.ty.as_ref())?,
            optional: raw.optional,
            features: features(&raw.features),
        })
    }
}

fn features(names: &[Name<'_>]) -> Features {
    Features(names.iter().map(Name::boxed).collect())
}

/// `members` since QEMU 6.2, `values` before; QEMU 7.2 sends both.
fn enum_values(entry: &Entry<'_>) -> Vec<EnumValue> {
    match &entry.members {
        Some(members) => members
            .iter()
            .filter_map(|raw| Some(EnumValue { name: raw.name.as_ref()?.boxed(), features: features(&raw.features) }))
            .collect(),
        None => {
            entry.values.iter().map(|name| EnumValue { name: name.boxed(), features: Features::default() }).collect()
        }
    }
}

fn builtin(json_type: &Name<'_>) -> Builtin {
    match &*json_type.0 {
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
    fn entries_of_every_kind() {
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
    fn both_forms_of_enums() {
        let values = |json: &str| match super::parse(json.as_bytes()).unwrap().types.remove(0) {
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
    fn what_is_no_schema() {
        for text in
            ["", "{}", "[1]", r#"[{"name":"x"}]"#, r#"[{"meta-type":"object"}]"#, r#"[{"meta-type":1,"name":"x"}]"#]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!(r#"[{{"meta-type":"x","name":"x","more":{}"#, "[".repeat(100_000));
        assert!(parse(deep.as_bytes()).is_err());
        assert!(parse(b"\xff").is_err());
    }

    #[test]
    fn what_is_new_or_odd_is_left_out() {
        let check = |json: &str| parse(json.as_bytes()).unwrap();
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
            let _ = parse(&bytes);
        }

        /// Whatever is cut out of a schema or put into it.
        #[test]
        fn no_damage_panics(from in 0..2000_usize, length in 0..40_usize, with in "[\\[\\]{}\",:0-9a-z ]{0,10}") {
            let mut text = sample::TEXT.as_bytes().to_vec();
            let from = from % text.len();
            let to = (from + length).min(text.len());
            text.splice(from..to, with.bytes());
            if let Ok(schema) = parse(&text) {
                sample::use_every_query(&schema);
            }
        }
    }
}
