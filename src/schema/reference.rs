//! Lists a type in full: its members, and all that is in them, line by line.
//!
//! Paths are written as in the shell's language. An object that is in several places, or in itself, is listed once;
//! elsewhere its line says where that was. So the listing of any type ends.

use std::collections::HashMap;

use super::types::{Builtin, Features, Object, Schema, Type, TypeId};

/// How deep objects may be nested in a listing. QEMU's own are in at most seven.
const DEPTH: usize = 16;
/// The most bytes of a listing. QEMU's longest has 30 thousand.
const ROOM: usize = 1 << 20;
/// The most bytes of the words for one type. QEMU's longest, the names of keys, have 1,400.
const WORDS: usize = 16 << 10;
/// How deep lists and alternates may be nested in those words, and how many types an alternate may name.
const NESTED: usize = 3;
const ALTERNATIVES: usize = 12;

/// The listing of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// Its lines, in order. Names in them are the peer's, not safe to show.
    pub lines: Vec<ReferenceLine>,
    /// Choices that do not exist, each with the values that its tag can have; no values if there is no such tag.
    pub unmatched: Vec<(Choice, Vec<String>)>,
}

/// One line of a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceLine {
    /// The number of branches around it.
    pub depth: usize,
    /// Its content.
    pub row: Row,
}

/// The content of a line of a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A member.
    Member {
        /// The keys that lead to it, with dots between; `0` is the first of a list.
        path: String,
        /// Its type in words, and whether it is optional.
        what: String,
    },
    /// The lines that follow, one branch deeper, exist only with these values of a tag.
    Branch {
        /// The keys that lead to the tag.
        path: String,
        /// The values, with commas between.
        cases: String,
        /// What the branch has, if no lines follow.
        note: Option<String>,
    },
    /// The rest is left out, because it is too long.
    Cut,
}

/// The value of a tag: only that branch is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The keys that lead to the tag, with dots between.
    pub path: String,
    /// Its value.
    pub case: String,
}

impl Schema {
    /// Lists the members of the object that `root` is, or that its elements are; no lines if it is none.
    ///
    /// `name` is what the whole is called in lines that refer to it.
    pub fn reference(&self, root: TypeId, name: &str, choices: &[Choice]) -> Reference {
        let mut listing = Listing {
            schema: self,
            choices,
            reference: Reference::default(),
            listed: HashMap::new(),
            tags: HashMap::new(),
            room: ROOM,
        };
        if let Some((ty, object, _)) = self.inner_object(root) {
            listing.listed.insert(ty, name.to_owned());
            listing.members(object, "", 0, 0);
        }
        let Listing { mut reference, tags, .. } = listing;
        for choice in choices {
            let cases = tags.get(&choice.path).cloned().unwrap_or_default();
            if !cases.contains(&choice.case) {
                reference.unmatched.push((choice.clone(), cases));
            }
        }
        reference
    }

    /// Describes the kind of value in a few words, such as `list of integers`, with the marks of enum values.
    pub fn kind(&self, ty: TypeId) -> String {
        self.kind_at(ty, 0)
    }

    fn kind_at(&self, ty: TypeId, depth: usize) -> String {
        match self.get(ty) {
            Type::Builtin(Builtin::Bool) => "boolean".into(),
            Type::Enum(values) if values.is_empty() => "string".into(),
            Type::Enum(values) => {
                let values = values.iter().map(|value| format!("{}{}", value.name, marks(&value.features)));
                format!("one of {}", joined(values, ", "))
            }
            Type::Array(_) if depth == NESTED => "list".into(),
            Type::Array(element) => {
                let words = self.kind_at(*element, depth + 1);
                match self.get(*element) {
                    Type::Builtin(Builtin::Any | Builtin::Null)
                    | Type::Enum(_)
                    | Type::Alternate(_)
                    | Type::Unknown => {
                        format!("list of {words}")
                    }
                    Type::Array(_) => format!("list of lists{}", words.strip_prefix("list").unwrap_or_default()),
                    _ => format!("list of {words}s"),
                }
            }
            Type::Alternate(_) if depth < NESTED => {
                let mut choices = self.choices(ty);
                choices.truncate(ALTERNATIVES);
                // The plain ones first, and a long list of values last.
                choices.sort_by_key(|ty| match self.get(*ty) {
                    Type::Builtin(_) => 0,
                    Type::Enum(_) => 2,
                    _ => 1,
                });
                joined(choices.into_iter().map(|ty| self.kind_at(ty, depth + 1)), " or ")
            }
            Type::Alternate(_) => "anything".into(),
            Type::Object(_) | Type::Builtin(_) | Type::Unknown => self.words(ty),
        }
    }

    /// Finds the object in a value of this type, with the keys to it: `0` for each list around it.
    fn inner_object(&self, ty: TypeId) -> Option<(TypeId, &Object, String)> {
        let mut path = String::new();
        let mut ty = ty;
        for _ in 0..DEPTH {
            let found = self.choices(ty).into_iter().find_map(|ty| match self.get(ty) {
                Type::Object(object) => Some((ty, object)),
                _ => None,
            });
            if let Some((ty, object)) = found {
                return Some((ty, object, path));
            }
            ty = self.element(ty)?;
            path.push_str(".0");
        }
        None
    }
}

struct Listing<'s> {
    schema: &'s Schema,
    choices: &'s [Choice],
    reference: Reference,
    /// The objects that are listed already, with their places.
    listed: HashMap<TypeId, String>,
    /// The values of the tags that were met.
    tags: HashMap<String, Vec<String>>,
    /// How many more bytes it may have.
    room: usize,
}

impl<'s> Listing<'s> {
    /// Adds a line; returns whether there was room for it.
    fn push(&mut self, depth: usize, row: Row) -> bool {
        let bytes = match &row {
            Row::Member { path, what } => path.len() + what.len(),
            Row::Branch { path, cases, note } => path.len() + cases.len() + note.as_ref().map_or(0, String::len),
            Row::Cut => 0,
        };
        let Some(room) = self.room.checked_sub(bytes + 1) else {
            if std::mem::replace(&mut self.room, 0) > 0 {
                self.reference.lines.push(ReferenceLine { depth: 0, row: Row::Cut });
            }
            return false;
        };
        self.room = room;
        self.reference.lines.push(ReferenceLine { depth, row });
        true
    }

    /// Lists the members of the object at `at`, which is empty or ends with a dot.
    fn members(&mut self, object: &'s Object, at: &str, depth: usize, nested: usize) {
        let schema = self.schema;
        for member in &object.members {
            let path = format!("{at}{}", member.name);
            let inner = schema.inner_object(member.ty);
            let mut what = if member.optional { "optional ".to_owned() } else { String::new() };
            what.push_str(&self.chosen(&path).map_or_else(|| schema.kind(member.ty), str::to_owned));
            what.push_str(&marks(&member.features));
            let place = inner.as_ref().and_then(|(ty, ..)| self.listed.get(ty));
            if let Some(place) = place {
                what.push_str(", as ");
                what.push_str(place);
            }
            let is_new = place.is_none() && nested < DEPTH;
            if !self.push(depth, Row::Member { path: path.clone(), what }) {
                return;
            }
            if let (Some((ty, inner, indices)), true) = (inner, is_new) {
                self.listed.insert(ty, path.clone());
                self.members(inner, &format!("{path}{indices}."), depth, nested + 1);
            }
        }
        if nested < DEPTH {
            self.variants(object, at, depth, nested);
        }
    }

    fn variants(&mut self, object: &'s Object, at: &str, depth: usize, nested: usize) {
        let schema = self.schema;
        let Some(tag) = &object.tag else { return };
        let path = format!("{at}{tag}");
        let chosen = self.chosen(&path);
        let cases = self.tags.entry(path.clone()).or_default();
        if chosen.is_some() {
            cases.extend(object.variants.iter().map(|variant| variant.case.to_string()));
        }
        let mut groups: Vec<(TypeId, Vec<&str>)> = Vec::new();
        let mut group_of: HashMap<TypeId, usize> = HashMap::new();
        for variant in &object.variants {
            if chosen.is_some_and(|chosen| chosen != &*variant.case) {
                continue;
            }
            let group = *group_of.entry(variant.ty).or_insert(groups.len());
            if group == groups.len() {
                groups.push((variant.ty, Vec::new()));
            }
            groups[group].1.push(&variant.case);
        }
        // Variants without members are listed in one line, at the end.
        let is_empty = |ty: &TypeId| match schema.get(*ty) {
            Type::Object(object) => object.members.is_empty() && object.variants.is_empty(),
            _ => true,
        };
        groups.sort_by_key(|(ty, _)| is_empty(ty));
        for (ty, cases) in groups {
            let cases = cases.join(", ");
            let note = match self.listed.get(&ty) {
                _ if is_empty(&ty) => Some("nothing more".to_owned()),
                Some(place) => Some(format!("as {place}")),
                None => None,
            };
            let ends = note.is_some();
            if !self.push(depth, Row::Branch { path: path.clone(), cases: cases.clone(), note }) {
                return;
            }
            if let (Type::Object(variant), false) = (schema.get(ty), ends) {
                self.listed.insert(ty, format!("with {path}={cases}"));
                self.members(variant, at, depth + 1, nested + 1);
            }
        }
    }

    /// Returns the chosen value of the tag at `path`.
    fn chosen(&self, path: &str) -> Option<&'s str> {
        self.choices.iter().find(|choice| choice.path == path).map(|choice| &*choice.case)
    }
}

/// Joins as many of the parts as there is room for.
fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    let mut all = String::new();
    for part in parts {
        if all.len() + part.len() > WORDS {
            all.push_str(" …");
            break;
        }
        if !all.is_empty() {
            all.push_str(between);
        }
        all.push_str(&part);
    }
    all
}

/// Writes marks as the end of a line: ` (deprecated, unstable)`, or nothing.
pub(super) fn marks(features: &Features) -> String {
    let names: Vec<&str> = features.names().collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
