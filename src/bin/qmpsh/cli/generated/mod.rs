//! What `--generate` prints, and the tables of README.md: made from the definition of the command line, committed, and fresh.

mod man;
mod readme;

use std::path::Path;

use clap_complete::Shell;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

/// Fails if the committed file has another content; with `SNAPSHOTS=overwrite` in the environment it is written.
#[track_caller]
fn check(path: &str, content: Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let committed = Data::read_from(&path, Some(DataFormat::Text)).raw();
    let content = String::from_utf8(content).expect("what is generated is text");
    // snapbox's message says how to refresh.
    Assert::new().action_env("SNAPSHOTS").eq(Data::text(content).raw(), committed);
}

#[track_caller]
fn check_completion(shell: Shell, path: &str) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::command(), "qmpsh", &mut script);
    check(path, script);
}

#[test]
fn the_man_page_is_fresh() {
    check("man/qmpsh.1", man::page());
}

#[test]
fn the_tables_of_the_readme_are_fresh() {
    check("README.md", readme::page(include_str!("../../../../../README.md")).into_bytes());
}

#[test]
fn the_completions_are_fresh() {
    check_completion(Shell::Bash, "completions/qmpsh.bash");
    check_completion(Shell::Zsh, "completions/_qmpsh");
    check_completion(Shell::Fish, "completions/qmpsh.fish");
}
