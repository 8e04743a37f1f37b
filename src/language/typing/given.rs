//! The arguments of one command, to look up the tags of unions and the lists among them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use crate::json;
use crate::language::syntax::{Argument, Key, KeyPart, Value};
use crate::schema::is_index;

/// All arguments of one command or action, whatever their order.
#[derive(Debug)]
pub struct Given<'a> {
    arguments: &'a [Argument],
    /// Made when the first tag is looked up.
    by_path: OnceCell<HashMap<Vec<&'a str>, &'a Value>>,
    /// Made when the first list is looked up.
    keys: OnceCell<Keys<'a>>,
}

impl<'a> Given<'a> {
    /// Those of a command.
    pub fn new(arguments: &'a [Argument]) -> Self {
        Self { arguments, by_path: OnceCell::new(), keys: OnceCell::new() }
    }

    /// Which parts of `key` are indices of a list, by what all keys say: with the same parts before it, the keys go on with exactly
    /// 0 to n-1. What is left out at the end is not.
    pub(super) fn elements(&self, key: &Key) -> Vec<bool> {
        if !key.parts.iter().skip(1).any(may_be_index) {
            return Vec::new();
        }
        self.keys.get_or_init(|| Keys::of(self.arguments)).elements(key)
    }

    /// The text at a path of keys; `None` if there is none, or if it is not in the line.
    pub fn text(&self, path: &[&str]) -> Option<Cow<'a, str>> {
        let by_path = self.by_path.get_or_init(|| {
            let keyed = self.arguments.iter().map(|argument| {
                let path = argument.key.parts.iter().map(|part| part.text.as_str()).collect();
                (path, &argument.value)
            });
            keyed.collect()
        });
        text_of(by_path.get(path)?)
    }
}

/// Whether this part of a key can be the index of a list.
pub(super) fn may_be_index(part: &KeyPart) -> bool {
    !part.quoted && is_index(&part.text)
}

/// All keys of a command, as a tree of their parts.
#[derive(Debug)]
struct Keys<'a> {
    /// The first one stands above all keys.
    nodes: Vec<Node>,
    children: HashMap<(usize, &'a str), usize>,
}

/// What follows some parts of keys.
#[derive(Debug, Default)]
struct Node {
    children: usize,
    /// One more than the greatest index among the children.
    length: usize,
    /// A key ends here, or goes on with a name.
    is_other: bool,
}

impl<'a> Keys<'a> {
    fn of(arguments: &'a [Argument]) -> Self {
        let mut keys = Self { nodes: vec![Node::default()], children: HashMap::new() };
        for argument in arguments {
            let last = argument.key.parts.iter().fold(0, |parent, part| keys.add(parent, part));
            keys.nodes[last].is_other = true;
        }
        keys
    }

    /// The node of `part` below `parent`.
    fn add(&mut self, parent: usize, part: &'a KeyPart) -> usize {
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

    fn elements(&self, key: &Key) -> Vec<bool> {
        let mut parent = Some(0);
        let element = |part: &KeyPart| {
            let above = parent?;
            parent = self.children.get(&(above, part.text.as_str())).copied();
            let node = &self.nodes[above];
            // The arguments themselves are an object.
            Some(above != 0 && !node.is_other && node.children == node.length)
        };
        key.parts.iter().map(element).map(Option::unwrap_or_default).collect()
    }
}

/// The text that a value is; `None` if it is none, or if it is not in the line.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
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
    fn texts_of_every_form() {
        let line = parse(r#"c a=1 b.c="x" d==y e:="z" f={} g=@file h.i.j=k"#).unwrap().unwrap();
        let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
        let given = Given::new(&command.arguments);
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
    fn lists_are_keys_from_0_to_n() {
        let check = |arguments: &str, expected: &str| {
            let line = parse(&format!("c {arguments}")).unwrap().unwrap();
            let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
            let given = Given::new(&command.arguments);
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
