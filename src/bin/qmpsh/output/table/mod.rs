//! A result as columns of text: a list of objects as a table, an object as two columns.
//!
//! A list is read twice, first for the widths and then for the rows, and nothing is kept: a list of a million objects needs
//! no more memory than the reply itself. What all objects of a list have in common is shown once, below it. Objects that do not fit
//! as a table are shown one below the other, in `record`.

mod cell;
mod grid;
mod keys;
mod layout;
mod long_text;
mod record;

use bytes::Bytes;

use crate::output::columns::wrapped;
pub(crate) use cell::Style;

use cell::{Kind, is_object};
use grid::{Grid, Read};
use long_text::LongText;
use qmpsh::json::{Elements, elements};
use record::{EVERY, Records, rule};

/// About how many bytes one piece has.
const CHUNK: usize = 64 * 1024;

/// A result in pieces to print, with a newline at its end.
#[derive(Clone)]
pub(crate) struct Table {
    style: Style,
    what: What,
}

#[derive(Clone)]
enum What {
    /// A list of objects, and what is shown below it.
    Grid(Grid, Option<Records>),
    /// Objects that do not fit as a table, or a single one.
    Records(Records),
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
            Kind::Nested => nested(value, style, true),
            Kind::Number | Kind::Literal => What::Line(Some(value.clone())),
        };
        Self { style, what }
    }

    /// A list of objects with all its columns, also those with the same value in every row.
    pub(crate) fn with_all_columns(list: &Bytes, style: Style) -> Self {
        Self { style, what: nested(list, style, false) }
    }
}

/// Returns the line above one of several results.
pub(crate) fn title(text: &str, style: Style) -> String {
    let mut line = String::new();
    rule(text, style, &mut line);
    line
}

fn nested(value: &Bytes, style: Style, constants_apart: bool) -> What {
    let Some(list) = elements(value) else {
        return if is_object(value) {
            What::Records(Records::object(value, style))
        } else {
            What::Line(Some(Bytes::from_static(b"{}")))
        };
    };
    if list.clone().next().is_none() {
        return What::Line(Some(Bytes::from_static(b"[]")));
    }
    match Grid::read(&list, b"", style, constants_apart) {
        None => What::Lines(list),
        Some(Read { grid: Some(grid), constants }) => {
            let constants = (!constants.is_empty()).then(|| Records::constants(constants, style));
            What::Grid(grid, constants)
        }
        Some(Read { grid: None, constants }) => What::Records(Records::list(list, constants, style)),
    }
}

impl Iterator for Table {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = String::new();
        let style = self.style;
        while out.len() < CHUNK {
            let more = match &mut self.what {
                What::Grid(grid, constants) => match grid.next(&mut out) {
                    Some(()) => Some(()),
                    None => constants.take().map(|constants| {
                        rule(EVERY, style, &mut out);
                        self.what = What::Records(constants);
                    }),
                },
                What::Records(records) => records.next(&mut out),
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

fn line(value: &Bytes, style: Style, out: &mut String) {
    for line in wrapped(&style.value(b"", b"", value, usize::MAX), 0, style.width.unwrap_or(usize::MAX)) {
        out.push_str(&line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests;
