//! The history file: content, permissions, sharing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{at_prompt, is_at_prompt, is_typed, shell};
use crate::support::mock::Mock;
use crate::support::terminal::{Terminal, keys};
use crate::support::{QMPSH, Qemu, qmpsh, sh};

const SECRETS: [&str; 5] = ["hunter2", "hunter3", "hunter4", "hunter5", "spaced-out"];

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn leave(mut t: Terminal) {
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

/// Every file below a directory that holds one of the secrets.
fn files_with_secrets(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with_secrets(&path, found);
        } else {
            let text = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&text);
            if let Some(secret) = SECRETS.iter().find(|secret| text.contains(**secret)) {
                found.push(format!("{secret} in {}", path.display()));
            }
        }
    }
}

#[test]
fn the_history_file_is_private_and_has_no_secrets() {
    let qemu = Qemu::none().start();
    let script = format!("umask 0; exec {} {}", QMPSH, qemu.socket().display());
    let program = sh(&script);
    let home = program.home().to_owned();
    let mut t = at_prompt(program.clone());
    for line in [
        "query-name",
        "set_password protocol=vnc password=hunter2",
        "object-add qom-type=secret id=s data=hunter3",
        "{\"execute\": \"set_password\", \"arguments\": {\"password\": \"hunter4\"}}",
        " query-block spaced-out",
        "query-kvm",
    ] {
        t.type_keys(&format!("{line}\r"));
        t.wait(|screen| screen.text().contains(line.trim_start()) && is_at_prompt(screen));
    }
    t.type_keys("\x1b[200~query-name\nset_password password=hunter5\x1b[201~\r");
    t.wait(|screen| screen.text().contains("hunter5\n") && is_at_prompt(screen));
    // In memory they are kept, so that a mistyped one can be corrected.
    t.type_keys(keys::UP);
    t.wait(|screen| screen.text().matches("hunter5").count() == 2);
    t.type_keys(keys::CTRL_C);
    t.wait(is_at_prompt);
    leave(t);
    let file = home.join("state/qmpsh/history");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_to_string(&file).unwrap(), "#V2\nquery-name\nquery-kvm\n");
    let mut found = Vec::new();
    files_with_secrets(&home, &mut found);
    assert_eq!(found, Vec::<String>::new());

    // The next shell has them, and finds them.
    let mut t = at_prompt(program);
    t.type_keys("\x12kv");
    t.wait_for("query-kvm");
    t.type_keys(keys::ENTER);
    t.wait(|screen| screen.text().contains("\"present\"") && is_at_prompt(screen));
    leave(t);
}

#[test]
fn two_shells_share_the_history() {
    let (one, two) = (
        Mock::interactive().negotiate().expect_execute("from-one").reply("1"),
        Mock::interactive().negotiate().expect_execute("from-two").reply("2"),
    );
    let (one, two) = (one.unix(), two.unix());
    let directory = crate::support::temporary_directory();
    let file = directory.path().join("history");
    let program = qmpsh().arg("--history").arg(&file);
    let (mut first, mut second) =
        (at_prompt(program.clone().arg(one.socket())), at_prompt(program.clone().arg(two.socket())));
    first.type_keys("from-one\r");
    first.wait(|screen| screen.text().ends_with("\n1\n(QEMU)"));
    second.type_keys("from-two\r");
    second.wait(|screen| screen.text().ends_with("\n2\n(QEMU)"));
    leave(first);
    leave(second);
    assert_eq!(fs::read_to_string(&file).unwrap(), "#V2\nfrom-one\nfrom-two\n");
}

#[test]
fn an_unwritable_history_is_one_warning() {
    let qemu = Qemu::none().start();
    // A directory in its place, because root may write any file.
    let mut t = at_prompt(qmpsh().args(["--history", "/"]).arg(qemu.socket()));
    for line in ["query-name", "query-kvm", "query-name"] {
        t.type_keys(&format!("{line}\r"));
        t.wait(|screen| screen.text().contains(&format!("{line}\n{{")) && is_at_prompt(screen));
    }
    assert_eq!(t.screen().text().matches("warning: cannot keep the history").count(), 1, "{t}");
    leave(t);
}

#[test]
fn no_history_writes_no_file() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg("--no-history").arg(qemu.socket());
    let home = program.home().to_owned();
    let mut t = at_prompt(program);
    t.type_keys("query-name\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
    leave(t);
    assert!(!home.join("state").exists());
    drop(shell(&qemu.socket()));
}

#[test]
fn up_shows_lines_that_begin_with_what_was_typed() {
    let program = qmpsh();
    let file = program.home().join("state/qmpsh/history");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "#V2\nstop\nblock_resize a=1\ncont\nblock_resize b=2\nquery-name\n").unwrap();
    let qemu = Qemu::none().start();
    let mut t = at_prompt(program.arg(qemu.socket()));
    let mut press = |keys: &str, shown: &str, left: usize| {
        t.type_keys(keys);
        t.wait(|screen| is_typed(screen, shown, left));
    };
    press(&format!("block{}", keys::UP), "block_resize b=2", 0);
    press(keys::UP, "block_resize a=1", 0);
    press(keys::UP, "block_resize a=1", 0);
    press(keys::DOWN, "block_resize b=2", 0);
    press(keys::DOWN, "block", 0);
    press(keys::DOWN, "block", 0);
    // The text before the cursor counts, and all of it comes back.
    press(&format!("x{}{}", keys::LEFT, keys::UP), "block_resize b=2", 0);
    press(&format!("{}{}", keys::UP, keys::DOWN), "block_resize b=2", 0);
    press(keys::DOWN, "blockx", 1);
    press(&format!("\x05\x15nosuch{}", keys::UP), "nosuch", 0);
    // Ctrl-P shows every line.
    press("\x15cont\x10", "query-name", 0);
    press("\x10", "block_resize b=2", 0);
    press("\x10\x10\x10", "stop", 0);
}

#[test]
fn up_moves_up_in_a_line_of_several_rows_first() {
    let qemu = Qemu::none().start();
    let mut t = super::shell_with_history(&qemu.socket());
    t.type_keys("transaction(\rab");
    t.wait(|screen| screen.line().starts_with("ab"));
    let row = t.screen().cursor().0;
    t.type_keys(keys::UP);
    t.wait(|screen| screen.cursor().0 == row - 1 && screen.text().contains("(QEMU) transaction(\nab"));
    t.type_keys("\x01\x15\x03");
    t.wait(is_at_prompt);
    t.type_keys(keys::UP);
    t.wait(|screen| is_typed(screen, "query-version", 0));
}
