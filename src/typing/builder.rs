//! Dotted keys to nested objects.

use std::collections::HashMap;

use super::{TypingError, TypingErrorKind};
use crate::syntax::{Key, MAX_NESTING, Span, push_string, shown};

/// An object as it is put together: members in the order they were first named.
pub(super) struct Builder {
    nodes: Vec<Node>,
    /// Which node a key of a node is.
    index: HashMap<(usize, String), usize>,
    /// How many brackets it stands in.
    depth: usize,
}

enum Node {
    Object(Vec<(String, usize)>),
    Leaf(String),
}

/// A value's JSON, how deep it is nested, and where it stands.
pub(super) struct Json {
    pub(super) text: String,
    pub(super) depth: usize,
    pub(super) span: Span,
}

impl Builder {
    pub(super) fn new(depth: usize) -> Self {
        Self { nodes: vec![Node::Object(Vec::new())], index: HashMap::new(), depth }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Adds a member that is no argument.
    pub(super) fn add_first(&mut self, key: &str, text: String) {
        self.child(0, key, Node::Leaf(text));
    }

    /// Adds a value under `key`, whose dots separate if `split`.
    pub(super) fn add(&mut self, key: &Key, split: bool, json: Json) -> Result<(), TypingError> {
        let joined = key.joined();
        let parts: Vec<(&str, Span)> = if split {
            key.parts.iter().map(|part| (part.text.as_str(), part.span)).collect()
        } else {
            vec![(joined.as_str(), key.span)]
        };
        if self.depth + parts.len() + json.depth > MAX_NESTING {
            return Err(TypingError::new(json.span, TypingErrorKind::TooDeep));
        }
        let Some(((last, last_span), branches)) = parts.split_last() else {
            return Ok(());
        };
        let mut node = 0;
        for (n, (part, span)) in branches.iter().enumerate() {
            super::error::check_characters(part, *span)?;
            node = match self.index.get(&(node, (*part).to_owned())) {
                None => self.child(node, part, Node::Object(Vec::new())),
                Some(&found) if matches!(self.nodes[found], Node::Object(_)) => found,
                Some(_) => {
                    let path: Vec<_> = branches[..=n].iter().map(|(part, _)| *part).collect();
                    let span = key.parts.first().map_or(key.span, |first| first.span).to(*span);
                    return Err(TypingError::new(span, TypingErrorKind::LeafAndBranch(shown(&path.join(".")))));
                }
            };
        }
        super::error::check_characters(last, *last_span)?;
        if let Some(&found) = self.index.get(&(node, (*last).to_owned())) {
            let kind = match self.nodes[found] {
                Node::Object(_) => TypingErrorKind::LeafAndBranch(shown(&joined)),
                Node::Leaf(_) => TypingErrorKind::GivenTwice(shown(&joined)),
            };
            return Err(TypingError::new(key.span, kind));
        }
        self.child(node, last, Node::Leaf(json.text));
        Ok(())
    }

    fn child(&mut self, parent: usize, key: &str, node: Node) -> usize {
        let new = self.nodes.len();
        self.nodes.push(node);
        self.index.insert((parent, key.to_owned()), new);
        if let Node::Object(members) = &mut self.nodes[parent] {
            members.push((key.to_owned(), new));
        }
        new
    }

    /// Writes the object as compact JSON.
    pub(super) fn write(&self, out: &mut String) {
        self.write_node(0, out);
    }

    /// It recurses no deeper than [`MAX_NESTING`]: `add` has seen to that.
    fn write_node(&self, node: usize, out: &mut String) {
        match &self.nodes[node] {
            Node::Leaf(text) => out.push_str(text),
            Node::Object(members) => {
                out.push('{');
                for (n, (key, child)) in members.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    push_string(out, key);
                    out.push(':');
                    self.write_node(*child, out);
                }
                out.push('}');
            }
        }
    }
}
