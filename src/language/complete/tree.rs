//! The keys of one command as a tree. Each is looked up in the schema once, however often it stands in the line, so that what a key
//! pressed costs grows with the line and no faster.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::language::syntax::{ArgumentWord, KeyPart, Value, Word, WordKind};
use crate::language::typing::text_of;
use crate::schema::{Member, Object, Schema, Step, Tag, Type, TypeId};

/// How many unions may be in one another without a key between them.
const DEPTH: usize = 8;

/// The root stands for the arguments as a whole.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    schema: Option<&'a Schema>,
    /// A parent stands before its children.
    nodes: Vec<Node<'a>>,
    /// By the number of the parent and the name.
    children: HashMap<(usize, &'a str), usize>,
    /// How many steps were looked up in the schema.
    #[cfg(test)]
    pub(super) steps: usize,
}

#[derive(Debug, Default)]
struct Node<'a> {
    /// The number of its parent and its name; none: the root.
    step: Option<(usize, Step<'a>)>,
    given: Given<'a>,
    /// Something right below it has a value: it may be a tag.
    has_values: bool,
    /// `None` if the schema does not say.
    ty: Option<TypeId>,
    /// It is an element of a list.
    is_index: bool,
    /// It may have members that are not known; found when it is asked for.
    is_open: OnceCell<bool>,
}

/// What of a key has a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Given<'a> {
    #[default]
    Nothing,
    /// Something in it.
    Part,
    /// All of it; this, if it is right.
    Whole(Option<&'a Value>),
}

/// What a path of keys leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The number of its node, if the line has it.
    node: Option<usize>,
    /// `None` if the schema does not say.
    pub(super) ty: Option<TypeId>,
}

impl<'a> Tree<'a> {
    /// The keys of these words, each with whether it counts as given, below an object of type `root`.
    pub(super) fn new(
        words: impl Iterator<Item = (&'a Word, bool)>,
        schema: Option<&'a Schema>,
        root: Option<TypeId>,
    ) -> Self {
        let mut tree = Self {
            schema,
            nodes: vec![Node { ty: root, ..Node::default() }],
            children: HashMap::new(),
            #[cfg(test)]
            steps: 0,
        };
        for (word, is_given) in words {
            match &word.kind {
                WordKind::Argument(ArgumentWord::Pair(pair)) => {
                    let node = tree.insert(pair.key.parts.iter(), is_given);
                    if is_given {
                        tree.give(node, pair.value.as_ref());
                    }
                }
                WordKind::Argument(ArgumentWord::Name(Some(name))) => {
                    let last = Some(&name.last).filter(|last| !last.text.is_empty());
                    tree.insert(name.parts.iter().chain(last), false);
                }
                _ => {}
            }
        }
        if let Some(schema) = schema.filter(|_| root.is_some()) {
            tree.look_up(schema);
        }
        tree
    }

    fn insert(&mut self, parts: impl Iterator<Item = &'a KeyPart>, is_given: bool) -> usize {
        let mut node = 0;
        for part in parts {
            let next = self.nodes.len();
            let child = *self.children.entry((node, &part.text)).or_insert(next);
            if child == next {
                let step = Step { text: &part.text, literal: part.quoted };
                self.nodes.push(Node { step: Some((node, step)), ..Node::default() });
            }
            if is_given && self.nodes[child].given == Given::Nothing {
                self.nodes[child].given = Given::Part;
            }
            node = child;
        }
        node
    }

    fn give(&mut self, node: usize, value: Option<&'a Value>) {
        self.nodes[node].given = Given::Whole(value);
        if let Some((parent, _)) = self.nodes[node].step {
            self.nodes[parent].has_values = true;
        }
    }

    /// Finds all types.
    fn look_up(&mut self, schema: &Schema) {
        // Where no tag can be, the same step leads to the same type.
        let mut untagged = HashMap::new();
        for node in 0..self.nodes.len() {
            if let Some((parent, step)) = self.nodes[node].step
                && let Some(ty) = self.nodes[parent].ty
            {
                let known = untagged.get(&(ty, step.text, step.literal)).filter(|_| !self.nodes[parent].has_values);
                let found = match known {
                    Some(found) => *found,
                    None => {
                        #[cfg(test)]
                        {
                            self.steps += 1;
                        }
                        schema.step(ty, step, &|tag| self.child_text(parent, tag))
                    }
                };
                if !self.nodes[parent].has_values {
                    untagged.insert((ty, step.text, step.literal), found);
                }
                self.nodes[node].ty = found.map(|(ty, _)| ty);
                self.nodes[node].is_index = found.is_some_and(|(_, is_index)| is_index);
            }
        }
    }

    fn child_text(&self, node: usize, name: &str) -> Option<Cow<'a, str>> {
        match self.nodes[self.child(Some(node), name)?].given {
            Given::Whole(value) => text_of(value?),
            Given::Nothing | Given::Part => None,
        }
    }

    /// The text at a path of keys.
    pub(super) fn text(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        let (last, parents) = path.split_last()?;
        let node = parents.iter().try_fold(0, |node, name| self.children.get(&(node, *name)).copied())?;
        self.child_text(node, last)
    }

    fn step(&self, from: Found, part: &KeyPart) -> Found {
        let node = self.child(from.node, &part.text);
        let ty = match node.map(|node| &self.nodes[node]) {
            // In quotes it is no index.
            Some(node) if node.is_index && part.quoted => None,
            Some(node) => node.ty,
            None => self.schema.zip(from.ty).and_then(|(schema, ty)| {
                let step = Step { text: &part.text, literal: part.quoted };
                Some(schema.step(ty, step, &|tag| self.child_text(from.node?, tag))?.0)
            }),
        };
        Found { node, ty }
    }

    fn child(&self, node: Option<usize>, name: &str) -> Option<usize> {
        self.children.get(&(node?, name)).copied()
    }

    fn root(&self) -> Found {
        Found { node: Some(0), ty: self.nodes[0].ty }
    }

    /// What a path of keys leads to.
    pub(super) fn find(&self, parts: &[KeyPart]) -> Found {
        parts.iter().fold(self.root(), |found, part| self.step(found, part))
    }

    /// Which part of a path the schema does not know, where it knows all that there can be.
    pub(super) fn unknown_part<'p>(&self, parts: impl Iterator<Item = &'p KeyPart>) -> Option<usize> {
        let mut parent = self.root();
        for (n, part) in parts.enumerate() {
            let found = self.step(parent, part);
            if found.ty.is_none() {
                return (!self.is_open(parent)?).then_some(n);
            }
            parent = found;
        }
        None
    }

    /// Whether there may be members that are not known; `None` if nothing is.
    fn is_open(&self, found: Found) -> Option<bool> {
        let (schema, ty) = (self.schema?, found.ty?);
        Some(match found.node {
            Some(node) => {
                let is_open = || is_open(schema, ty, &|tag| self.child_text(node, tag));
                *self.nodes[node].is_open.get_or_init(is_open)
            }
            None => is_open(schema, ty, &|_| None),
        })
    }

    /// The members that the object there can have.
    pub(super) fn members(&self, found: Found) -> Vec<&'a Member> {
        let (Some(schema), Some(ty)) = (self.schema, found.ty) else { return Vec::new() };
        schema.members(ty, &|tag| self.child_text(found.node?, tag))
    }

    /// Whether what is there was given, or something within it.
    pub(super) fn is_given(&self, found: Found, name: &str) -> bool {
        self.child(found.node, name).is_some_and(|node| self.nodes[node].given != Given::Nothing)
    }

    /// Whether it was given as a whole.
    pub(super) fn is_whole(&self, found: Found, name: &str) -> bool {
        self.child(found.node, name).is_some_and(|node| matches!(self.nodes[node].given, Given::Whole(_)))
    }

    /// The names that were given below it.
    pub(super) fn given_below(&self, found: Found) -> impl Iterator<Item = &'a str> {
        self.nodes.iter().filter(|node| node.given != Given::Nothing).filter_map(move |node| {
            let (parent, step) = node.step?;
            (Some(parent) == found.node).then_some(step.text)
        })
    }
}

/// Whether an object may have members that are not known: it is a union without a valid tag.
fn is_open(schema: &Schema, ty: TypeId, tag: &Tag<'_>) -> bool {
    let has_unknown = schema.choices(ty).iter().any(|ty| matches!(schema.get(*ty), Type::Unknown));
    has_unknown || schema.object(ty).is_some_and(|object| lacks_tag(schema, object, tag, 0))
}

fn lacks_tag(schema: &Schema, object: &Object, tag: &Tag<'_>, depth: usize) -> bool {
    let Some(name) = object.tag.as_deref() else { return false };
    let case = tag(name);
    let variant = object.variants.iter().find(|variant| Some(&*variant.case) == case.as_deref());
    match variant.map(|variant| schema.get(variant.ty)) {
        // A variant may be a union itself; a hostile one without end.
        Some(Type::Object(object)) => depth > DEPTH || lacks_tag(schema, object, tag, depth + 1),
        // Every value has a variant in QEMU's schema, an empty one too; but a missing one adds nothing.
        Some(_) => false,
        None => !tag_is_valid(schema, object, name, case.as_deref()),
    }
}

fn tag_is_valid(schema: &Schema, object: &Object, tag: &str, case: Option<&str>) -> bool {
    let member = object.members.iter().find(|member| &*member.name == tag);
    let values = member.and_then(|member| schema.enum_values(member.ty)).unwrap_or_default();
    values.iter().any(|value| Some(&*value.name) == case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::syntax::outline;
    use crate::schema::sample;

    /// How many steps the arguments of a line take in the schema.
    fn steps(line: &str) -> usize {
        let schema = sample::schema();
        let words = outline(line).words;
        let root = schema.arguments(words[0].span.of(line));
        Tree::new(words[1..].iter().map(|word| (word, true)), Some(&schema), root).steps
    }

    #[test]
    fn each_key_is_looked_up_once() {
        assert_eq!(steps("add driver=raw file.driver=file file.filename=x"), 4);
        let check = |line: &str, expected: usize| assert_eq!(steps(&format!("add {line}")), expected, "{line:.40}");
        check("", 0);
        check(&"file.filename=x ".repeat(500), 2);
        check(&"nosuch ".repeat(500), 1);
        // Each file is found once, and its driver.
        let chain = (0..200).map(|depth| "file.".repeat(depth) + "driver=raw ");
        check(&chain.collect::<String>(), 399);
        // Without drivers each file is like the one before.
        check(&format!("{}x=1", "file.".repeat(500)), 3);
    }

    #[test]
    fn what_is_in_the_line() {
        let schema = sample::schema();
        let line = "add driver=raw file.driver=file file.filename=x nosuch ints.0=1 ints.2=1";
        let words = outline(line).words;
        let words = words[1..].iter().map(|word| (word, true));
        let tree = Tree::new(words, Some(&schema), schema.arguments("add"));
        let file = tree.find(&[]);
        assert!(tree.is_given(file, "file") && !tree.is_whole(file, "file") && tree.is_whole(file, "driver"));
        assert!(!tree.is_given(file, "nosuch") && !tree.is_given(file, "gone"));
        assert_eq!(tree.text(&["file", "driver"]).as_deref(), Some("file"));
        assert_eq!(tree.text(&["file", "gone", "driver"]), None);
        assert_eq!(tree.text(&[]), None);
    }
}
