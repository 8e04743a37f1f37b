//! The arguments of one command as a tree of their keys, in which the tags of unions and the lists are found.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::json;
use crate::language::syntax::{Argument, Key, KeyPart, Value};
use crate::schema::is_index;

/// All arguments of one command or action, in any order.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    arguments: &'a [Argument],
    /// Made when the first tag or list is looked up: most commands need none.
    tree: OnceCell<KeyTree<'a>>,
}

impl<'a> Arguments<'a> {
    /// Those of a command.
    pub(super) fn new(arguments: &'a [Argument]) -> Self {
        Self { arguments, tree: OnceCell::new() }
    }

    fn tree(&self) -> &KeyTree<'a> {
        self.tree.get_or_init(|| {
            let mut tree = KeyTree::default();
            for argument in self.arguments {
                tree.add(&argument.key.parts, Some(&argument.value));
            }
            tree
        })
    }

    /// Tells which parts of `key` are indices of a list: with the same parts before them, the keys go on with exactly 0 to n-1.
    /// Parts left out at the end are none.
    pub(super) fn elements(&self, key: &Key) -> Vec<bool> {
        if !key.parts.iter().skip(1).any(may_be_index) {
            return Vec::new();
        }
        self.tree().elements(key)
    }

    /// Returns the text at a path of keys; `None` if there is none, or if it does not stand in the line.
    pub(super) fn text(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        self.tree().text_at(path)
    }
}

/// Returns true if this part of a key can be the index of a list.
pub(super) fn may_be_index(part: &KeyPart) -> bool {
    !part.quoted && is_index(&part.text)
}

/// The keys of a command as a tree of their parts. Node 0 stands for the arguments as a whole.
#[derive(Debug)]
pub(crate) struct KeyTree<'a> {
    nodes: Vec<Node<'a>>,
    children: BTreeMap<(usize, &'a str), usize>,
}

/// The end of some parts of keys.
#[derive(Debug, Default)]
pub(crate) struct Node<'a> {
    /// A key ends here.
    pub(crate) is_whole: bool,
    /// Its value; `None` if that is wrong or not finished.
    value: Option<&'a Value>,
    /// A key ends right below: it may be a tag.
    pub(crate) has_values: bool,
    children: usize,
    /// One more than the greatest index among the children.
    pub(crate) length: usize,
    /// A key ends here, or goes on with a name.
    is_other: bool,
}

impl Default for KeyTree<'_> {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], children: BTreeMap::new() }
    }
}

impl<'a> KeyTree<'a> {
    /// Adds a key with its value; `None` if that is wrong or not finished.
    pub(crate) fn add(&mut self, parts: &'a [KeyPart], value: Option<&'a Value>) {
        let Some((last, parents)) = parts.split_last() else { return };
        let parent = parents.iter().fold(0, |parent, part| self.add_part(parent, part));
        self.nodes[parent].has_values = true;
        let node = self.add_part(parent, last);
        self.nodes[node].value = value;
        self.nodes[node].is_whole = true;
        self.nodes[node].is_other = true;
    }

    fn add_part(&mut self, parent: usize, part: &'a KeyPart) -> usize {
        let new = self.nodes.len();
        let child = *self.children.entry((parent, &part.text)).or_insert(new);
        if child == new {
            self.nodes.push(Node::default());
            self.nodes[parent].children += 1;
        }
        let node = &mut self.nodes[parent];
        match part.text.parse::<usize>() {
            Ok(index) if may_be_index(part) => node.length = node.length.max(index + 1),
            _ => node.is_other = true,
        }
        child
    }

    /// Returns the node of `name` below `node`.
    pub(crate) fn child(&self, node: usize, name: &str) -> Option<usize> {
        self.children.get(&(node, name)).copied()
    }

    /// Returns the node of this number.
    pub(crate) fn node(&self, node: usize) -> &Node<'a> {
        &self.nodes[node]
    }

    /// Returns the text of `name` below `node`.
    pub(crate) fn text(&self, node: usize, name: &str) -> Option<Cow<'a, str>> {
        text_of(self.nodes[self.child(node, name)?].value?)
    }

    /// Returns the text at a path of keys.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        let (last, parents) = path.split_last()?;
        let node = parents.iter().try_fold(0, |node, name| self.child(node, name))?;
        self.text(node, last)
    }

    fn elements(&self, key: &Key) -> Vec<bool> {
        let mut parent = Some(0);
        let element = |part: &KeyPart| {
            let above = parent?;
            parent = self.child(above, &part.text);
            let node = &self.nodes[above];
            // The arguments themselves are an object.
            Some(above != 0 && !node.is_other && node.children == node.length)
        };
        key.parts.iter().map(element).map(Option::unwrap_or_default).collect()
    }
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Plain(text) | Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Json(json) => json::decode(json.as_str().as_bytes()),
        Value::TextFrom(_) | Value::JsonFrom(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::syntax::{Invocation, Statement, parse};

    #[test]
    fn a_text_is_found_in_every_form() {
        let line = parse(r#"c a=1 b.c="x" d==y e:="z" f={} g=@file h.i.j=k"#).unwrap().remove(0);
        let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
        let given = Arguments::new(&command.arguments);
        let check =
            |path: &[&str], expected: Option<&str>| assert_eq!(given.text(path).as_deref(), expected, "{path:?}");
        check(&["a"], Some("1"));
        check(&["b", "c"], Some("x"));
        check(&["d"], Some("y"));
        check(&["e"], Some("z"));
        check(&["f"], None);
        check(&["g"], None);
        check(&["h", "i", "j"], Some("k"));
        check(&["h", "i"], None);
        check(&["b.c"], None);
        check(&[], None);
    }

    #[test]
    fn a_list_has_the_keys_0_to_n() {
        let check = |arguments: &str, expected: &str| {
            let line = parse(&format!("c {arguments}")).unwrap().remove(0);
            let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
            let given = Arguments::new(&command.arguments);
            let shown = |argument: &Argument| {
                let elements = given.elements(&argument.key);
                let parts = argument.key.parts.iter().enumerate();
                let shown = |(n, part): (usize, &KeyPart)| match elements.get(n) {
                    Some(true) => format!("[{}]", part.text),
                    _ => part.text.clone(),
                };
                parts.map(shown).collect::<Vec<_>>().join(".")
            };
            let shown: Vec<String> = command.arguments.iter().map(shown).collect();
            assert_eq!(shown.join(" "), expected, "{arguments}");
        };
        check("a.0=x", "a.[0]");
        check("a.1=x b=y a.0=z", "a.[1] b a.[0]");
        check("a.0.b=x a.1.b=x a.1.c.0=x a.1.c.1=x", "a.[0].b a.[1].b a.[1].c.[0] a.[1].c.[1]");
        check("a.0.0=x a.0.1=x", "a.[0].[0] a.[0].[1]");
        check("a.1=x", "a.1");
        check("a.0=x a.2=x", "a.0 a.2");
        check("a.0=x a.b=x", "a.0 a.b");
        check("a.0=x a=x", "a.0 a");
        check("a.0=x a.\"1\"=x", "a.0 a.1");
        check("a.\"0\"=x", "a.0");
        check("a.00=x", "a.00");
        check("0=x 1.0=x", "0 1.[0]");
        check("a.0=x a.0=x", "a.[0] a.[0]");
    }
}
