//! Describes types in words.

use super::types::{Builtin, EnumValue, Schema, Type, TypeId};
use super::walk::Tag;

/// How many types may be in one another in a description.
const DEPTH: usize = 3;
/// How many values of an enum are named.
const VALUES: usize = 60;

impl Schema {
    /// Returns the names of keys, as `send-key` takes them; `None` if the peer has no such command.
    pub fn key_names(&self) -> Option<Vec<&str>> {
        let member = |ty, name: &str, tag: &Tag<'_>| {
            self.members(ty, tag).into_iter().find(|member| &*member.name == name).map(|member| member.ty)
        };
        let keys = member(self.arguments("send-key")?, "keys", &|_| None)?;
        let data = member(self.element(keys)?, "data", &|_| Some("qcode".into()))?;
        Some(self.enum_values(data)?.iter().map(|value| &*value.name).collect())
    }

    /// Describes the type in a few words, such as `list of integers`. Names in it are the peer's, not safe to show.
    pub fn words(&self, ty: TypeId) -> String {
        self.words_at(ty, 0, VALUES)
    }

    /// Like [`words`](Self::words), with at most `values` values of an enum.
    #[cfg(feature = "language")]
    pub(crate) fn short_words(&self, ty: TypeId, values: usize) -> String {
        self.words_at(ty, 0, values)
    }

    /// Returns the values of an enum; of an alternate, those of its enum.
    pub fn enum_values(&self, ty: TypeId) -> Option<&[EnumValue]> {
        self.choices(ty).into_iter().find_map(|ty| match self.get(ty) {
            Type::Enum(values) => Some(&values[..]),
            _ => None,
        })
    }

    fn words_at(&self, ty: TypeId, depth: usize, values: usize) -> String {
        match self.get(ty) {
            Type::Builtin(Builtin::Str) => "string".into(),
            Type::Builtin(Builtin::Int) => "integer".into(),
            Type::Builtin(Builtin::Number) => "number".into(),
            Type::Builtin(Builtin::Bool) => "true or false".into(),
            Type::Builtin(Builtin::Null) => "null".into(),
            Type::Builtin(Builtin::Any) | Type::Unknown => "anything".into(),
            Type::Enum(all) => {
                let mut words = format!("one of {}", joined(all.iter().take(values).map(|value| &*value.name)));
                if all.len() > values {
                    words.push_str(", …");
                }
                words
            }
            Type::Array(_) if depth == DEPTH => "list".into(),
            Type::Array(element) => {
                let words = self.words_at(*element, depth + 1, values);
                match self.get(*element) {
                    Type::Builtin(Builtin::Str | Builtin::Int | Builtin::Number) | Type::Object(_) => {
                        format!("list of {words}s")
                    }
                    _ => format!("list of ({words})"),
                }
            }
            Type::Object(_) => "object".into(),
            Type::Alternate(_) => self.alternate(ty, depth, values),
        }
    }

    fn alternate(&self, ty: TypeId, depth: usize, values: usize) -> String {
        let mut choices = self.choices(ty);
        choices.truncate(VALUES);
        // The plain ones first.
        choices.sort_by_key(|ty| match self.get(*ty) {
            Type::Builtin(_) => 0,
            Type::Enum(_) => 1,
            _ => 2,
        });
        let describe = |ty| if depth == DEPTH { "…".into() } else { self.words_at(ty, depth + 1, values) };
        let mut words: Vec<String> = choices.into_iter().map(describe).collect();
        let last = words.pop().unwrap_or_else(|| "anything".into());
        if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
    }
}

fn joined<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::schema::{Schema, Step, sample};

    #[test]
    fn a_type_is_described_in_words() {
        let schema = sample::schema();
        let root = schema.arguments("kinds").unwrap();
        let check = |member: &str, expected: &str| {
            let ty = schema.walk(root, &[Step::key(member)], &|_| None).ty.unwrap();
            assert_eq!(schema.words(ty), expected);
        };
        check("str", "string");
        check("int", "integer");
        check("number", "number");
        check("bool", "true or false");
        check("null", "null");
        check("any", "anything");
        check("enum", "one of a, b, null");
        check("ints", "list of integers");
        check("lists", "list of (list of integers)");
        check("many", "list of objects");
        check("object", "object");
        check("plain", "integer, true or false or list of integers");
        check("mixed", "string, true or false, integer or null");
        check("enum-or-object", "one of a, b, null or object");
    }

    #[test]
    fn an_enum_has_values() {
        let schema = sample::schema();
        let root = schema.arguments("kinds").unwrap();
        let check = |member: &str, expected: Option<usize>| {
            let ty = schema.walk(root, &[Step::key(member)], &|_| None).ty.unwrap();
            assert_eq!(schema.enum_values(ty).map(<[_]>::len), expected, "{member}");
        };
        check("enum", Some(3));
        check("enum-or-object", Some(3));
        check("str", None);
    }

    #[test]
    fn long_and_endless_descriptions_are_cut() {
        let values = vec![r#""v""#; 70].join(",");
        let text = format!(
            r#"[{{"name":"c","meta-type":"command","arg-type":"l"}},{{"name":"d","meta-type":"command","arg-type":"e"}},
                {{"name":"l","meta-type":"array","element-type":"l"}},{{"name":"e","meta-type":"enum","values":[{values}]}}]"#
        );
        let schema = Schema::parse(text.as_bytes()).unwrap();
        let words = |command: &str| schema.words(schema.arguments(command).unwrap());
        assert_eq!(words("c"), "list of (list of (list of (list)))");
        assert_eq!(words("d"), format!("one of {}, …", ["v"; 60].join(", ")));
    }
}
