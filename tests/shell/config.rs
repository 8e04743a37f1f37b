//! The configuration file of the interactive shell.

use std::path::Path;

use super::{at_prompt, is_at_prompt, is_typed};
use crate::support::mock::Mock;
use crate::support::terminal::{Terminal, keys};
use crate::support::{Program, Qemu, qmpsh};

/// The program, with this configuration file in its home.
fn configured(socket: &Path, content: &str) -> Program {
    let program = qmpsh().arg(socket);
    let file = program.home().join("config/qmpsh/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, content).unwrap();
    let directory = program.home().join("config");
    program.env("XDG_CONFIG_HOME", directory)
}

fn shell(socket: &Path, content: &str) -> Terminal {
    at_prompt(configured(socket, content))
}

#[test]
fn the_file_has_defaults_and_options_win() {
    let qemu = Qemu::none().start();
    let content = "output = \"json\"\ntiming = true\nevents = [\"-STOP\"]\n";
    let mut t = shell(&qemu.socket(), content);
    t.type_keys("query-name\r");
    t.wait(|screen| screen.text().contains("\n{}\ntime: ") && is_at_prompt(screen));
    t.type_keys(".events\r");
    t.wait_for("all events are shown except STOP");
    drop(t);
    let options = configured(&qemu.socket(), content).args(["-o", "auto", "--events", "show"]);
    let mut t = at_prompt(options);
    t.type_keys(".output\r.events\r");
    t.wait(|screen| screen.text().contains("\nauto\n") && screen.text().contains("\nall events are shown\n"));
}

#[test]
fn a_batch_does_not_read_the_file() {
    let qemu = Qemu::none().start();
    let run = configured(&qemu.socket(), "output = \"table\"\ntiming = true\nwrong\n").arg("query-status").run();
    assert!(run.status(0).stderr("").stdout_text().starts_with("{\"status\": "));
}

#[test]
fn a_bad_setting_is_a_warning_with_its_line() {
    let qemu = Qemu::none().start();
    let t = shell(&qemu.socket(), "timing = true\noutputs = 1\n[colors]\nkey = \"orange\"\n");
    let text = t.screen().words();
    assert!(text.contains("config.toml:2: unknown key `outputs`"), "{t}");
    assert!(text.contains("config.toml:4: `orange` is not a color"), "{t}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_warning() {
    let qemu = Qemu::none().start();
    let program = configured(&qemu.socket(), "");
    let file = program.home().join("config/qmpsh/config.toml");
    std::fs::write(&file, b"a = \"\xff\"").unwrap();
    let t = at_prompt(program);
    assert!(t.screen().words().contains("warning: cannot read "), "{t}");
    let program = configured(&qemu.socket(), "");
    std::fs::remove_file(program.home().join("config/qmpsh/config.toml")).unwrap();
    drop(t);
    let t = at_prompt(program);
    assert!(!t.screen().text().contains("warning"), "{t}");
}

#[test]
fn an_alias_stands_for_its_line() {
    let qemu = Qemu::none().start();
    let content = "[alias]\nst = \"query-status\"\nshow = \".try\"\nstop = \"cont\"\nloop = \"loop\"\n";
    let mut t = shell(&qemu.socket(), content);
    t.type_keys("st | grep -c running\r");
    t.wait(|screen| screen.text().contains("\n1\n") && is_at_prompt(screen));
    t.type_keys("show query-name\r");
    t.wait(|screen| screen.text().contains("show query-name\n{}\n") && is_at_prompt(screen));
    // An alias hides no command of the peer.
    t.type_keys("stop\r");
    t.wait(|screen| screen.line() == "(QEMU paused)");
    // It is not expanded again, and the history has what was typed.
    t.type_keys("loop\r");
    t.wait_for("CommandNotFound: The command loop has not been found");
    t.type_keys(keys::UP);
    t.wait(|screen| screen.line() == "(QEMU paused) loop");
}

#[test]
fn lines_of_a_file_have_no_aliases() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket(), "[alias]\nst = \"query-status\"\n");
    let file = qemu.file("lines");
    std::fs::write(&file, "st\n").unwrap();
    t.type_keys(&format!(".source {}\r", file.display()));
    t.wait_for("CommandNotFound: The command st has not been found");
}

#[test]
fn colors_are_those_of_the_file() {
    let mock = Mock::interactive().negotiate().expect_execute("show").reply("{\"a\": 1}").pause().unix();
    let t = configured(mock.socket(), "[colors]\nkey = \"208\"\nprompt = \"brightblue\"\n");
    let mut t = at_prompt(t);
    t.type_keys("show\r");
    let screen = t.wait(|screen| screen.text().contains("\"a\": 1"));
    assert_eq!(screen.color_of("\"a\""), Some(vt100::Color::Idx(208)));
    assert_eq!(screen.color_of("(QEMU)"), Some(vt100::Color::Idx(12)));
    mock.go_on();
    drop(t);
    mock.finish();
}

#[test]
fn the_keys_of_vi_edit_a_line() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket(), "edit-mode = \"vi\"\n");
    t.type_keys("query-statux");
    t.wait(|screen| is_typed(screen, "query-statux", 0));
    t.type_keys(keys::ESCAPE);
    t.wait(|screen| is_typed(screen, "query-statux", 1));
    t.type_keys("rs0");
    t.wait(|screen| is_typed(screen, "query-status", 12));
    t.type_keys("\r");
    t.wait(|screen| screen.text().contains("\"running\": true") && is_at_prompt(screen));
}
