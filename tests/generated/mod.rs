//! Checks that generated files, the list of QOM types and the changelog are fresh.

use std::collections::HashSet;

use crate::support::{Qemu, qmpsh};

#[test]
fn generate_prints_the_committed_files() {
    for (what, committed) in [
        ("man", include_str!("../../man/qmpsh.1")),
        ("bash", include_str!("../../completions/qmpsh.bash")),
        ("zsh", include_str!("../../completions/_qmpsh")),
        ("fish", include_str!("../../completions/qmpsh.fish")),
    ] {
        qmpsh().args(["--generate", what]).run().stdout(committed).stderr("").status(0);
    }
    qmpsh().args(["--generate", "powershell"]).run().stdout("").status(2);
}

/// Those of another QEMU than the list was made from are mostly on it.
#[test]
fn the_list_of_qom_types_is_fresh() {
    let list = include_str!("../../src/bin/qmpsh/session/qom-types.txt");
    let listed: HashSet<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    let qemu = Qemu::none().start();
    let mut client = qemu.hold();
    let version = &client.execute(r#"{"execute":"query-version"}"#)["qemu"];
    let version = format!("{}.{}.{}", version["major"], version["minor"], version["micro"]);
    let types = client.execute(r#"{"execute":"qom-list-types","arguments":{"abstract":true}}"#);
    let types: Vec<&str> = types.as_array().unwrap().iter().filter_map(|ty| ty["name"].as_str()).collect();
    let missing: Vec<&str> = types.iter().copied().filter(|name| !listed.contains(name)).collect();
    let is_source = list.lines().next().unwrap().split_whitespace().any(|word| word == version);
    let allowed = if is_source { 0 } else { types.len() / 5 };
    assert!(missing.len() <= allowed, "QEMU {version} has types that scripts/qom-types must add: {missing:?}");
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
