//! Members and types in a few words, for lists and hints.

use crate::schema::{Builtin, Features, Member, Schema, Type, TypeId};

/// How many arguments a hint names at most: more do not fit a row.
pub(super) const ARGUMENTS: usize = 12;

/// How many characters of a type are shown in a hint.
const SHORT: usize = 28;

/// Sorts members: the required ones first, deprecated ones last.
pub(super) fn ordered<'m>(members: &[&'m Member]) -> Vec<&'m Member> {
    let mut ordered = members.to_vec();
    ordered.sort_by_key(|member| (member.features.is_deprecated(), member.optional));
    ordered
}

/// Lists the names of the arguments, optional ones in brackets.
pub(super) fn signature(schema: &Schema, ty: TypeId) -> String {
    let members = schema.members(ty, &|_| None);
    let names = ordered(&members)
        .into_iter()
        .map(|member| if member.optional { format!("[{}]", member.name) } else { member.name.to_string() });
    names.collect::<Vec<_>>().join(" ")
}

/// Describes a member: its marks, and its type in a few words.
pub(super) fn described(schema: &Schema, member: &Member) -> String {
    let optional = if member.optional { "optional " } else { "" };
    format!("{}{optional}{}", marks(&member.features), schema.words(member.ty))
}

/// Writes a member as a hint shows it: `size=integer`, in brackets if it is optional.
pub(super) fn hinted(schema: &Schema, name: &str, member: &Member) -> String {
    let nested = matches!(schema.get(member.ty), Type::Object(_) | Type::Array(_));
    let ty = if nested { ".…".to_owned() } else { format!("={}", short(schema, member.ty)) };
    let mark = mark(&member.features);
    if member.optional { format!("[{name}{ty}{mark}]") } else { format!("{name}{ty}{mark}") }
}

fn mark(features: &Features) -> &'static str {
    match (features.is_deprecated(), features.is_unstable()) {
        (true, _) => " deprecated",
        (false, true) => " unstable",
        (false, false) => "",
    }
}

/// Describes the type in a word or two.
pub(super) fn short(schema: &Schema, ty: TypeId) -> String {
    let mut words = String::new();
    for choice in schema.choices(ty) {
        let word = match schema.get(choice) {
            Type::Builtin(Builtin::Str) => "string",
            Type::Builtin(Builtin::Int) => "integer",
            Type::Builtin(Builtin::Number) => "number",
            Type::Builtin(Builtin::Bool) => "true|false",
            Type::Builtin(Builtin::Null) => "null",
            Type::Builtin(Builtin::Any) | Type::Unknown => "any",
            Type::Enum(values) => {
                for value in values {
                    if !push(&mut words, &value.name) {
                        return words;
                    }
                }
                continue;
            }
            Type::Array(_) => "list",
            Type::Object(_) => "object",
            Type::Alternate(_) => continue,
        };
        if !push(&mut words, word) {
            break;
        }
    }
    words
}

/// Adds a word, or `…` if it does not fit; returns whether it fits.
fn push(words: &mut String, word: &str) -> bool {
    let bar = if words.is_empty() { "" } else { "|" };
    let fits = words.is_empty() || words.len() + word.len() < SHORT;
    words.push_str(bar);
    words.push_str(if fits { word } else { "…" });
    fits
}

/// Names what the user should know before using it, with a space behind.
pub(super) fn marks(features: &Features) -> String {
    let mut marks = String::new();
    if features.is_deprecated() {
        marks.push_str("deprecated ");
    }
    if features.is_unstable() {
        marks.push_str("unstable ");
    }
    marks
}
