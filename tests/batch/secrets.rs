//! `KEY=@?`: a value asked for at the terminal, without echo.

use super::at;
use crate::support::terminal::keys;
use crate::support::{Mock, Program, QMPSH, sh};

#[test]
fn a_secret_typed_at_the_terminal_is_sent_without_echo() {
    let mock = Mock::new()
        .negotiate()
        .expect(r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"hush"}}"#)
        .reply("{}")
        .unix();
    let mut terminal = at(mock.socket()).args(["set_password", "protocol=vnc", "password=@?"]).terminal();
    terminal.wait(|screen| screen.line().starts_with("password") && screen.cursor().1 > 8);
    terminal.type_keys("hush\r");
    terminal.wait_for("{}");
    assert_eq!(terminal.wait_exit(), 0);
    assert!(!terminal.raw().windows(4).any(|part| part == b"hush"), "{}", terminal.screen().text());
    mock.finish();
}

#[test]
fn ctrl_c_while_a_secret_is_asked_restores_the_terminal() {
    let script = "trap : INT; \"$0\" missing.sock x password=@?; echo \"status $?\"; read line; echo \"<$line>\"";
    let mut terminal = sh(script).terminal();
    terminal.wait(|screen| screen.line().starts_with("password") && screen.cursor().1 > 8);
    assert!(!terminal.is_cooked());
    terminal.type_keys(keys::CTRL_C);
    terminal.wait_for("status 130");
    assert!(terminal.is_cooked());
    terminal.type_keys("seen\r");
    terminal.wait_for("<seen>");
}

#[test]
fn a_secret_cannot_be_asked_for_without_a_terminal() {
    let output = Program::new("setsid").args(["--wait", QMPSH, "missing.sock", "x", "a=@?"]).run();
    output.stdout("").status(2).stderr_contains("=@? needs a terminal");
}
