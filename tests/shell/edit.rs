//! `.edit` and Ctrl-X Ctrl-E: a line in an editor.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{at_prompt, is_at_prompt, is_typed};
use crate::support::terminal::{Terminal, keys};
use crate::support::{Qemu, qmpsh};

/// The shell with an editor: a script that gets the file as `$1`, in the directory `$DIR`.
fn shell(qemu: &Qemu, script: &str) -> Terminal {
    let editor = qemu.file("editor");
    let directory = qemu.file("");
    std::fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    at_prompt(qmpsh().arg(qemu.socket()).env("EDITOR", &editor).env("DIR", directory).env("TMPDIR", qemu.file("")))
}

/// The files that the shell has left.
fn left(qemu: &Qemu) -> Vec<PathBuf> {
    let names = std::fs::read_dir(qemu.file("")).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("qmpsh-");
    names.filter(is_ours).collect()
}

fn content(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_last_line_is_edited_and_not_run() {
    let qemu = Qemu::none().start();
    let script = r#"cp "$1" $DIR/before; stat -c %a "$1" "$(dirname "$1")" >$DIR/modes; sed -i s/status/version/ "$1""#;
    let mut t = shell(&qemu, script);
    t.type_keys("query-status\r");
    t.wait(|screen| screen.text().contains("\"running\": true") && is_at_prompt(screen));
    t.type_keys(".edit\r");
    t.wait(|screen| is_typed(screen, "query-version", 0));
    assert_eq!(
        (content(qemu.file("before")), content(qemu.file("modes"))),
        ("query-status\n".into(), "600\n700\n".into())
    );
    assert!(left(&qemu).is_empty(), "{:?}", left(&qemu));
    assert!(!t.screen().text().contains("\"package\""), "{t}");
    t.type_keys("\r");
    t.wait(|screen| screen.text().contains("\"package\"") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn the_line_being_typed_is_edited_with_the_terminal() {
    let qemu = Qemu::none().start();
    // It reads a key from the terminal.
    let mut t = shell(&qemu, r#"echo "word?"; read word; echo "$(cat "$1")$word" >"$1""#);
    t.type_keys("query-sta\x18\x05");
    t.wait_for("word?");
    t.type_keys("tus\r");
    t.wait(|screen| is_typed(screen, "query-status", 0));
    t.type_keys("\r");
    t.wait(|screen| screen.text().contains("\"running\": true") && is_at_prompt(screen));
}

#[test]
fn lines_come_back_as_one_text() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu, r#"printf 'transaction(\nabort\n)\n\n' >"$1""#);
    t.type_keys(".edit\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) transaction(\nabort\n)"));
    t.type_keys("\r");
    t.wait(|screen| screen.text().contains("GenericError: ") && is_at_prompt(screen));
}

#[test]
fn a_line_with_a_secret_is_not_edited() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu, "touch $DIR/ran");
    t.type_keys("set_password protocol=vnc password=hunter2\r");
    t.wait(|screen| screen.text().contains("Error") && is_at_prompt(screen));
    t.type_keys(".edit\r");
    t.wait(|screen| screen.text().contains("not edited: the line has a secret") && is_at_prompt(screen));
    t.type_keys("x password=hunter2\x18\x05");
    t.wait(|screen| screen.text().matches("not edited: ").count() == 2 && is_typed(screen, "x password=hunter2", 0));
    assert!(!qemu.file("ran").exists());
}

#[test]
fn an_editor_that_fails_leaves_the_line() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu, "echo x >\"$1\"; exit 3");
    t.type_keys("query-status\x18\x05");
    t.wait(|screen| screen.text().contains("not edited: the editor failed: ") && is_typed(screen, "query-status", 0));
    assert!(left(&qemu).is_empty(), "{:?}", left(&qemu));
    drop(t);
    let mut t = shell(&qemu, "printf 'a\\033[2Jb' >\"$1\"");
    t.type_keys(".edit\r");
    t.wait(|screen| screen.text().contains("not edited: the text has control characters") && is_at_prompt(screen));
}

#[test]
fn a_batch_edits_nothing() {
    let qemu = Qemu::none().start();
    let run = qmpsh().arg(qemu.socket()).args(["-c", ".edit"]).run();
    run.status(2).stdout("").stderr_contains(".edit works only at the prompt");
}
