//! The list of completions, fitted to the terminal.
//!
//! A few candidates stand one to a row with a description, many in columns by name, and of too many only the beginning.
//! rustyline 19's own list loses rows when the line being typed takes more than one.

use unicode_width::UnicodeWidthStr;

use crate::output::color::{Tint, painted};
use crate::output::columns::{GAP, Size, cut, row};
use qmpsh::language::complete::Candidate;

/// The most rows of a list, unless all of it is asked for.
const ROWS: usize = 12;

/// The columns for a name that has a description.
const NAME: usize = 32;

/// Returns the rows of a list.
pub(super) fn rows(candidates: &[Candidate], size: Size, all: bool, color: bool) -> Vec<String> {
    let limit = ROWS.min(size.rows.saturating_sub(4)).max(3);
    let has_about = candidates.iter().any(|candidate| !candidate.about.is_empty());
    if candidates.len() <= limit && has_about {
        return described(candidates, size.columns, color);
    }
    let name = |candidate: &Candidate| cut(&candidate.name, size.columns.saturating_sub(1)).into_owned();
    let names: Vec<String> = candidates.iter().map(name).collect();
    let whole = columns(&names, size.columns);
    if all || whole.height <= limit {
        return whole.rows(&names);
    }
    // As many names as fit above a row with the number of the others. Fewer names may be narrower and fit better.
    let mut shown = (limit - 1) * names.len().div_ceil(whole.height);
    while let Some(more) = names.get(..shown + 1)
        && columns(more, size.columns).height < limit
    {
        shown += 1;
    }
    let mut rows = columns(&names[..shown], size.columns).rows(&names[..shown]);
    rows.push(format!("… {} more (Tab shows all)", names.len() - shown));
    rows
}

/// The columns of a list of names.
struct Columns {
    height: usize,
    widths: Vec<usize>,
}

/// Finds the most columns that fit; names go down the columns, as in `ls`.
fn columns(names: &[String], room: usize) -> Columns {
    let widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
    let widest = |height: usize| -> Vec<usize> {
        widths.chunks(height).map(|column| column.iter().copied().max().unwrap_or_default()).collect()
    };
    let narrowest = widths.iter().copied().min().unwrap_or_default().max(1);
    let most = ((room + GAP) / (narrowest + GAP)).clamp(1, names.len().max(1));
    let mut height = names.len().div_ceil(most).max(1);
    loop {
        let widths = widest(height);
        let width = widths.iter().map(|width| width + GAP).sum::<usize>().saturating_sub(GAP);
        if width < room || widths.len() <= 1 {
            return Columns { height, widths };
        }
        height += 1;
    }
}

impl Columns {
    fn rows(&self, names: &[String]) -> Vec<String> {
        let widths = || self.widths.iter().copied();
        let cells = |at: usize| names.iter().skip(at).step_by(self.height).map(String::as_str).zip(widths());
        (0..self.height.min(names.len())).map(|at| row(cells(at))).collect()
    }
}

/// Returns a row for each candidate, with its description.
fn described(candidates: &[Candidate], columns: usize, color: bool) -> Vec<String> {
    let names = candidates.iter().map(|candidate| candidate.name.width());
    let column = names.max().unwrap_or_default().min(NAME.max(columns / 2)) + GAP;
    let row = |candidate: &Candidate| {
        // The last column stays free, because some terminals wrap when it is written.
        let mut text = cut(&candidate.name, columns.saturating_sub(1)).into_owned();
        let width = text.width();
        let room = columns.saturating_sub(1 + column.max(width + GAP));
        if !candidate.about.is_empty() && room > 3 {
            text.extend(std::iter::repeat_n(' ', column.saturating_sub(width).max(GAP)));
            let about = cut(&candidate.about, room);
            text.push_str(&if color { painted(Tint::Hint, &about).into() } else { about });
        }
        text
    };
    candidates.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(list: &[(&str, &str)]) -> Vec<Candidate> {
        list.iter().map(|(name, about)| Candidate { name: (*name).into(), about: (*about).into() }).collect()
    }

    const SIZE: Size = Size { rows: 24, columns: 40 };

    #[test]
    fn a_few_candidates_have_descriptions() {
        let list = candidates(&[("id=", "string"), ("size=", "optional integer"), ("x=", "")]);
        let expected = ["id=    string", "size=  optional integer", "x="];
        assert_eq!(rows(&list, SIZE, false, false), expected);
        let colored = rows(&list[..1], SIZE, false, true);
        assert_eq!(colored, ["id=  \x1b[90mstring\x1b[0m"]);
        let long = candidates(&[(&"n".repeat(60), "about"), ("b", &"words ".repeat(20))]);
        let shown = rows(&long, SIZE, false, false);
        assert_eq!(shown[0], format!("{}…", "n".repeat(38)));
        assert!(shown.iter().all(|row| row.width() < SIZE.columns), "{shown:?}");
    }

    #[test]
    fn many_candidates_stand_in_columns() {
        let names: Vec<String> = (0..14).map(|n| format!("name-{n:02}")).collect();
        let list = candidates(&names.iter().map(|name| (name.as_str(), "about")).collect::<Vec<_>>());
        let shown = rows(&list, SIZE, false, false);
        assert_eq!(shown[0], "name-00  name-04  name-08  name-12");
        assert_eq!(shown[3], "name-03  name-07  name-11");
        assert_eq!(shown.len(), 4);
        let uneven = candidates(&[("a", ""), ("b", ""), (&"c".repeat(30), ""), ("d", ""), ("e2345", "")]);
        let shown = rows(&uneven, SIZE, false, false);
        assert_eq!(shown, [format!("a{:31}d", ""), format!("b{:31}e2345", ""), "c".repeat(30)]);
        let wide = candidates(&[("日本語", ""), ("b", "")]);
        assert_eq!(rows(&wide, SIZE, false, false), ["日本語  b"]);
        let narrow = Size { rows: 24, columns: 5 };
        assert_eq!(rows(&list[..2], narrow, true, false)[0], "nam…");
    }

    #[test]
    fn of_too_many_candidates_the_beginning_is_shown() {
        let names: Vec<String> = (0..500).map(|n| format!("name-{n:03}")).collect();
        let list = candidates(&names.iter().map(|name| (name.as_str(), "")).collect::<Vec<_>>());
        let shown = rows(&list, SIZE, false, false);
        assert_eq!(shown.len(), ROWS);
        assert_eq!(shown[0], "name-000  name-011  name-022  name-033");
        assert_eq!(shown.last().unwrap(), "… 456 more (Tab shows all)");
        let shown = rows(&list, SIZE, true, false);
        assert_eq!(shown.len(), 125);
        let small = Size { rows: 6, columns: 40 };
        assert_eq!(rows(&list, small, false, false).len(), 3);
    }
}
