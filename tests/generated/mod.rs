//! What is generated from the definition of the command line is committed, and fresh; so is what is kept by hand.

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
    clap_complete::generate(shell, &mut qmpsh::cli::command(), "qmpsh", &mut script);
    check(path, script);
}

#[test]
fn the_man_page_is_fresh() {
    check("man/qmpsh.1", man::page());
}

#[test]
fn the_tables_of_the_readme_are_fresh() {
    check("README.md", readme::page(include_str!("../../README.md")).into_bytes());
}

#[test]
fn the_completions_are_fresh() {
    check_completion(Shell::Bash, "completions/qmpsh.bash");
    check_completion(Shell::Zsh, "completions/_qmpsh");
    check_completion(Shell::Fish, "completions/qmpsh.fish");
}

#[test]
fn the_changelog_has_this_version() {
    let changelog = include_str!("../../CHANGELOG.md");
    let heading = concat!("## [", env!("CARGO_PKG_VERSION"), "]");
    assert!(changelog.lines().any(|line| line.starts_with(heading)), "CHANGELOG.md has no section `{heading}`");
}

#[test]
fn the_changelog_gives_a_reason_for_each_dependency() {
    let manifest = include_str!("../../Cargo.toml");
    let changelog = include_str!("../../CHANGELOG.md");
    let mut dependencies = 0;
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = matches!(line, "[dependencies]" | "[dev-dependencies]");
        } else if let (true, Some((name, _))) = (inside, line.split_once(" = ")) {
            let item = format!("- `{name}`: ");
            assert!(changelog.contains(&item), "CHANGELOG.md has no line `{item}…` with the reason for it");
            dependencies += 1;
        }
    }
    assert!(dependencies > 10, "found only {dependencies} dependencies in Cargo.toml");
}
