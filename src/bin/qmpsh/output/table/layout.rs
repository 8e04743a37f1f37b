//! The columns of a list of objects, and their widths.

use super::cell::{Kind, Style};
use crate::output::columns::{GAP, width};

/// The most columns beside each other: the peer chooses how many there are.
const COLUMNS: usize = 256;

/// The widest column on a pipe. Longer texts are not cut, but do not widen the other rows.
pub(super) const ALIGNED: usize = 250;

/// The columns that a text keeps when it is cut.
const LEAST: usize = 8;

/// One column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The name between its quotes.
    pub(super) key: Vec<u8>,
    pub(super) heading: String,
    /// In columns of the terminal.
    pub(super) width: usize,
    /// All its values are numbers.
    pub(super) is_numeric: bool,
    /// The width of the widest number, which is not cut.
    widest_number: usize,
}

/// The columns that the objects so far need.
#[derive(Debug)]
pub(super) struct ColumnStats {
    style: Style,
    /// Values are measured up to this width.
    room: usize,
    /// `None` if there are too many.
    columns: Option<Vec<Column>>,
    /// The widest name.
    pub(super) widest_key: usize,
}

impl ColumnStats {
    pub(super) fn new(style: Style) -> Self {
        Self { style, room: style.width.unwrap_or(ALIGNED), columns: Some(Vec::new()), widest_key: 0 }
    }

    /// Adds a member of an object. `hint` is the index of its probable column, and becomes that of the next member.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8], hint: &mut usize) {
        let Some(columns) = &mut self.columns else {
            self.widest_key = self.widest_key.max(width(&self.style.key(key, self.room)));
            return;
        };
        let index = find(columns, key, *hint).unwrap_or(columns.len());
        *hint = index + 1;
        if index == columns.len() {
            let heading = self.style.key(key, self.room);
            let width = width(&heading);
            self.widest_key = self.widest_key.max(width);
            if index == COLUMNS {
                self.columns = None;
                return;
            }
            columns.push(Column { key: key.to_owned(), heading, width, is_numeric: true, widest_number: 0 });
        }
        if let Some(column) = columns.get_mut(index) {
            let is_number = Kind::of(value) == Kind::Number;
            let width = width(&self.style.value(value, self.room));
            column.is_numeric &= is_number;
            column.width = column.width.max(if is_number { width } else { width.min(self.room) });
            column.widest_number = column.widest_number.max(if is_number { width } else { 0 });
        }
    }

    /// Returns the columns, fitted into the terminal, or `None` if they do not fit.
    pub(super) fn fitted(&mut self) -> Option<Vec<Column>> {
        let mut columns = self.columns.take()?;
        let gaps = GAP * columns.len().saturating_sub(1);
        match self.style.width {
            Some(available) => fit(&mut columns, available.checked_sub(gaps)?).then_some(columns),
            None => {
                for column in &mut columns {
                    column.width = column.width.min(ALIGNED);
                }
                Some(columns)
            }
        }
    }
}

/// Returns the index of the column of this key.
pub(super) fn find(columns: &[Column], key: &[u8], hint: usize) -> Option<usize> {
    match columns.get(hint) {
        // The objects of a list usually have their members in the same order.
        Some(column) if column.key == key => Some(hint),
        _ => columns.iter().position(|column| column.key == key),
    }
}

/// Makes the widest columns narrower until all fit. Returns false if they would be too narrow.
fn fit(columns: &mut [Column], available: usize) -> bool {
    let least = |column: &Column| column.width.min(LEAST).max(column.widest_number);
    let total = |columns: &[Column], limit: usize| -> usize {
        columns.iter().map(|column| column.width.min(limit).max(least(column))).sum()
    };
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
        column.width = wanted.min(limit).max(least(column));
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

    fn columns(widths: &[(usize, usize)]) -> Vec<Column> {
        let column = |&(width, widest_number): &(usize, usize)| Column {
            key: Vec::new(),
            heading: String::new(),
            width,
            is_numeric: false,
            widest_number,
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
        check(&[(5, 0), (9, 0)], 14, Some(&[5, 9]));
        check(&[(5, 0), (90, 0)], 40, Some(&[5, 35]));
        check(&[(50, 0), (90, 0), (3, 0)], 40, Some(&[19, 18, 3]));
        check(&[(50, 0), (90, 0)], 16, Some(&[8, 8]));
        check(&[(50, 0), (90, 0)], 15, None);
        // A number keeps its width.
        check(&[(50, 20), (90, 0)], 30, Some(&[20, 10]));
        check(&[(50, 20), (90, 0)], 27, None);
    }
}
