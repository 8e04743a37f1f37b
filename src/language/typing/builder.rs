//! Builds a message, and nested objects of dotted keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::error::{TypingError, TypingErrorKind, check_characters};
use super::types::Role;
use crate::language::syntax::{Key, MAX_NESTING, Span, quoted, shown};
use crate::message::Request;

/// Compact JSON.
#[derive(Clone, Default)]
pub(super) struct Written {
    pub(super) text: String,
    /// The places of values that the user was asked for.
    pub(super) asked: Vec<Range<usize>>,
}

impl Written {
    pub(super) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn push(&mut self, other: &Self) {
        let start = self.text.len();
        self.asked.extend(other.asked.iter().map(|place| start + place.start..start + place.end));
        self.text.push_str(&other.text);
    }
}

impl From<String> for Written {
    fn from(text: String) -> Self {
        Self { text, asked: Vec::new() }
    }
}

/// Makes the message of a command with `arguments`, an object.
pub(super) fn message(command: &str, arguments: Option<&Written>) -> Request {
    let request = Request::new(command);
    match arguments {
        Some(arguments) => request.with_asked_arguments(&arguments.text, &arguments.asked),
        None => request,
    }
}

/// Builds an object: its members stand in the order in which they are first named.
#[derive(Clone)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    /// The nodes by parent and key.
    index: HashMap<(usize, String), usize>,
    /// The number of brackets around it.
    depth: usize,
}

#[derive(Clone)]
enum Node {
    Branch {
        members: Vec<(String, usize)>,
        /// True if every key of it is an index of a list.
        list: bool,
    },
    Leaf(Written),
}

impl Node {
    fn branch() -> Self {
        Self::Branch { members: Vec::new(), list: true }
    }
}

/// A value's JSON, its depth and its place.
pub(super) struct Json {
    pub(super) written: Written,
    pub(super) depth: usize,
    pub(super) span: Span,
}

impl Builder {
    pub(super) fn new(depth: usize) -> Self {
        Self { nodes: vec![Node::branch()], index: HashMap::new(), depth }
    }

    /// Adds a member that is not an argument.
    pub(super) fn add_first(&mut self, key: &str, written: Written) {
        self.child(0, key, Role::Member, Node::Leaf(written));
    }

    /// Adds a value under `key`, whose parts have these roles; parts left out at the end are members. Returns its number, for
    /// [`leaf`](Self::leaf).
    pub(super) fn add(&mut self, key: &Key, roles: &[Role], json: Json) -> Result<usize, TypingError> {
        let mut parts: Vec<(Cow<'_, str>, Span, Role)> = Vec::with_capacity(key.parts.len());
        for (n, part) in key.parts.iter().enumerate() {
            match (roles.get(n).copied().unwrap_or(Role::Member), parts.last_mut()) {
                (Role::Joined, Some((name, span, _))) => {
                    *name.to_mut() += ".";
                    *name.to_mut() += &part.text;
                    *span = span.to(part.span);
                }
                (role, _) => parts.push((part.text.as_str().into(), part.span, role)),
            }
        }
        if self.depth + parts.len() + json.depth > MAX_NESTING {
            return Err(TypingError::new(json.span, TypingErrorKind::TooDeep));
        }
        let Some(((last, last_span, last_role), branches)) = parts.split_last() else {
            return Ok(0);
        };
        let mut node = 0;
        for (n, (part, span, role)) in branches.iter().enumerate() {
            check_characters(part, *span)?;
            node = match self.index.get(&(node, part.to_string())) {
                None => self.child(node, part, *role, Node::branch()),
                Some(&found) if matches!(self.nodes[found], Node::Branch { .. }) => found,
                Some(_) => {
                    let path: Vec<_> = branches[..=n].iter().map(|(part, ..)| &**part).collect();
                    let span = key.parts.first().map_or(key.span, |first| first.span).to(*span);
                    return Err(TypingError::new(span, TypingErrorKind::LeafAndBranch(shown(&path.join(".")))));
                }
            };
        }
        check_characters(last, *last_span)?;
        if let Some(&found) = self.index.get(&(node, last.to_string())) {
            let kind = match self.nodes[found] {
                Node::Branch { .. } => TypingErrorKind::LeafAndBranch(shown(&key.joined())),
                Node::Leaf(_) => TypingErrorKind::GivenTwice(shown(&key.joined())),
            };
            return Err(TypingError::new(key.span, kind));
        }
        Ok(self.child(node, last, *last_role, Node::Leaf(json.written)))
    }

    /// Returns the JSON of the value with this number.
    pub(super) fn leaf(&mut self, place: usize) -> Option<&mut String> {
        match self.nodes.get_mut(place) {
            Some(Node::Leaf(written)) => Some(&mut written.text),
            _ => None,
        }
    }

    fn child(&mut self, parent: usize, key: &str, role: Role, node: Node) -> usize {
        let new = self.nodes.len();
        self.nodes.push(node);
        self.index.insert((parent, key.to_owned()), new);
        if let Node::Branch { members, list } = &mut self.nodes[parent] {
            members.push((key.to_owned(), new));
            *list &= role == Role::Element;
        }
        new
    }

    /// Writes the object as compact JSON. Indices from 0 to n-1, in any order, are a list; others stay keys, for the
    /// server to judge.
    pub(super) fn write(&self) -> Written {
        let mut out = Written::default();
        self.write_node(0, &mut out);
        out
    }

    /// Writes a node. It recurses no deeper than [`MAX_NESTING`], which `add` checks.
    fn write_node(&self, node: usize, out: &mut Written) {
        match &self.nodes[node] {
            Node::Leaf(written) => out.push(written),
            Node::Branch { members, list } => {
                if let Some(elements) = list.then(|| elements(members)).flatten() {
                    out.push_str("[");
                    for (n, element) in elements.into_iter().enumerate() {
                        if n > 0 {
                            out.push_str(",");
                        }
                        self.write_node(element, out);
                    }
                    out.push_str("]");
                    return;
                }
                out.push_str("{");
                for (n, (key, child)) in members.iter().enumerate() {
                    if n > 0 {
                        out.push_str(",");
                    }
                    out.push_str(&quoted(key));
                    out.push_str(":");
                    self.write_node(*child, out);
                }
                out.push_str("}");
            }
        }
    }
}

/// Returns the members in the order of their keys, if these are 0 to n-1.
fn elements(members: &[(String, usize)]) -> Option<Vec<usize>> {
    let mut elements = vec![None; members.len()];
    for (key, child) in members {
        *elements.get_mut(key.parse::<usize>().ok()?)? = Some(*child);
    }
    elements.into_iter().collect::<Option<Vec<_>>>().filter(|elements| !elements.is_empty())
}
