//! The columns of a list of objects, and their widths.

use bytes::Bytes;

use super::cell::{Kind, Style, is_nested};
use super::keys::is_name;
use crate::output::columns::{GAP, width};
use qmpsh::json::members;

/// The most columns beside each other: the peer chooses how many there are.
const COLUMNS: usize = 256;

/// The widest column on a pipe. Longer texts are not cut, but do not widen the other rows.
pub(super) const ALIGNED: usize = 250;

/// The columns that a text keeps when it is wrapped or cut.
const LEAST: usize = 16;

/// The most lines for a text in a row. With more, the objects are shown one below the other.
const LINES: usize = 4;

/// A place in an object: the name of a member, and that of the member of the row that has the object, or nothing. Both are as on
/// the wire, between their quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) parent: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Place {
    fn is(&self, parent: &[u8], key: &[u8]) -> bool {
        self.parent == parent && self.key == key
    }

    /// Returns the name as a heading: `image.virtual-size`.
    pub(super) fn heading(&self, style: Style, room: usize) -> String {
        if self.parent.is_empty() {
            return style.key(&self.key, room);
        }
        style.key(&[&self.parent, &b"."[..], &self.key].concat(), room)
    }
}

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) place: Place,
    pub(super) heading: String,
    /// In columns of the terminal.
    pub(super) width: usize,
    /// All its values are numbers, which are aligned at their right.
    pub(super) is_numeric: bool,
    /// The narrowest that it may become.
    least: usize,
    /// Some value is an object or a list of objects.
    is_nested: bool,
    /// Its value, if it is the same in all rows so far.
    constant: Option<Bytes>,
    /// How many rows have it.
    rows: usize,
}

/// The columns that the objects so far need.
#[derive(Debug)]
pub(super) struct ColumnStats {
    style: Style,
    /// Values are measured up to this width.
    room: usize,
    /// `None` if there are too many.
    columns: Option<Vec<Column>>,
    rows: usize,
    /// The name of the member that has the list.
    owner: Vec<u8>,
}

/// What becomes of a list of objects.
pub(super) struct Fitted {
    /// The columns, fitted into the terminal; `None` if they do not fit.
    pub(super) columns: Option<Vec<Column>>,
    /// The members with the same value in every object, which are shown once.
    pub(super) constants: Vec<(Place, Bytes)>,
}

impl ColumnStats {
    pub(super) fn new(owner: &[u8], style: Style) -> Self {
        let room = style.width.unwrap_or(ALIGNED);
        Self { style, room, columns: Some(Vec::new()), rows: 0, owner: owner.to_owned() }
    }

    /// Adds an object. Returns false if the value is not an object.
    pub(super) fn add(&mut self, object: &Bytes) -> bool {
        let mut hint = 0;
        self.rows += 1;
        flatten(object, |parent, key, value| self.add_value(parent, key, value, &mut hint))
    }

    /// Adds a value. `hint` is the index of its probable column, and becomes that of the next value.
    fn add_value(&mut self, parent: &[u8], key: &[u8], value: &Bytes, hint: &mut usize) {
        let Some(columns) = &mut self.columns else { return };
        let index = find(columns, parent, key, *hint).unwrap_or(columns.len());
        *hint = index + 1;
        if index == columns.len() {
            if index == COLUMNS {
                self.columns = None;
                return;
            }
            columns.push(Column::new(parent, key, value, self.style, self.room));
        }
        if let Some(column) = columns.get_mut(index) {
            let kind = Kind::of(value);
            let text = self.style.cell(owner_of(parent, &self.owner), key, value, self.room);
            let width = width(&text);
            column.width = column.width.max(width);
            column.is_numeric &= kind == Kind::Number;
            column.is_nested |= is_nested(value);
            let can_be_narrower = matches!(kind, Kind::Text | Kind::Nested) && !is_name(key);
            let least = if can_be_narrower { width.min(LEAST.max(width.div_ceil(LINES))) } else { width };
            column.least = column.least.max(least);
            if column.constant.as_ref().is_some_and(|constant| constant != value) {
                column.constant = None;
            }
            // A name may be twice in an object.
            column.rows += usize::from(column.rows < self.rows);
        }
    }

    /// Decides how the objects are shown. `constants_apart`: what is the same in every row is not a column.
    pub(super) fn fitted(self, constants_apart: bool) -> Fitted {
        let Some(columns) = self.columns else { return Fitted { columns: None, constants: Vec::new() } };
        // The columns that name a thing come first.
        let (mut columns, others): (Vec<_>, Vec<_>) =
            columns.into_iter().partition(|column| is_name(&column.place.key));
        columns.extend(others);
        let rows = self.rows;
        let is_constant =
            |column: &Column| constants_apart && rows > 1 && column.rows == rows && column.constant.is_some();
        let first =
            columns.iter().all(is_constant).then(|| columns.first().map(|column| column.place.clone())).flatten();
        let (constants, mut columns): (Vec<_>, Vec<_>) = columns
            .into_iter()
            .partition(|column| is_constant(column) && first.as_ref().is_none_or(|first| *first != column.place));
        let constants = constants.into_iter().filter_map(|column| Some((column.place, column.constant?))).collect();
        let is_flat = !columns.iter().any(|column| column.is_nested);
        let fits = !columns.is_empty()
            && match self.style.width {
                Some(available) => {
                    let gaps = GAP * columns.len().saturating_sub(1);
                    // One object needs no heading to be compared with others.
                    is_flat
                        && available.checked_sub(gaps).is_some_and(|available| {
                            (rows > 1 || total(&columns, usize::MAX) <= available) && fit(&mut columns, available)
                        })
                }
                None => {
                    for column in &mut columns {
                        column.width = column.width.min(ALIGNED);
                    }
                    is_flat || self.owner.is_empty()
                }
            };
        Fitted { columns: fits.then_some(columns), constants }
    }
}

impl Column {
    fn new(parent: &[u8], key: &[u8], value: &Bytes, style: Style, room: usize) -> Self {
        let place = Place { parent: parent.to_owned(), key: key.to_owned() };
        let heading = place.heading(style, room);
        Self {
            place,
            width: width(&heading),
            is_numeric: true,
            least: parts(&heading).map(width).max().unwrap_or(0),
            is_nested: false,
            constant: Some(value.clone()),
            rows: 0,
            heading,
        }
    }
}

/// Returns the name of the member that has the object of a value: `parent`, or for a member of the row that of the list.
pub(super) fn owner_of<'n>(parent: &'n [u8], owner: &'n [u8]) -> &'n [u8] {
    if parent.is_empty() { owner } else { parent }
}

/// Gives each value of an object to `add`, with its name. An object in it gives its members, with its name before.
/// Returns false if `object` is not an object.
pub(super) fn flatten(object: &Bytes, mut add: impl FnMut(&[u8], &[u8], &Bytes)) -> bool {
    let Some(outer) = members(object) else { return false };
    for (key, value) in outer {
        let value = object.slice_ref(value);
        let mut is_empty = true;
        for (inner_key, inner) in members(&value).into_iter().flatten() {
            is_empty = false;
            add(key, inner_key, &value.slice_ref(inner));
        }
        if is_empty {
            add(b"", key, &value);
        }
    }
    true
}

/// Returns the index of the column of this place.
pub(super) fn find(columns: &[Column], parent: &[u8], key: &[u8], hint: usize) -> Option<usize> {
    match columns.get(hint) {
        // The objects of a list usually have their members in the same order.
        Some(column) if column.place.is(parent, key) => Some(hint),
        _ => columns.iter().position(|column| column.place.is(parent, key)),
    }
}

/// Returns true if one of the constants has this place.
pub(super) fn is_constant(constants: &[(Place, Bytes)], parent: &[u8], key: &[u8]) -> bool {
    constants.iter().any(|(place, _)| place.is(parent, key))
}

/// Splits a heading where it may be broken: after `.`, `-` and `_`.
fn parts(heading: &str) -> impl Iterator<Item = &str> {
    heading.split_inclusive(['.', '-', '_'])
}

/// Breaks a heading into lines of at most this width, if its parts are short enough.
pub(super) fn heading_lines(heading: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts(heading) {
        match lines.last_mut() {
            Some(line) if line.is_empty() || width(line) + width(part) <= most => line.push_str(part),
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

fn total(columns: &[Column], limit: usize) -> usize {
    columns.iter().map(|column| column.width.min(limit).max(column.least)).sum()
}

/// Makes the widest columns narrower until all fit. Returns false if they would be too narrow.
fn fit(columns: &mut [Column], available: usize) -> bool {
    if total(columns, 0) > available {
        return false;
    }
    // The highest limit with which they fit, found by bisection.
    let (mut limit, mut too_high) = (0, available + 1);
    while too_high - limit > 1 {
        let middle = usize::midpoint(limit, too_high);
        if total(columns, middle) <= available {
            limit = middle;
        } else {
            too_high = middle;
        }
    }
    let mut spare = available - total(columns, limit);
    for column in columns {
        let wanted = column.width;
        column.width = wanted.min(limit).max(column.least);
        if column.width < wanted && spare > 0 {
            column.width += 1;
            spare -= 1;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::color::Colors;

    fn columns(widths: &[(usize, usize)]) -> Vec<Column> {
        let style = Style { terminal: true, width: None, colors: Colors::OFF };
        let column = |&(width, least): &(usize, usize)| Column {
            width,
            least,
            ..Column::new(b"", b"", &Bytes::new(), style, ALIGNED)
        };
        widths.iter().map(column).collect()
    }

    #[test]
    fn the_widest_columns_are_made_narrower() {
        let check = |widths: &[(usize, usize)], available, expected: Option<&[usize]>| {
            let mut columns = columns(widths);
            let found = fit(&mut columns, available);
            let found = found.then(|| columns.iter().map(|column| column.width).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expected, "{widths:?} in {available}");
        };
        check(&[], 0, Some(&[]));
        check(&[(5, 5), (9, 9)], 14, Some(&[5, 9]));
        check(&[(5, 5), (90, 8)], 40, Some(&[5, 35]));
        check(&[(50, 8), (90, 8), (3, 3)], 40, Some(&[19, 18, 3]));
        check(&[(50, 8), (90, 8)], 16, Some(&[8, 8]));
        check(&[(50, 8), (90, 8)], 15, None);
        // One that may not be narrower keeps its width.
        check(&[(50, 20), (90, 8)], 30, Some(&[20, 10]));
        check(&[(50, 20), (90, 8)], 27, None);
    }

    #[test]
    fn headings_break_between_their_parts() {
        let check = |heading: &str, most, expected: &[&str]| {
            assert_eq!(heading_lines(heading, most), expected, "{heading} in {most}");
        };
        check("props.socket-id", 20, &["props.socket-id"]);
        check("props.socket-id", 13, &["props.socket-", "id"]);
        check("props.socket-id", 7, &["props.", "socket-", "id"]);
        check("rd_total_time_ns", 9, &["rd_total_", "time_ns"]);
        check("", 0, &[""]);
    }
}
