//! The arguments of the command at the cursor, and the types of what they are.

use std::borrow::Cow;

use super::Peer;
use super::tree::{Found, Tree};
use crate::language::syntax::{KeyPart, Target, Word, WordKind};
use crate::schema::{Builtin, Features, Member, Schema, Type, TypeId};

/// How many characters of a type are shown in a hint.
const SHORT: usize = 28;

/// All arguments of one command or action.
pub(super) struct Arguments<'a> {
    pub(super) command: &'a str,
    schema: Option<&'a Schema>,
    tree: Tree<'a>,
}

impl<'a> Arguments<'a> {
    /// Those of `target` among the words of its line, but the one at `cursor`.
    pub(super) fn at(words: &'a [Word], cursor: usize, target: &'a Target, peer: Peer<'a>) -> Self {
        let is_at = |word: &Word| (word.span.start..=word.span.end).contains(&cursor);
        let own = around(words, cursor).iter().map(|word| (word, !is_at(word)));
        Self::of(&target.command, target.action, own, peer)
    }

    /// The same with the one at `cursor`, as if it were finished.
    pub(super) fn behind(words: &'a [Word], cursor: usize, target: &'a Target, peer: Peer<'a>) -> Self {
        Self::new(&target.command, target.action, around(words, cursor), peer)
    }

    /// Those of a command, all its words.
    pub(super) fn new(command: &'a str, action: bool, words: &'a [Word], peer: Peer<'a>) -> Self {
        Self::of(command, action, words.iter().map(|word| (word, true)), peer)
    }

    fn of(command: &'a str, action: bool, words: impl Iterator<Item = (&'a Word, bool)>, peer: Peer<'a>) -> Self {
        let schema = peer.schema;
        let root = schema.and_then(|schema| if action { schema.action(command) } else { schema.arguments(command) });
        Self { command, schema, tree: Tree::new(words, schema, root) }
    }

    /// The schema, if it knows the command.
    pub(super) fn schema(&self) -> Option<&'a Schema> {
        self.schema.filter(|_| self.tree.find(&[]).ty.is_some())
    }

    /// The text that the argument at this path was given.
    pub(super) fn text(&self, path: &[&str]) -> Option<String> {
        self.tree.text(path).map(Cow::into_owned)
    }

    /// What a path of keys leads to.
    pub(super) fn find(&self, parts: &[KeyPart]) -> Found {
        self.tree.find(parts)
    }

    /// The members that the object there can have.
    pub(super) fn members(&self, found: Found) -> Vec<&'a Member> {
        self.tree.members(found)
    }

    /// Whether the argument `name` there was given, or something within it.
    pub(super) fn is_given(&self, found: Found, name: &str) -> bool {
        self.tree.is_given(found, name)
    }

    /// Whether it was given as a whole.
    pub(super) fn is_whole(&self, found: Found, name: &str) -> bool {
        self.tree.is_whole(found, name)
    }

    /// The first index that was not given in the list there.
    pub(super) fn next_index(&self, found: Found) -> usize {
        let indices = self.tree.given_below(found).filter_map(|name| name.parse::<usize>().ok());
        indices.max().map_or(0, |last| last.saturating_add(1))
    }

    /// Which part of a key the schema does not know, where it knows all that there can be.
    pub(super) fn unknown_part<'p>(&self, parts: impl Iterator<Item = &'p KeyPart>) -> Option<usize> {
        self.tree.unknown_part(parts).filter(|part| *part > 0 || self.command != "device_add")
    }
}

/// The arguments of the command at `cursor`.
fn around(words: &[Word], cursor: usize) -> &[Word] {
    let is_argument = |word: &Word| matches!(word.kind, WordKind::Argument(_));
    let begin = words.iter().rposition(|word| word.span.start < cursor && !is_argument(word)).map_or(0, |n| n + 1);
    let count = words[begin..].iter().take_while(|word| is_argument(word)).count();
    &words[begin..begin + count]
}

/// The members of an object in the order a person wants: what is needed first, what goes away last.
pub(super) fn ordered<'m>(members: &[&'m Member]) -> Vec<&'m Member> {
    let mut ordered = members.to_vec();
    ordered.sort_by_key(|member| (member.features.is_deprecated(), member.optional));
    ordered
}

/// The names of the arguments, those in brackets that are optional.
pub(super) fn signature(schema: &Schema, ty: TypeId) -> String {
    let members = schema.members(ty, &|_| None);
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
