//! What `.help` shows without the name of something: one screen to begin with, the language, the keys, the built-in commands.

use std::fmt::Write as _;

use super::super::registry::COMMANDS;
use crate::cli::manual::KEYS;
use crate::output::columns::{hang, wrap};

/// How many columns it takes to have commands and what they do side by side.
const WIDE: usize = 70;

/// What to begin with. Commands, keys and the rows of a screen of 40 columns stay whole: they have less than 15 rows.
const BEGIN: &str = "\
A line is a QMP command with its arguments:
  query-status
  block_resize node-name=n0 size=10G
  query-block | jq '.[].device'
Tab completes, Ctrl-C stops waiting.
";

/// Where to look further.
const FURTHER: [Row; 7] = [
    (".help tasks", "add a disk, migrate, …"),
    (".commands WORD", "list commands by name"),
    (".help COMMAND", "describe a command"),
    (".help WORD", "search: .help disk"),
    (".help language", "how lines are written"),
    (".help built-in", "commands with a dot"),
    (".help keys", "all keys"),
];

/// The built-in commands that are used most, for screens with room for them.
const MOST_USED: [Row; 7] = [
    (".status", "show the connection"),
    (".events PATTERN...", "choose which events are displayed"),
    (".wait EVENT", "wait for an event"),
    (".job ID", "wait for a job; .jobs lists them"),
    (".hmp LINE", "run a line of the human monitor: .hmp info block"),
    (".output table", "show results as tables"),
    (".quit", "leave, as Ctrl-D does (`quit` ends QEMU)"),
];

/// What to type, and what it does.
type Row = (&'static str, &'static str);

const LANGUAGE: &str = "\
A line is a QMP command with its arguments:
  query-status
  block_resize node-name=n0 size=10G
  blockdev-add node-name=n0 driver=raw file.driver=file file.filename=\"/my disk\"

  KEY=VALUE         a value of the type in QEMU's schema: a string, a number (10G, 0x10), true, an enum value; \
quotes make a string, { and [ begin JSON
  KEY.KEY=VALUE     an object within an object
  KEY:=JSON         strict JSON
  KEY==TEXT         the text as it is
  KEY=@FILE         a file's contents
  KEY=@?            ask, without echo
  device_del NAME   the argument that names one thing may stand first, alone: `.help COMMAND` tells for which commands
  {\"execute\": ...}  a whole message
  # ...             a comment
  transaction(      actions, one a line, up to a closing )
  ... | PIPELINE    send the result as JSON to a shell command, such as jq or less

A line continues while a bracket or a quote is open. Pasted lines stop at the first that fails.
";

const HISTORY: &str = "\nThe history omits lines that begin with a space or contain a password.\n";

/// Returns one screen to begin with.
pub(super) fn overview(width: usize) -> String {
    let mut shown = wrap(BEGIN, width).into_owned();
    let owned = |row: &Row| (row.0.to_owned(), row.1);
    if width < WIDE {
        rows(&mut shown, FURTHER.iter().map(owned), 17, width);
        return shown;
    }
    shown.push_str("\nTo find out more:\n");
    rows(&mut shown, FURTHER.iter().map(owned), 24, width);
    shown.push_str("\nUsed most:\n");
    rows(&mut shown, MOST_USED.iter().map(owned), 24, width);
    shown
}

/// Returns the text about a topic: `language`, `keys` or `built-in`.
pub(super) fn topic(name: &str, width: usize) -> Option<String> {
    let mut shown = String::new();
    match name {
        "language" => shown.push_str(&wrap(LANGUAGE, width)),
        "built-in" => {
            shown.push_str(&wrap("The built-in commands (.help .NAME describes one):\n", width));
            rows(&mut shown, COMMANDS.iter().map(|command| (command.usage(), command.summary)), 35, width);
        }
        "keys" => {
            shown.push_str(&wrap("The keys are those of Emacs and readline:\n", width));
            rows(&mut shown, KEYS.iter().map(|(keys, meaning)| ((*keys).to_owned(), *meaning)), 24, width);
            shown.push_str(&wrap(HISTORY, width));
        }
        _ => return None,
    }
    Some(shown)
}

/// Adds rows of two columns, the second at `column`. On a narrow screen it goes below the first if it does not fit.
fn rows<'a>(text: &mut String, rows: impl Iterator<Item = (String, &'a str)>, column: usize, width: usize) {
    let column = if width < WIDE && column > width / 2 { 6 } else { column };
    for (first, second) in rows {
        let mut row = format!("  {first}");
        if row.len() >= column {
            let _ = writeln!(text, "{}", hang(&row, 4, width));
            row.clear();
        }
        let _ = writeln!(text, "{}", hang(&format!("{row:column$}{second}"), column, width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_the_screen() {
        for width in [40, 80, 120] {
            let topics = ["language", "built-in", "keys"].map(|name| topic(name, width).unwrap());
            for text in topics.into_iter().chain([overview(width)]) {
                // A word that is longer than a row stays whole.
                let fits = |line: &str| line.chars().count() <= width || !line.trim().contains(' ');
                assert!(text.lines().all(fits), "wider than {width}: {text}");
            }
        }
        // The prompt takes a row.
        for (rows, columns) in [(24, 80), (15, 40)] {
            let shown = overview(columns);
            assert!(shown.lines().count() < rows, "more than {rows} rows:\n{shown}");
        }
        for (row, _) in MOST_USED.iter().chain(&FURTHER) {
            let name = row[1..].split(' ').next().unwrap();
            assert!(COMMANDS.iter().any(|command| command.name == name), "{row}");
        }
    }
}
