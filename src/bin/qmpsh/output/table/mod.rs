//! A result as columns of text: a list of objects as a table, an object as two columns.
//!
//! A list is read twice, first for the widths and then for the rows, and nothing is kept: a list of a million objects needs
//! no more memory than the reply itself. Objects with too many members for the terminal are shown one below the other, each
//! as two columns.

mod cell;
mod layout;
mod long_text;

use bytes::Bytes;

use crate::output::color::{Colors, Tint};
use crate::output::columns::{GAP, cut, width};
pub(crate) use cell::Style;

use cell::Kind;
use layout::{Column, ColumnStats, find};
use long_text::LongText;
use qmpsh::json::{Elements, elements, members};

/// About how many bytes one piece has.
const CHUNK: usize = 64 * 1024;

/// Names take at most one part of this many of a row with two columns.
const NAMES: usize = 2;

/// A result in pieces to print, with a newline at its end.
pub(crate) struct Table {
    style: Style,
    what: What,
}

enum What {
    /// A list of objects.
    Columns {
        columns: Vec<Column>,
        rows: Elements,
        has_heading: bool,
    },
    /// Objects with too many members for one row, or a single one.
    Records {
        objects: Elements,
        names: usize,
        is_first: bool,
    },
    /// A list of other values, a line for each.
    Lines(Elements),
    /// One value.
    Line(Option<Bytes>),
    Text(LongText),
}

impl Table {
    pub(crate) fn new(value: &Bytes, style: Style) -> Self {
        let what = match Kind::of(value) {
            Kind::Text => What::Text(LongText::new(value.clone(), style.terminal)),
            Kind::Nested => nested(value, style),
            Kind::Number | Kind::Literal => What::Line(Some(value.clone())),
        };
        Self { style, what }
    }
}

fn nested(value: &Bytes, style: Style) -> What {
    let mut stats = ColumnStats::new(style);
    let Some(list) = elements(value) else {
        if members(value).is_none_or(|mut members| members.next().is_none()) {
            return What::Line(Some(Bytes::from_static(b"{}")));
        }
        add(&mut stats, value);
        // A list with this one element.
        let list = Bytes::from([b"[", value.as_ref(), b"]"].concat());
        return match elements(&list) {
            Some(objects) => What::Records { objects, names: stats.widest_key, is_first: true },
            None => What::Line(Some(value.clone())),
        };
    };
    let mut rows = list.clone();
    if !list.clone().all(|element| add(&mut stats, &element)) {
        return What::Lines(list);
    }
    if rows.next().is_none() {
        return What::Line(Some(Bytes::from_static(b"[]")));
    }
    let names = stats.widest_key;
    match stats.fitted() {
        Some(columns) => What::Columns { columns, rows: list, has_heading: false },
        None => What::Records { objects: list, names, is_first: true },
    }
}

/// Adds an object. Returns false if the value is not an object.
fn add(stats: &mut ColumnStats, object: &[u8]) -> bool {
    let Some(members) = members(object) else { return false };
    let mut hint = 0;
    for (key, value) in members {
        stats.add(key, value, &mut hint);
    }
    true
}

impl Iterator for Table {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = String::new();
        let style = self.style;
        while out.len() < CHUNK {
            let more = match &mut self.what {
                What::Columns { columns, rows, has_heading } => {
                    if std::mem::replace(has_heading, true) {
                        rows.next().map(|object| row(columns, &object, style, &mut out))
                    } else {
                        heading(columns, style.colors, &mut out);
                        Some(())
                    }
                }
                What::Records { objects, names, is_first } => objects.next().map(|object| {
                    if !std::mem::replace(is_first, false) {
                        out.push('\n');
                    }
                    record(&object, *names, style, &mut out);
                }),
                What::Lines(elements) => elements.next().map(|value| line(&value, style, &mut out)),
                What::Line(value) => value.take().map(|value| line(&value, style, &mut out)),
                What::Text(text) => text.next().map(|piece| out.push_str(&piece)),
            };
            if more.is_none() {
                break;
            }
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }
}

fn line(value: &[u8], style: Style, out: &mut String) {
    out.push_str(&style.value(value, style.width.unwrap_or(usize::MAX)));
    out.push('\n');
}

fn heading(columns: &[Column], colors: Colors, out: &mut String) {
    let cells = columns.iter().map(|column| {
        let text = cut(&column.heading, column.width);
        (width(&text), colors.paint(Tint::Heading, &text))
    });
    align(columns, cells, out);
}

fn row(columns: &[Column], object: &[u8], style: Style, out: &mut String) {
    let mut values: Vec<&[u8]> = vec![b""; columns.len()];
    let mut hint = 0;
    for (key, value) in members(object).into_iter().flatten() {
        if let Some(index) = find(columns, key, hint) {
            values[index] = value;
            hint = index + 1;
        }
    }
    let room = |column: &Column| if style.width.is_some() { column.width } else { usize::MAX };
    let cells = columns.iter().zip(values).map(|(column, value)| {
        let text = style.value(value, room(column));
        (width(&text), text)
    });
    align(columns, cells, out);
}

/// Writes a row without trailing spaces. Each cell comes with its width.
fn align(columns: &[Column], cells: impl Iterator<Item = (usize, impl AsRef<str>)>, out: &mut String) {
    // Spaces to write if another text follows.
    let mut owed = 0;
    for (index, (column, (width, text))) in columns.iter().zip(cells).enumerate() {
        owed += if index == 0 { 0 } else { GAP };
        let padding = column.width.saturating_sub(width);
        if width == 0 {
            owed += padding;
            continue;
        }
        if column.is_numeric {
            owed += padding;
        }
        out.extend(std::iter::repeat_n(' ', owed));
        out.push_str(text.as_ref());
        owed = if column.is_numeric { 0 } else { padding };
    }
    out.push('\n');
}

/// Writes an object as two columns: names and values.
fn record(object: &[u8], names: usize, style: Style, out: &mut String) {
    let most = style.width.map_or(usize::MAX, |width| (width / NAMES).max(1));
    let names = names.min(most).min(layout::ALIGNED);
    let room = style.width.map_or(usize::MAX, |width| width.saturating_sub(names + GAP).max(1));
    for (key, value) in members(object).into_iter().flatten() {
        let key = style.key(key, most);
        let value = style.value(value, room);
        out.push_str(&style.colors.paint(Tint::Key, &key));
        if !value.is_empty() {
            out.extend(std::iter::repeat_n(' ', names.saturating_sub(width(&key)) + GAP));
            out.push_str(&value);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests;
