//! Draws a tree for people, within the columns of a terminal.
//!
//! Names are never cut. The last column takes a line of its own if it does not fit. Other columns that do not fit, the least
//! important first, become a part of it.

use std::iter::repeat_n;

use serde_json::Value;

use super::forms::value_text;
use super::tree::{Column, Entry, Format, Tree, Visit};
use crate::output::color::{Colors, Tint};
use crate::output::columns::{GAP, hang, width, wrapped};
use qmpsh::text;

/// How many levels of a tree have their lines where the width has no limit.
const MOST_LEVELS: usize = 100;

/// How a tree is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// The columns that it may have; `None`: as many as it needs.
    pub(super) width: Option<usize>,
    pub(super) lines: Lines,
    pub(super) colors: Colors,
}

/// What the lines of a tree are made of. Each has two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lines {
    branch: &'static str,
    last: &'static str,
    through: &'static str,
    /// In place of the first levels of a tree that is too deep.
    more: &'static str,
}

impl Lines {
    pub(super) const BOXES: Self = Self { branch: "├─", last: "└─", through: "│ ", more: "… " };
    pub(super) const ASCII: Self = Self { branch: "|-", last: "`-", through: "| ", more: "~ " };

    /// Chooses what the locale has characters for. Source: POSIX, "Internationalization Variables".
    pub(super) fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::BOXES } else { Self::ASCII }
    }
}

/// A row before it is fitted into the width.
struct Row {
    /// The lines of the tree and the name.
    name: String,
    /// The lines of the tree below the name.
    below: String,
    /// One for each column but the last.
    cells: Vec<String>,
    tail: String,
    details: Vec<String>,
}

/// Draws the tree. The text is safe for a terminal.
pub(super) fn draw(tree: &Tree, style: Style) -> String {
    let mut rows = rows(tree, style);
    let titles: Vec<&str> = tree.columns.iter().map(|column| column.title).collect();
    let Some((tail_title, titles)) = titles.split_last() else { return String::new() };
    let longest = |n: usize| rows.iter().map(|row| width(&row.cells[n])).max().filter(|columns| *columns > 0);
    let mut widths: Vec<usize> =
        (0..titles.len()).map(|n| longest(n).map_or(0, |columns| columns.max(width(titles[n])))).collect();
    let total = |widths: &[usize]| -> usize {
        widths.iter().filter(|columns| **columns > 0).map(|columns| columns + GAP).sum()
    };
    // A row without cells may be as long as it is.
    let has_cells = |row: &&Row| !row.tail.is_empty() || row.cells.iter().any(|cell| !cell.is_empty());
    let names = || rows.iter().filter(has_cells).map(|row| width(&row.name)).chain([width(tree.title)]);
    let longest_tail = rows.iter().map(|row| width(&row.tail)).max().filter(|columns| *columns > 0);
    let mut name_width = names().max().unwrap_or_default();
    if let Some(most) = style.width {
        if name_width + total(&widths) + longest_tail.map_or(0, |columns| columns + GAP) > most {
            // A few long names have their cells on the next line.
            let limit = (most * 2 / 5).max(width(tree.title));
            name_width = names().filter(|columns| *columns <= limit).max().unwrap_or(limit);
        }
        while name_width + total(&widths) > most {
            let Some(last) = widths.iter().rposition(|columns| *columns > 0) else { break };
            widths[last] = 0;
            for row in &mut rows {
                row.move_to_tail(last, titles[last]);
            }
        }
    }
    let tail_start = name_width + total(&widths) + GAP;
    let room = style.width.map(|most| most.saturating_sub(tail_start));
    let fits = |row: &Row| !row.tail.is_empty() && room.is_none_or(|room| width(&row.tail) <= room);
    // A heading over nothing would confuse.
    let tail_title =
        if rows.iter().any(fits) && room.is_none_or(|room| width(tail_title) <= room) { tail_title } else { "" };

    let is_right: Vec<bool> = tree.columns.iter().map(is_number).collect();
    let mut out = String::new();
    let mut line = |name: &str, cells: &[&str], tail: &str, is_heading: bool| {
        let mut line = String::from(name);
        let mut at = width(name);
        let mut end = name_width;
        let mut put = |text: &str, start: usize| {
            if !text.is_empty() {
                line.extend(repeat_n(' ', start.saturating_sub(at)));
                line.push_str(text);
                at = at.max(start) + width(text);
            }
        };
        for (n, cell) in cells.iter().enumerate().filter(|(n, _)| widths[*n] > 0) {
            let columns = widths[n];
            let indent = if is_right[n] { columns.saturating_sub(width(cell)) } else { 0 };
            put(cell, end + GAP + indent);
            end += GAP + columns;
        }
        put(tail, end + GAP);
        out.push_str(&if is_heading { style.colors.paint(Tint::Heading, &line) } else { line });
        out.push('\n');
    };
    line(tree.title, titles, tail_title, true);
    for row in &mut rows {
        let own_tail = if fits(row) { std::mem::take(&mut row.tail) } else { String::new() };
        let cells: Vec<&str> = row.cells.iter().map(String::as_str).collect();
        let has_cells =
            !own_tail.is_empty() || cells.iter().zip(&widths).any(|(cell, columns)| !cell.is_empty() && *columns > 0);
        if width(&row.name) > name_width && has_cells {
            line(&row.name, &[], "", false);
            line(&row.below, &cells, &own_tail, false);
        } else {
            line(&row.name, &cells, &own_tail, false);
        }
        let indent = format!("{}  ", row.below);
        let tail = Some(std::mem::take(&mut row.tail)).filter(|tail| !tail.is_empty());
        for detail in tail.into_iter().chain(std::mem::take(&mut row.details)) {
            let room = style.width.map_or(usize::MAX, |most| most.saturating_sub(width(&indent)).max(1));
            for part in parts_wrapped(&detail, room) {
                line(&format!("{indent}{part}"), &[], "", false);
            }
        }
    }
    for note in &tree.notes {
        out.push_str(&style.width.map_or_else(|| note.clone(), |most| hang(note, 0, most)));
        out.push('\n');
    }
    out
}

impl Row {
    /// Moves a cell to the begin of the tail, behind its title.
    fn move_to_tail(&mut self, cell: usize, title: &str) {
        let cell = std::mem::take(&mut self.cells[cell]);
        if !cell.is_empty() {
            let behind = if self.tail.is_empty() { "" } else { ", " };
            self.tail = format!("{} {cell}{behind}{}", title.to_lowercase(), self.tail);
        }
    }
}

/// Wraps a list of parts, such as `ro, size 1.0 GiB`, between them; within a part only if it is longer than a row.
fn parts_wrapped(text: &str, columns: usize) -> Vec<String> {
    const HANG: usize = 2;
    const GLUE: &str = "\u{a0}";
    let glue = |part: &str| {
        let fits = width(part) + HANG < columns;
        if fits { part.replace(' ', GLUE) } else { part.to_owned() }
    };
    let parts: Vec<String> = text.split(", ").map(glue).collect();
    wrapped(&parts.join(", "), HANG, columns).iter().map(|row| row.replace(GLUE, " ")).collect()
}

fn is_number(column: &Column) -> bool {
    matches!(column.shows, [(_, Format::Bytes), ..])
}

fn rows(tree: &Tree, style: Style) -> Vec<Row> {
    let lines = style.lines;
    // The lines take at most half of the width.
    let most_levels = style.width.map_or(MOST_LEVELS, |most| (most / 4).max(2));
    let mut rows = Vec::new();
    // For each level above: whether its line goes on below.
    let mut goes_on: Vec<bool> = Vec::new();
    for visit in tree.walk(true) {
        let entry = &tree.entries[visit.entry];
        goes_on.truncate(visit.depth.saturating_sub(1));
        let from = visit.depth.saturating_sub(most_levels);
        let mut above = String::new();
        if from > 0 {
            above.push_str(lines.more);
        }
        above.extend(goes_on.iter().skip(from).map(|goes_on| if *goes_on { lines.through } else { "  " }));
        let (branch, through) = match (visit.depth, visit.is_last) {
            (0, _) => ("", ""),
            (_, true) => (lines.last, "  "),
            (_, false) => (lines.branch, lines.through),
        };
        let has_children = !visit.is_repeated && !entry.children.is_empty() && (!entry.is_folded || visit.is_named);
        let below = format!("{above}{through}{}", if has_children { lines.through } else { "  " });
        if visit.depth > 0 {
            goes_on.push(!visit.is_last);
        }
        rows.push(row(tree, entry, &visit, &format!("{above}{branch}"), below));
    }
    rows
}

fn row(tree: &Tree, entry: &Entry, visit: &Visit<'_>, guide: &str, below: String) -> Row {
    let role = visit.role.map_or_else(String::new, |role| format!("{}: ", text::line(role)));
    let repeated = if visit.is_repeated { " (shown above)" } else { "" };
    let name = format!("{guide}{role}{}{repeated}", text::line(&entry.name));
    let mut cells: Vec<String> = tree.columns.iter().map(|column| cell(entry, column)).collect();
    if visit.is_repeated {
        cells.fill(String::new());
    }
    let tail = cells.pop().unwrap_or_default();
    let others = entry.members.iter().filter(|(key, _)| visit.is_named && !entry.has_in_column(tree.columns, key));
    let details = others.flat_map(|(key, value)| details(key, value)).collect();
    Row { name, below, cells, tail, details }
}

fn cell(entry: &Entry, column: &Column) -> String {
    let text_of = |(key, format): &(&str, Format)| entry.get(key).map(|value| value_text(value, *format));
    let shows = column.shows.iter().filter(|(_, format)| entry.shows(*format));
    let texts: Vec<String> = shows.filter_map(text_of).filter(|text| !text.is_empty()).collect();
    text::line(&texts.join(", ")).into_owned()
}

/// Writes a member that has no column: one line, or one for each object of a list.
fn details(key: &str, value: &Value) -> Vec<String> {
    let line = |key: &str, text: &str| text::line(&format!("{key}: {text}")).into_owned();
    match value {
        Value::Array(values) if values.iter().any(Value::is_object) => {
            let one = key.strip_suffix('s').unwrap_or(key);
            values.iter().map(|value| line(one, &detail(key, value))).collect()
        }
        value => vec![line(key, &detail(key, value))],
    }
}

/// Writes a value as its name asks for.
fn detail(key: &str, value: &Value) -> String {
    let format = match key {
        _ if key == "size" || key.ends_with("-size") || key == "granularity" || key == "dirty" => Format::Bytes,
        "address" | "base" | "limit" | "class-code" => Format::Hex,
        _ => Format::Text,
    };
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Array(values) => values.iter().map(|value| plain(key, value)).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| !matches!(key.as_str(), "bar" | "name"));
            members.iter().map(|(key, value)| format!("{key} {}", plain(key, value))).collect::<Vec<_>>().join(", ")
        }
        value => value_text(value, format),
    }
}

/// Writes a value within a list or an object. What is nested deeper stays JSON.
fn plain(key: &str, value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => value.to_string(),
        value => detail(key, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { title: "DRIVER", shows: &[("driver", Format::Text)] },
        Column { title: "SIZE", shows: &[("size", Format::Bytes)] },
        Column { title: "STATE", shows: &[("ro", Format::Flag("ro")), ("status", Format::Text)] },
        Column { title: "FILE", shows: &[("file", Format::Text)] },
    ];

    fn tree() -> Tree {
        let mut tree = Tree::new("NODE", COLUMNS);
        let disk = tree.add_root(Entry::new("device", "disk0"));
        let node = |name: &str, driver: &str| Entry::new("node", name).with("driver", driver).with("size", 1_u64 << 30);
        let top = tree.add(node("top", "qcow2"));
        tree.hang(disk, None, top);
        let file = tree.add(node("top-file", "file").with("file", "/var/lib/libvirt/images/web1/top.qcow2"));
        tree.hang(top, Some("file".to_owned()), file);
        let base = tree.add(node("base", "qcow2").flag("ro", true).with("cluster-size", 65536));
        tree.hang(top, Some("backing".to_owned()), base);
        let job = tree.add_root(Entry::new("job", "mirror0").with("status", "running"));
        tree.hang(job, Some("source".to_owned()), top);
        tree
    }

    fn drawn(tree: &Tree, width: impl Into<Option<usize>>, lines: Lines) -> String {
        draw(tree, Style { width: width.into(), lines, colors: Colors::OFF })
    }

    #[test]
    fn a_wide_terminal_has_all_in_columns() {
        let expected = "\
NODE                DRIVER     SIZE  STATE    FILE
disk0
└─top               qcow2   1.0 GiB
  ├─file: top-file  file    1.0 GiB           /var/lib/libvirt/images/web1/top.qcow2
  └─backing: base   qcow2   1.0 GiB  ro
mirror0                              running
└─source: top (shown above)
";
        assert_eq!(drawn(&tree(), 90, Lines::BOXES), expected);
        assert_eq!(drawn(&tree(), None, Lines::BOXES), expected);
    }

    #[test]
    fn a_long_file_name_has_a_line_of_its_own() {
        let expected = "\
NODE                DRIVER     SIZE  STATE
disk0
`-top               qcow2   1.0 GiB
  |-file: top-file  file    1.0 GiB
  |     /var/lib/libvirt/images/web1/top.qcow2
  `-backing: base   qcow2   1.0 GiB  ro
mirror0                              running
`-source: top (shown above)
";
        assert_eq!(drawn(&tree(), 60, Lines::ASCII), expected);
    }

    #[test]
    fn a_narrow_terminal_has_long_names_on_lines_of_their_own() {
        let expected = "\
NODE     DRIVER     SIZE  STATE
disk0
└─top    qcow2   1.0 GiB
  ├─file: top-file
  │      file    1.0 GiB
  │     /var/lib/libvirt/images/web1/
  │       top.qcow2
  └─backing: base
         qcow2   1.0 GiB  ro
mirror0                   running
└─source: top (shown above)
";
        assert_eq!(drawn(&tree(), 40, Lines::BOXES), expected);
    }

    #[test]
    fn the_last_columns_go_below_the_names_first() {
        let headings = |columns| drawn(&tree(), columns, Lines::BOXES).lines().next().unwrap().to_owned();
        assert_eq!(headings(30), "NODE     DRIVER     SIZE");
        assert_eq!(headings(20), "NODE     DRIVER");
        assert_eq!(headings(10), "NODE");
        let expected = "\
NODE     DRIVER     SIZE
disk0
└─top    qcow2   1.0 GiB
  ├─file: top-file
  │      file    1.0 GiB
  │     /var/lib/libvirt/
  │       images/web1/
  │       top.qcow2
  └─backing: base
         qcow2   1.0 GiB
        state ro
mirror0
│   state running
└─source: top (shown above)
";
        assert_eq!(drawn(&tree(), 25, Lines::BOXES), expected);
    }

    #[test]
    fn a_named_entry_shows_all_that_is_known_of_it() {
        let mut tree = tree();
        tree.name("base").unwrap();
        tree.add_users();
        assert_eq!(
            drawn(&tree, 80, Lines::BOXES),
            "NODE  DRIVER     SIZE  STATE\nbase  qcow2   1.0 GiB  ro\n    cluster-size: 64.0 KiB\n    used-by: backing of top\n"
        );
    }

    #[test]
    fn what_the_peer_says_is_escaped() {
        let mut tree = Tree::new("NODE", COLUMNS);
        let root = tree.add_root(Entry::new("node", "a\u{1b}[2J\n").with("driver", "\u{202e}").with("other", "\u{7}"));
        let child = tree.add(Entry::new("node", "b").with("file", "x\ry"));
        tree.hang(root, Some("\u{9b}".to_owned()), child);
        tree.name("a\u{1b}[2J\n").unwrap();
        for width in [None, Some(80), Some(20), Some(1), Some(0)] {
            let shown = drawn(&tree, width, Lines::ASCII);
            assert!(shown.chars().all(|c| c == '\n' || !text::is_unsafe(c)), "{shown:?}");
        }
    }

    #[test]
    fn deep_trees_stay_within_the_width() {
        let mut tree = Tree::new("NODE", COLUMNS);
        let mut last = tree.add_root(Entry::new("node", "n"));
        for _ in 0..10_000 {
            last = tree.add_child(last, Entry::new("node", "n").with("driver", "raw"));
        }
        for columns in [40, 80] {
            let shown = drawn(&tree, columns, Lines::BOXES);
            assert_eq!(shown.lines().count(), 10_002);
            assert!(shown.lines().all(|line| width(line) <= columns), "{shown}");
        }
    }

    #[test]
    fn the_locale_says_which_characters_there_are() {
        let check = |variables: &[(&str, &str)], expected: Lines| {
            let find =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Lines::of_locale(find), expected, "{variables:?}");
        };
        check(&[], Lines::ASCII);
        check(&[("LANG", "C")], Lines::ASCII);
        check(&[("LANG", "en_US.UTF-8")], Lines::BOXES);
        check(&[("LANG", "C.utf8")], Lines::BOXES);
        check(&[("LC_ALL", ""), ("LC_CTYPE", "POSIX"), ("LANG", "en_US.UTF-8")], Lines::ASCII);
        check(&[("LC_ALL", "de_DE.UTF-8"), ("LANG", "C")], Lines::BOXES);
    }
}
