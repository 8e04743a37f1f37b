//! Escaping on stdout and stderr: a terminal gets escaped text, a pipe the bytes.

use super::at;
use crate::support::terminal::without_colors;
use crate::support::{Mock, Qemu, sh};

/// Escape, bell, delete, C1, an override, a character without width, and a line break.
const NASTY: &str = "a\u{1b}[2J\u{7}\u{7f}\u{9b}\u{202e}\u{200b}\nb";

/// The program started by a shell, with stdout or stderr or both on the terminal; the screen at its end, and the bytes.
fn on_a_terminal(mock: Mock, arguments: &str) -> (String, Vec<u8>) {
    let mock = mock.unix();
    let script = format!("\"$0\" \"$1\" {arguments}; printf 'the %s\\n' end");
    let mut terminal = sh(&script).arg(mock.socket()).terminal();
    let screen = terminal.wait(|screen| screen.text().contains("the end"));
    let text = screen.text();
    let raw = terminal.raw();
    terminal.wait_exit();
    mock.finish();
    (text, raw)
}

fn assert_harmless(raw: &[u8]) {
    let text = without_colors(raw);
    let unsafe_one = text.chars().find(|c| (c.is_control() && !"\r\n".contains(*c)) || "\u{202e}\u{200b}".contains(*c));
    assert_eq!(unsafe_one, None, "{}", raw.escape_ascii());
}

fn refusing() -> Mock {
    Mock::new().negotiate().expect_execute("a").error("Generic\u{1b}Error", NASTY)
}

fn nasty_json() -> String {
    serde_json::to_string(NASTY).unwrap()
}

#[test]
fn an_error_on_a_terminal_is_escaped_and_on_one_line() {
    let (text, raw) = on_a_terminal(refusing(), "a");
    assert_harmless(&raw);
    let line = "Generic\\u{1b}Error: a\\u{1b}[2J\\u{7}\\u{7f}\\u{9b}\\u{202e}\\u{200b}\\nb";
    assert_eq!(text.lines().next(), Some(line), "{text}");
}

#[test]
fn a_syntax_error_does_not_show_secrets() {
    at("/nowhere".as_ref())
        .args(["set_password", "hunter2", "password=my dog"])
        .run()
        .stderr("`***` is not KEY=VALUE\n  set_password ***\n               ^^^\n  expected KEY=VALUE\n  help: write `set_password protocol=*** password=PASSWORD`\n")
        .status(2);
    let mock = Mock::new().negotiate().unix();
    at(mock.socket())
        .args(["-c", "set_password password=\"my dog\" protocol=[1,"])
        .run()
        .stderr(
            "-c:1:41: this bracket [ is never closed\n  set_password password=\"***\n                         ^^^\n  expected a value or `]`\n  help: to send it as text, quote it or write KEY==TEXT\n",
        )
        .status(2);
    mock.finish();
}

#[test]
fn a_quote_that_is_never_closed_says_how_many_lines_it_took() {
    let mock = Mock::new().negotiate().unix();
    at(mock.socket())
        .args(["-c", "object-add qom-type=iothread id=\"x\nquery-name\nquery-kvm"])
        .run()
        .stderr(
            "-c:1:33: this quote \" is never closed\n  object-add qom-type=iothread id=\"***\n                                  ^\n  expected `\"`\n  help: the 2 lines after it belong to it, and were not run\n",
        )
        .status(2);
    mock.finish();
}

#[test]
fn an_error_in_a_pipe_is_not_escaped() {
    let mock = refusing().unix();
    at(mock.socket()).arg("a").run().stderr(&format!("Generic\u{1b}Error: {NASTY}\n")).status(1);
    mock.finish();
}

#[test]
fn events_on_stderr_are_escaped_if_stderr_is_a_terminal() {
    let data = format!("{{\"x\": \"\u{9b}31m\", \"y\": {}}}", nasty_json());
    let saying = || Mock::new().negotiate().expect_execute("a").event("E", &data).reply("1");
    // stdout is a pipe, stderr the terminal; and the other way round.
    let (_, raw) = on_a_terminal(saying(), "--events stderr a | cat");
    assert_harmless(&raw);
    assert!(String::from_utf8_lossy(&raw).contains("\\u009b31m"), "{}", raw.escape_ascii());
    let mock = saying().unix();
    let output = at(mock.socket()).args(["--events", "stderr", "a"]).run();
    output.stderr_contains("\u{9b}31m").stdout("1\n").status(0);
    mock.finish();
}

#[test]
fn results_on_a_terminal_are_escaped() {
    let reply = format!("{{\"k\u{9b}\": \"\u{202e}\", \"n\": {}}}", nasty_json());
    for arguments in ["a", "-o json a", "-o raw a"] {
        let (text, raw) = on_a_terminal(Mock::new().negotiate().expect_execute("a").reply(&reply), arguments);
        assert_harmless(&raw);
        assert!(text.contains("\"k\\u009b\": \"\\u202e\""), "{text}");
    }
    let (text, raw) =
        on_a_terminal(Mock::new().negotiate().expect_execute("a").reply(&reply), "--color never -o table a");
    assert_harmless(&raw);
    assert!(text.starts_with("k\\u{9b}  \\u{202e}\nn        a\\u{1b}[2J"), "{text}");
    let mock = Mock::new().negotiate().expect_execute("a").reply(&reply).unix();
    at(mock.socket()).arg("a").run().stdout(&format!("{reply}\n")).status(0);
    mock.finish();
}

#[test]
fn results_on_a_terminal_are_pretty() {
    let qemu = Qemu::none().name("web1").start();
    let mut terminal = at(&qemu.socket()).arg("query-name").terminal();
    terminal.wait(|screen| screen.text() == "{\n  \"name\": \"web1\"\n}");
    assert_eq!(terminal.wait_exit(), 0);
}
