//! Objects one below the other: a line for each member, the members of an object in it indented below its name.
//!
//! Only the objects that are begun are kept as lists of members. The elements of a list are read one after the other.

use bytes::Bytes;

use super::cell::{Kind, Style, is_list_of_nested, is_nested, is_object};
use super::grid::Grid;
use super::keys::is_name;
use super::layout::{ALIGNED, Place, is_constant};
use crate::output::color::Tint;
use crate::output::columns::{GAP, width, wrapped};
use qmpsh::json::{Elements, elements, members};

/// How deep objects are unfolded. What is deeper is shown as JSON, so that nothing is read too often.
const DEPTH: usize = 12;

/// The columns of one level.
const INDENT: usize = 2;

/// The columns of the line above an object.
const RULE: usize = 40;

/// Objects, as lines of text.
#[derive(Clone)]
pub(super) struct Records {
    style: Style,
    /// The columns of the names, with their indentation.
    names: usize,
    constants: Vec<(Place, Bytes)>,
    /// The objects to show, with the number of the next.
    objects: Option<(Elements, usize)>,
    /// The begun objects and lists, the innermost last.
    stack: Vec<Level>,
    /// The next line begins an element of a list, which a dash marks.
    has_dash: bool,
}

#[derive(Clone)]
struct Level {
    /// The name of the member that has it.
    parent: Bytes,
    left: Left,
}

#[derive(Clone)]
enum Left {
    Members(std::vec::IntoIter<Member>),
    Elements(Elements),
    /// A list of objects that fit as a table.
    Grid(Grid),
}

#[derive(Clone)]
struct Member {
    /// The member of the row that has it, where it is shown outside of it.
    parent: Bytes,
    key: Bytes,
    value: Bytes,
}

impl Member {
    /// Returns 0 for a member that names the object, 1 for others on one line, and 2 for those with lines of their own.
    fn rank(&self) -> u8 {
        if is_nested(&self.value) { 2 } else { u8::from(!is_name(&self.key)) }
    }
}

impl Records {
    /// The objects of a list, each with its number above it.
    pub(super) fn list(objects: Elements, constants: Vec<(Place, Bytes)>, style: Style) -> Self {
        let widest = objects.clone().map(|object| widest(&object, 0, style)).max().unwrap_or(0);
        let objects = Some((objects, 1));
        Self { style, names: names(widest, style), constants, objects, stack: Vec::new(), has_dash: false }
    }

    /// One object.
    pub(super) fn object(object: &Bytes, style: Style) -> Self {
        let names = names(widest(object, 0, style), style);
        let mut records =
            Self { style, names, constants: Vec::new(), objects: None, stack: Vec::new(), has_dash: false };
        records.begin(object, Bytes::new());
        records
    }

    /// The members that are the same in all objects of a list.
    pub(super) fn constants(constants: Vec<(Place, Bytes)>, style: Style) -> Self {
        let of = |(place, value): &(Place, Bytes)| width(&place.heading(style, ALIGNED)).max(widest(value, 1, style));
        let names = names(constants.iter().map(of).max().unwrap_or(0), style);
        let members: Vec<_> = constants
            .into_iter()
            .map(|(place, value)| Member { parent: place.parent.into(), key: place.key.into(), value })
            .collect();
        let level = Level { parent: Bytes::new(), left: Left::Members(members.into_iter()) };
        Self { style, names, constants: Vec::new(), objects: None, stack: vec![level], has_dash: false }
    }

    /// Writes the next lines; `None` at the end.
    pub(super) fn next(&mut self, out: &mut String) -> Option<()> {
        let depth = self.stack.len();
        let Some(level) = self.stack.last_mut() else {
            let (objects, number) = self.objects.as_mut()?;
            match objects.next() {
                Some(object) => {
                    rule(&number.to_string(), self.style, out);
                    *number += 1;
                    self.begin(&object, Bytes::new());
                }
                None => {
                    self.objects = None;
                    let constants = std::mem::take(&mut self.constants);
                    if constants.is_empty() {
                        return None;
                    }
                    rule(EVERY, self.style, out);
                    let names = self.names;
                    *self = Self::constants(constants, self.style);
                    self.names = self.names.max(names);
                }
            }
            return Some(());
        };
        let indent = INDENT * (depth - 1);
        match &mut level.left {
            Left::Members(left) => match left.next() {
                Some(member) => self.member(member, indent, out),
                None => self.end(),
            },
            Left::Elements(left) => match left.next() {
                Some(element) => {
                    let parent = level.parent.clone();
                    self.has_dash = true;
                    if depth < DEPTH && is_object(&element) {
                        self.begin(&element, parent);
                    } else {
                        self.line(indent + INDENT, "", Some((&parent, b"", &element)), out);
                    }
                }
                None => self.end(),
            },
            Left::Grid(grid) => {
                let mut lines = String::new();
                if grid.next(&mut lines).is_none() {
                    self.end();
                }
                for line in lines.split_inclusive('\n') {
                    spaces(indent, out);
                    out.push_str(line);
                }
            }
        }
        Some(())
    }

    /// Begins an object. The members that name it come first, those with lines of their own last.
    fn begin(&mut self, object: &Bytes, parent: Bytes) {
        let depth = self.stack.len();
        let constants = &self.constants;
        let is_left = |key: &[u8], value: &Bytes| match depth {
            _ if constants.is_empty() => true,
            0 if is_object(value) => {
                members(value).is_some_and(|mut inner| inner.any(|(inner, _)| !is_constant(constants, key, inner)))
            }
            0 => !is_constant(constants, b"", key),
            1 => !is_constant(constants, &parent, key),
            _ => true,
        };
        let all = members(object).into_iter().flatten();
        let all = all.map(|(key, value)| (object.slice_ref(key), object.slice_ref(value)));
        let shown = all.filter(|(key, value)| is_left(key, value));
        let member = |(key, value)| Member { parent: Bytes::new(), key, value };
        let mut shown: Vec<Member> = shown.map(member).collect();
        shown.sort_by_key(Member::rank);
        self.stack.push(Level { parent, left: Left::Members(shown.into_iter()) });
    }

    fn end(&mut self) {
        self.stack.pop();
        self.has_dash = false;
    }

    /// Writes a member, or its name if it has lines of its own, which come next.
    fn member(&mut self, Member { parent, key, value }: Member, indent: usize, out: &mut String) {
        let place = Place { parent: parent.to_vec(), key: key.to_vec() };
        let name = place.heading(self.style, usize::MAX);
        let has_lines = self.stack.len() < DEPTH && Kind::of(&value) == Kind::Nested;
        if has_lines && is_object(&value) {
            self.line(indent, &name, None, out);
            self.begin(&value, key);
        } else if has_lines
            && is_list_of_nested(&value)
            && let Some(list) = elements(&value)
        {
            self.line(indent, &name, None, out);
            let below = indent + INDENT;
            let width = self.style.width.map(|width| width.saturating_sub(below));
            let grid = Grid::read(&list, &key, Style { width, ..self.style }, false).and_then(|read| read.grid);
            let left = grid.map_or(Left::Elements(list), Left::Grid);
            self.stack.push(Level { parent: key, left });
        } else {
            let parent =
                if parent.is_empty() { self.stack.last().map(|level| level.parent.clone()) } else { Some(parent) };
            self.line(indent, &name, Some((&parent.unwrap_or_default(), &key, &value)), out);
        }
    }

    /// Writes a name and a value, which comes with the names that say what it is. What does not fit beside the name is wrapped, or
    /// begins below it.
    fn line(&mut self, indent: usize, name: &str, value: Option<(&[u8], &[u8], &Bytes)>, out: &mut String) {
        let style = self.style;
        let columns = style.width.unwrap_or(usize::MAX);
        // Deep objects stay within a narrow terminal.
        let indent = indent.min(columns / 3);
        if std::mem::take(&mut self.has_dash) && indent >= INDENT {
            spaces(indent - INDENT, out);
            out.push_str("- ");
        } else {
            spaces(indent, out);
        }
        let mut end = indent;
        for (index, line) in wrapped(name, 0, columns.saturating_sub(indent)).iter().enumerate() {
            if index > 0 {
                out.push('\n');
                spaces(indent, out);
            }
            out.push_str(&style.colors.paint(Tint::Key, line));
            end = indent + width(line);
        }
        let text = value.map(|(parent, key, value)| style.value(parent, key, value, usize::MAX)).unwrap_or_default();
        if text.is_empty() {
            out.push('\n');
            return;
        }
        let mut start = if name.is_empty() { end } else { (end + GAP).max(self.names + GAP) };
        let room = columns.saturating_sub(start);
        let is_word = value.is_some_and(|(_, _, value)| matches!(Kind::of(value), Kind::Number | Kind::Literal));
        if !name.is_empty() && width(&text) > room && (is_word || room < LEAST) {
            out.push('\n');
            start = indent + INDENT;
            end = 0;
        }
        for line in wrapped(&text, 0, if is_word { usize::MAX } else { columns.saturating_sub(start) }) {
            spaces(start - end, out);
            out.push_str(&line);
            out.push('\n');
            end = 0;
        }
    }
}

fn spaces(count: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// The least columns for a value beside its name.
const LEAST: usize = 12;

/// The heading of what all objects have in common.
pub(super) const EVERY: &str = "every row";

/// Writes the line above an object.
pub(super) fn rule(title: &str, style: Style, out: &mut String) {
    let begin = format!("-[ {title} ]-");
    let dashes = style.width.unwrap_or(RULE).min(RULE).saturating_sub(width(&begin));
    let line = format!("{begin}{}", "-".repeat(dashes));
    out.push_str(&style.colors.paint(Tint::Heading, &line));
    out.push('\n');
}

/// Returns the columns for names: as many as the widest needs, but not more than half of the terminal.
fn names(widest: usize, style: Style) -> usize {
    widest.min(style.width.map_or(ALIGNED, |width| width / 2))
}

/// Returns the width of the widest name in a value, with its indentation. `depth` is how many objects and lists are around the value.
fn widest(value: &Bytes, depth: usize, style: Style) -> usize {
    if depth >= DEPTH || Kind::of(value) != Kind::Nested {
        return 0;
    }
    let of_member = |(key, inner): (&[u8], &[u8])| {
        let name = depth * INDENT + width(&style.key(key, ALIGNED));
        name.max(widest(&value.slice_ref(inner), depth + 1, style))
    };
    let names = members(value).into_iter().flatten().map(of_member).max();
    let listed = elements(value).into_iter().flatten().map(|element| widest(&element, depth + 1, style)).max();
    names.max(listed).unwrap_or(0)
}
