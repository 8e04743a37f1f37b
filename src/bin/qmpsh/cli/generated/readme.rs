//! The tables of README.md that say what `--help` says.

use std::fmt::Write as _;

use crate::builtins::COMMANDS;
use crate::cli::manual::{self, Entry};

/// README.md as it is, with its tables fresh.
pub(super) fn page(readme: &str) -> String {
    let tables = [
        ("options", options()),
        ("commands of the shell", own_commands()),
        ("addresses", table(("address", "meaning"), manual::ADDRESSES)),
        ("exit statuses", table(("status", "meaning"), manual::EXIT_STATUS)),
        ("environment", table(("variable", "meaning"), manual::ENVIRONMENT)),
    ];
    tables.into_iter().fold(readme.to_owned(), |page, (name, table)| {
        let start = format!("<!-- generated: {name} -->\n");
        let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("README.md has no line {start}"));
        let (_, after) = rest.split_once("<!-- end -->\n").unwrap_or_else(|| panic!("{start} has no end"));
        format!("{before}{start}\n{table}\n<!-- end -->\n{after}")
    })
}

fn options() -> String {
    let mut table = "| option | meaning |\n|---|---|\n".to_owned();
    for option in crate::cli::command().get_arguments() {
        let Some(long) = option.get_long() else { continue };
        let short = option.get_short().map_or_else(String::new, |short| format!("-{short}, "));
        let value = match option.get_value_names() {
            Some([value]) if option.get_action().takes_values() => format!(" {value}"),
            _ => String::new(),
        };
        let help = option.get_long_help().or_else(|| option.get_help()).map(ToString::to_string).unwrap_or_default();
        row(&mut table, &format!("{short}--{long}{value}"), &help);
    }
    table
}

fn own_commands() -> String {
    let mut table = "| command | description |\n|---|---|\n".to_owned();
    for command in COMMANDS {
        row(&mut table, &command.usage(), command.summary);
    }
    table
}

fn table((term, meaning): Entry, entries: &[Entry]) -> String {
    let mut table = format!("| {term} | {meaning} |\n|---|---|\n");
    for (term, meaning) in entries {
        row(&mut table, term, meaning);
    }
    table
}

fn row(table: &mut String, term: &str, meaning: &str) {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let _ = writeln!(table, "| `{}` | {} |", cell(term), cell(meaning));
}
