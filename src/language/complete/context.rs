//! What is known about the command at the cursor: its arguments, and their types in the schema.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::live::Live;
use crate::language::syntax::{ArgumentWord, KeyPart, Target, TokenKind, Value, Word};
use crate::language::typing::KeyTree;
use crate::schema::{Member, Schema, Step, Type, TypeId};

/// What completion knows about the peer and the shell.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What the peer can do, if it is known.
    pub schema: Option<&'a Schema>,
    /// What exists at the peer.
    pub live: &'a dyn Live,
    /// The built-in commands.
    pub builtins: &'a [BuiltinCommand<'a>],
    /// The names that stand for a line if a line begins with them, each with that line. They hide no command of the peer.
    pub aliases: &'a [(String, String)],
}

impl<'a> Context<'a> {
    /// Returns the aliases that no command of the peer hides.
    pub(super) fn aliases(self) -> impl Iterator<Item = &'a (String, String)> {
        self.aliases.iter().filter(move |(name, _)| self.schema.is_none_or(|schema| schema.command(name).is_none()))
    }
}

/// A built-in command, which begins with a dot.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinCommand<'a> {
    /// Its name, without the dot.
    pub name: &'a str,
    /// Its arguments, as a hint shows them: options are `[NAME=VALUE]`, a choice is `a|b`.
    pub words: &'a str,
    /// What it does, on one line.
    pub about: &'a str,
    /// What completes its arguments.
    pub takes: Takes,
}

/// What completes the arguments of a built-in command, besides its options and the words that its usage lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing else. The command that it carries, if it carries one, is completed as a command.
    Listed,
    /// The name of a command, an event or a built-in command.
    Name,
    /// The name of a command.
    Command,
    /// Names of events.
    Events,
    /// Names of events with bars between them, then `PATH=VALUE` of their data.
    EventAndData,
    /// The id of a job.
    Job,
    /// One of the views that its usage lists, and a name in that view.
    Show,
    /// A line of the human monitor.
    HmpLine,
    /// A file.
    File,
    /// A file, which may have `ro:` or `wo:` before it.
    Descriptor,
    /// Names of keys with minuses between them.
    Keys,
    /// The address of a peer: a VM of this machine, or a socket.
    Address,
}

/// One command or action with its arguments.
pub(super) struct CommandContext<'a> {
    pub(super) command: &'a str,
    pub(super) context: Context<'a>,
    root: Option<TypeId>,
    keys: KeyTree<'a>,
    /// The steps from a place, without its number if no value there decides them: a long line repeats them.
    steps: RefCell<BTreeMap<(Place, Step<'a>), Option<TypeId>>>,
    /// The places whose members may be unknown, for the same reason.
    open: RefCell<BTreeMap<Place, bool>>,
}

/// What some keys lead to: the arguments, or something within them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Its number among the keys, if the line has it.
    node: Option<usize>,
    /// `None` if the schema does not say.
    pub(super) ty: Option<TypeId>,
}

impl<'a> CommandContext<'a> {
    /// Reads the arguments of `target` around `cursor`; the one at the cursor counts only if it `is_finished`.
    pub(super) fn at(
        words: &'a [Word],
        cursor: usize,
        is_finished: bool,
        target: &'a Target,
        context: Context<'a>,
    ) -> Self {
        let is_argument = |word: &Word| word.kind == TokenKind::Argument;
        let begin = words.iter().rposition(|word| word.span.start < cursor && !is_argument(word)).map_or(0, |n| n + 1);
        let is_at = |word: &Word| (word.span.start..=word.span.end).contains(&cursor);
        let own = words[begin..].iter().take_while(|word| is_argument(word));
        let counted = own.filter(|word| is_finished || !is_at(word));
        Self::new(&target.command, target.action, counted, context)
    }

    /// Takes all of `words` as the arguments of a command.
    pub(super) fn new(
        command: &'a str,
        action: bool,
        words: impl IntoIterator<Item = &'a Word>,
        context: Context<'a>,
    ) -> Self {
        let pairs = words.into_iter().filter_map(|word| match &word.argument {
            Some(ArgumentWord::Pair(pair) | ArgumentWord::Bare(pair)) => {
                Some((pair.key.parts.as_slice(), pair.value.as_ref()))
            }
            _ => None,
        });
        Self::of(command, action, pairs, context)
    }

    /// Takes these keys with their values as the arguments of a command.
    pub(super) fn of(
        command: &'a str,
        action: bool,
        arguments: impl IntoIterator<Item = (&'a [KeyPart], Option<&'a Value>)>,
        context: Context<'a>,
    ) -> Self {
        let root = |schema: &Schema| if action { schema.action(command) } else { schema.arguments(command) };
        let mut keys = KeyTree::default();
        for (parts, value) in arguments {
            keys.add(parts, value);
        }
        Self {
            command,
            context,
            root: context.schema.and_then(root),
            keys,
            steps: RefCell::default(),
            open: RefCell::default(),
        }
    }

    /// Returns the schema, if it knows the command.
    pub(super) fn schema(&self) -> Option<&'a Schema> {
        self.context.schema.filter(|_| self.root.is_some())
    }

    /// Returns the text of the argument at this path.
    pub(super) fn text(&self, path: &[&str]) -> Option<String> {
        self.keys.text_at(path).map(Cow::into_owned)
    }

    fn tag(&self, at: Place, name: &str) -> Option<Cow<'a, str>> {
        self.keys.text(at.node?, name)
    }

    /// Returns the arguments as a whole.
    pub(super) fn root(&self) -> Place {
        Place { node: Some(0), ty: self.root }
    }

    fn step(&self, from: Place, part: &'a KeyPart) -> Place {
        let node = from.node.and_then(|node| self.keys.child(node, &part.text));
        let ty = self.context.schema.zip(from.ty).and_then(|(schema, ty)| {
            let step = Step { text: &part.text, literal: part.quoted };
            // Only a place with values can have a tag.
            let place = Place { node: from.node.filter(|node| self.keys.node(*node).has_values), ..from };
            let mut steps = self.steps.borrow_mut();
            let found = || Some(schema.step(ty, step, &|tag| self.tag(from, tag))?.0);
            *steps.entry((place, step)).or_insert_with(found)
        });
        Place { node, ty }
    }

    /// Returns what a path of keys leads to. Where the tag of a union is not given yet, that may be in one of its branches.
    pub(super) fn find(&self, parts: &'a [KeyPart]) -> Place {
        parts.iter().fold(self.root(), |place, part| {
            let next = self.step(place, part);
            Place { ty: next.ty.or_else(|| self.guess(place, &part.text)), ..next }
        })
    }

    /// Returns the type of a member that branches of a union have, of an enum if there is one.
    fn guess(&self, at: Place, name: &str) -> Option<TypeId> {
        let schema = self.context.schema?;
        let found: Vec<_> = self.branch_members(at).into_iter().filter(|member| *member.name == *name).collect();
        let is_enum = |member: &&&Member| matches!(schema.get(member.ty), Type::Enum(_));
        found.iter().find(is_enum).or(found.first()).map(|member| member.ty)
    }

    /// Returns the members of all branches of the union there, if its tag is not given.
    pub(super) fn branch_members(&self, at: Place) -> Vec<&'a Member> {
        let typed = self.context.schema.zip(at.ty);
        typed.map(|(schema, ty)| schema.branch_members(ty, &|tag| self.tag(at, tag))).unwrap_or_default()
    }

    /// Finds the part of a key that the schema does not know, where it knows all that there can be.
    pub(super) fn unknown_part(&self, parts: impl Iterator<Item = &'a KeyPart>) -> Option<usize> {
        let mut place = self.root();
        for (n, part) in parts.enumerate() {
            let next = self.step(place, part);
            if next.ty.is_none() {
                let (schema, ty) = (self.context.schema?, place.ty?);
                let mut open = self.open.borrow_mut();
                let is_open = *open.entry(place).or_insert_with(|| schema.is_open(ty, &|tag| self.tag(place, tag)));
                return (!is_open && (n > 0 || self.command != "device_add")).then_some(n);
            }
            place = next;
        }
        None
    }

    /// Returns the members that the object there can have.
    pub(super) fn members(&self, at: Place) -> Vec<&'a Member> {
        let typed = self.context.schema.zip(at.ty);
        typed.map(|(schema, ty)| schema.members(ty, &|tag| self.tag(at, tag))).unwrap_or_default()
    }

    /// Returns true if the member `name` there has a value, or something within it has.
    pub(super) fn is_given(&self, at: Place, name: &str) -> bool {
        at.node.is_some_and(|node| self.keys.child(node, name).is_some())
    }

    /// Returns true if it has a value as a whole.
    pub(super) fn is_whole(&self, at: Place, name: &str) -> bool {
        at.node.and_then(|node| self.keys.child(node, name)).is_some_and(|node| self.keys.node(node).is_whole)
    }

    /// Returns the index behind the last one in the list there.
    pub(super) fn next_index(&self, at: Place) -> usize {
        at.node.map_or(0, |node| self.keys.node(node).length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::complete::Nothing;
    use crate::language::syntax::outline;
    use crate::schema::sample;

    fn with<T>(line: &str, ask: impl Fn(&CommandContext<'_>) -> T) -> T {
        let schema = sample::schema();
        let context = Context { schema: Some(&schema), live: &Nothing, builtins: &[], aliases: &[] };
        ask(&CommandContext::new("add", false, &outline(line).words[1..], context))
    }

    #[test]
    fn the_last_key_of_a_long_line_has_its_type() {
        let schema = sample::schema();
        let context = Context { schema: Some(&schema), live: &Nothing, builtins: &[], aliases: &[] };
        let check = |line: &str, expected: &str| {
            let outline = outline(line);
            let command = CommandContext::new("add", false, &outline.words[1..], context);
            let found = match &outline.words.last().unwrap().argument {
                Some(ArgumentWord::Pair(pair)) => command.find(&pair.key.parts),
                _ => command.root(),
            };
            assert_eq!(found.ty.map_or_else(String::new, |ty| schema.words(ty)), expected, "{line:.40}");
        };
        check("add driver=raw file.driver=file file.filename=x", "string");
        check("add", "object");
        check(&format!("add {}", "file.filename=x ".repeat(500)), "string");
        check(&format!("add {}", "nosuch=1 ".repeat(500)), "");
        let chain = (0..200).map(|depth| format!("{}driver=raw ", "file.".repeat(depth)));
        check(&format!("add {}", chain.collect::<String>()), "one of file, raw, other");
        check(&format!("add {}offset=1", "file.".repeat(500)), "integer");
    }

    #[test]
    fn the_part_that_the_schema_does_not_know_is_found() {
        let check = |line: &str, expected: Option<usize>| {
            let schema = sample::schema();
            let context = Context { schema: Some(&schema), live: &Nothing, builtins: &[], aliases: &[] };
            let outline = outline(line);
            let command = CommandContext::new("add", false, &outline.words[1..], context);
            let Some(ArgumentWord::Pair(pair)) = &outline.words.last().unwrap().argument else { panic!("{line}") };
            assert_eq!(command.unknown_part(pair.key.parts.iter()), expected, "{line}");
        };
        check("add driver=raw file.driver=file file.filename=x", None);
        check("add driver=raw nosuch=1", Some(0));
        check("add driver=raw file.driver=file file.nosuch=x", Some(1));
        // Without a valid tag the members are not known.
        check("add nosuch=1", None);
        check("add driver=raw file.nosuch=x", None);
    }

    #[test]
    fn members_are_given_as_a_whole_or_in_part() {
        let line = "add driver=raw file.driver=file file.filename=x nosuch ints.0=1 ints.2=1";
        with(line, |command| {
            let root = command.root();
            assert!(
                command.is_given(root, "file") && !command.is_whole(root, "file") && command.is_whole(root, "driver")
            );
            assert!(!command.is_given(root, "nosuch") && !command.is_given(root, "gone"));
            assert_eq!(command.text(&["file", "driver"]).as_deref(), Some("file"));
            assert_eq!(command.text(&["file", "gone", "driver"]), None);
            assert_eq!(command.text(&[]), None);
        });
    }
}
