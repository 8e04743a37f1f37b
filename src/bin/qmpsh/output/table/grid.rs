//! A list of objects as a table.

use bytes::Bytes;

use super::cell::{Kind, Style};
use super::layout::{Column, ColumnStats, Fitted, Place, find, flatten, heading_lines, owner_of};
use crate::output::color::{Colors, Tint};
use crate::output::columns::{GAP, width, wrapped};
use qmpsh::json::Elements;

/// A table, row by row.
#[derive(Clone)]
pub(super) struct Grid {
    style: Style,
    columns: Vec<Column>,
    rows: Elements,
    /// The name of the member that has the list.
    owner: Vec<u8>,
    has_heading: bool,
}

/// A list of objects, read for the first time.
pub(super) struct Read {
    /// `None` if they do not fit as a table.
    pub(super) grid: Option<Grid>,
    /// The members with the same value in every object, which are shown apart.
    pub(super) constants: Vec<(Place, Bytes)>,
}

impl Grid {
    /// Reads a list that the member `owner` has. Returns `None` if an element is not an object.
    pub(super) fn read(list: &Elements, owner: &[u8], style: Style, constants_apart: bool) -> Option<Read> {
        let mut stats = ColumnStats::new(owner, style);
        if !list.clone().all(|element| stats.add(&element)) {
            return None;
        }
        let Fitted { columns, constants } = stats.fitted(constants_apart);
        let rows = list.clone();
        let grid = columns.map(|columns| Self { style, columns, rows, owner: owner.to_owned(), has_heading: false });
        Some(Read { grid, constants })
    }

    /// Writes the heading or the next row; `None` at the end.
    pub(super) fn next(&mut self, out: &mut String) -> Option<()> {
        if !std::mem::replace(&mut self.has_heading, true) {
            heading(&self.columns, self.style.colors, out);
            return Some(());
        }
        let object = self.rows.next()?;
        row(&self.columns, &self.owner, &object, self.style, out);
        Some(())
    }
}

fn heading(columns: &[Column], colors: Colors, out: &mut String) {
    let lines: Vec<_> = columns.iter().map(|column| heading_lines(&column.heading, column.width)).collect();
    let height = lines.iter().map(Vec::len).max().unwrap_or(0);
    for index in 0..height {
        // A short heading stands directly above its column.
        let cells = lines.iter().map(|lines| {
            let text = (index + lines.len()).checked_sub(height).and_then(|index| lines.get(index));
            text.map_or((0, String::new()), |text| (width(text), colors.paint(Tint::Heading, text)))
        });
        align(columns, cells, out);
    }
}

fn row(columns: &[Column], owner: &[u8], object: &Bytes, style: Style, out: &mut String) {
    let mut values: Vec<String> = vec![String::new(); columns.len()];
    let mut hint = 0;
    flatten(object, |parent, key, value| {
        if let Some(index) = find(columns, parent, key, hint) {
            let room = if style.width.is_some() && Kind::of(value) == Kind::Nested {
                columns[index].width
            } else {
                usize::MAX
            };
            values[index] = style.cell(owner_of(parent, owner), key, value, room);
            hint = index + 1;
        }
    });
    let mut lines = Vec::with_capacity(columns.len());
    for (column, value) in columns.iter().zip(&values) {
        lines.push(wrapped(value, 0, if style.width.is_some() { column.width } else { usize::MAX }));
    }
    for index in 0..lines.iter().map(Vec::len).max().unwrap_or(1) {
        let cells = lines.iter().map(|lines| {
            let text = lines.get(index).map_or("", |line| line);
            (width(text), text)
        });
        align(columns, cells, out);
    }
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
