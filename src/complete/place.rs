//! The arguments of the command at the cursor, and the types of what they are.

use std::borrow::Cow;

use super::Peer;
use crate::schema::{Builtin, Features, Member, Object, Schema, Step, Tags, Type, TypeId};
use crate::syntax::{Argument, ArgumentWord, Key, KeyPart, Target, Word, WordKind, outline};
use crate::typing::Given;

/// How many characters of a type are shown in a hint.
const SHORT: usize = 28;

/// All arguments of one command or action.
pub(super) struct Arguments<'a> {
    pub(super) command: &'a str,
    schema: Option<&'a Schema>,
    root: Option<TypeId>,
    /// The keys given, without the one at the cursor.
    keys: Vec<Key>,
    finished: Vec<Argument>,
}

impl<'a> Arguments<'a> {
    /// Those of `target`, which stand before and behind `cursor` in `line`.
    pub(super) fn at(line: &str, cursor: usize, target: &'a Target, peer: Peer<'a>) -> Self {
        let words = outline(line);
        let begin = words.iter().rposition(|word| word.span.start < cursor && !is_argument(word)).map_or(0, |n| n + 1);
        let own = words[begin..].iter().take_while(|word| is_argument(word));
        Self::new(
            &target.command,
            target.action,
            own.filter(|word| !(word.span.start..=word.span.end).contains(&cursor)),
            peer,
        )
    }

    /// Those of a command whose words are known.
    pub(super) fn new<'w>(
        command: &'a str,
        action: bool,
        words: impl Iterator<Item = &'w Word>,
        peer: Peer<'a>,
    ) -> Self {
        let schema = peer.schema;
        let root = schema.and_then(|schema| if action { schema.action(command) } else { schema.arguments(command) });
        let mut this = Self { command, schema, root, keys: Vec::new(), finished: Vec::new() };
        for word in words {
            if let WordKind::Argument(ArgumentWord::Pair(pair)) = &word.kind {
                this.keys.push(pair.key.clone());
                this.finished.extend(pair.argument.clone());
            }
        }
        this
    }

    /// The schema, and the type of the command's arguments, if they are known.
    pub(super) fn root(&self) -> Option<(&'a Schema, TypeId)> {
        Some((self.schema?, self.root?))
    }

    /// The text that the argument at this path was given.
    pub(super) fn text(&self, path: &[&str]) -> Option<String> {
        Given::new(&self.finished).text(path).map(Cow::into_owned)
    }

    /// Does something with the tags of unions among the arguments.
    pub(super) fn with_tags<T>(&self, work: impl FnOnce(&Tags<'_>) -> T) -> T {
        let given = Given::new(&self.finished);
        work(&|path: &[&str]| given.text(path))
    }

    /// The type at a path of keys.
    pub(super) fn type_of(&self, parts: &[KeyPart]) -> Option<TypeId> {
        let (schema, root) = self.root()?;
        self.with_tags(|tags| schema.walk(root, &steps(parts), tags)).ty
    }

    /// The members that the object at a path of keys can have.
    pub(super) fn members(&self, parts: &[KeyPart]) -> Vec<&'a Member> {
        let (Some((schema, _)), Some(ty)) = (self.root(), self.type_of(parts)) else { return Vec::new() };
        let at: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
        self.with_tags(|tags| schema.members(ty, &at, tags))
    }

    /// Whether the argument at `parts` and `name` was given, or something within it.
    pub(super) fn is_given(&self, parts: &[KeyPart], name: &str) -> bool {
        self.below(parts).any(|below| below.first().is_some_and(|part| part.text == name))
    }

    /// Whether it was given as a whole.
    pub(super) fn is_whole(&self, parts: &[KeyPart], name: &str) -> bool {
        self.below(parts).any(|below| below.len() == 1 && below[0].text == name)
    }

    /// The first index that was not given in the list at `parts`.
    pub(super) fn next_index(&self, parts: &[KeyPart]) -> usize {
        let indices = self.below(parts).filter_map(|below| below.first()?.text.parse::<usize>().ok());
        indices.max().map_or(0, |last| last.saturating_add(1))
    }

    /// What follows `parts` in the keys that begin with them.
    fn below(&self, parts: &[KeyPart]) -> impl Iterator<Item = &[KeyPart]> {
        self.keys.iter().filter_map(move |key| {
            let same = key.parts.len() > parts.len() && key.parts.iter().zip(parts).all(|(a, b)| a.text == b.text);
            same.then(|| &key.parts[parts.len()..])
        })
    }

    /// Which part of a key the schema does not know, where it knows all that there can be.
    pub(super) fn unknown_part(&self, parts: &[KeyPart]) -> Option<usize> {
        let (schema, root) = self.root()?;
        let steps = steps(parts);
        self.with_tags(|tags| {
            let known = schema.walk(root, &steps, tags).known;
            if known == steps.len() || (known == 0 && self.command == "device_add") {
                return None;
            }
            let parent = schema.walk(root, &steps[..known], tags).ty?;
            let at: Vec<&str> = steps[..known].iter().map(|step| step.text).collect();
            (!is_open(schema, parent, &at, tags)).then_some(known)
        })
    }
}

fn is_argument(word: &Word) -> bool {
    matches!(word.kind, WordKind::Argument(_))
}

fn steps(parts: &[KeyPart]) -> Vec<Step<'_>> {
    parts.iter().map(|part| Step { text: &part.text, literal: part.quoted }).collect()
}

/// Whether the object at `at` may have members that are not known: it is a union without a valid tag.
fn is_open(schema: &Schema, ty: TypeId, at: &[&str], tags: &Tags<'_>) -> bool {
    let has_unknown = schema.choices(ty).iter().any(|ty| matches!(schema.get(*ty), Type::Unknown));
    has_unknown || schema.object(ty).is_some_and(|object| lacks_tag(schema, object, at, tags, 0))
}

fn lacks_tag(schema: &Schema, object: &Object, at: &[&str], tags: &Tags<'_>, depth: usize) -> bool {
    let Some(tag) = object.tag.as_deref() else { return false };
    let path: Vec<&str> = at.iter().copied().chain([tag]).collect();
    let case = tags(&path);
    let variant = object.variants.iter().find(|variant| Some(&*variant.case) == case.as_deref());
    match variant.map(|variant| schema.get(variant.ty)) {
        // A variant may be a union itself; a hostile one without end.
        Some(Type::Object(object)) => depth > 8 || lacks_tag(schema, object, at, tags, depth + 1),
        // Every value has a variant in QEMU's schema, an empty one too; but a missing one adds nothing.
        Some(_) => false,
        None => !tag_is_valid(schema, object, tag, case.as_deref()),
    }
}

fn tag_is_valid(schema: &Schema, object: &Object, tag: &str, case: Option<&str>) -> bool {
    let member = object.members.iter().find(|member| &*member.name == tag);
    let values = member.and_then(|member| schema.enum_values(member.ty)).unwrap_or_default();
    values.iter().any(|value| Some(&*value.name) == case)
}

/// The members of an object in the order a person wants: what is needed first, what goes away last.
pub(super) fn ordered<'m>(members: &[&'m Member]) -> Vec<&'m Member> {
    let mut ordered = members.to_vec();
    ordered.sort_by_key(|member| (member.features.is_deprecated(), member.optional));
    ordered
}

/// The names of the arguments, those in brackets that are optional.
pub(super) fn signature(schema: &Schema, ty: TypeId) -> String {
    let members = schema.members(ty, &[], &|_| None);
    let names = ordered(&members)
        .into_iter()
        .map(|member| if member.optional { format!("[{}]", member.name) } else { member.name.to_string() });
    names.collect::<Vec<_>>().join(" ")
}

/// The type in a few words, with what a person should know of it.
pub(super) fn described(schema: &Schema, member: &Member) -> String {
    let optional = if member.optional { "optional " } else { "" };
    format!("{}{optional}{}", super::marks(&member.features), schema.words(member.ty))
}

/// A member as a hint shows it: `size=integer`, in brackets if it is optional.
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

/// The type in a word or two.
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

/// Adds a word, or what says that there are more; false: no more are wanted.
fn push(words: &mut String, word: &str) -> bool {
    let bar = if words.is_empty() { "" } else { "|" };
    let fits = words.is_empty() || words.len() + word.len() < SHORT;
    words.push_str(bar);
    words.push_str(if fits { word } else { "…" });
    fits
}
