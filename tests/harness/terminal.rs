//! Tests of `Terminal`: input, output, and the end of a program.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::Signal;

use crate::support::sh;
use crate::support::terminal::{SIZE, Terminal, keys};

fn shell(script: &str) -> Terminal {
    sh(script).terminal()
}

#[test]
fn a_terminal_shows_input_and_output() {
    let mut t = shell("printf '> '; read line; printf '\\033[31mred\\033[0m [%s]\\n> ' \"$line\"; read line; exit 5");
    t.wait(|screen| screen.line() == ">" && screen.cursor() == (0, 2));
    t.type_keys("abc");
    t.wait(|screen| screen.line() == "> abc" && screen.cursor() == (0, 5));
    t.type_keys(keys::BACKSPACE);
    t.type_keys("d\r");
    let screen = t.wait(|screen| screen.text() == "> abd\nred [abd]\n>" && screen.cursor() == (2, 2));
    assert_eq!(screen.row(1), "red [abd]");
    assert_eq!(screen.color_of("red"), Some(vt100::Color::Idx(1)));
    assert_eq!(screen.color_of("[abd"), Some(vt100::Color::Default));
    assert_eq!(screen.color_of("blue"), None);
    t.type_keys(keys::ENTER);
    assert_eq!(t.wait_exit(), 5);
    assert!(t.raw().starts_with(b"> abc\x08 \x08d\r\n\x1b[31mred"), "{}", t.raw().escape_ascii());
}

#[test]
fn ctrl_c_is_a_signal_and_ctrl_d_the_end_of_input() {
    let mut t = shell("trap 'echo interrupted; exec cat' INT; echo ready; read line");
    t.wait_for("ready");
    t.type_keys(keys::CTRL_C);
    t.wait_for("interrupted");
    t.type_keys("text\r");
    t.wait(|screen| screen.text().matches("text").count() == 2);
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

#[test]
fn a_terminal_can_be_resized() {
    let mut t = shell("trap 'stty size' WINCH; stty size; while read line; do stty size; done");
    t.wait_for(&format!("{} {}", SIZE.0, SIZE.1));
    t.resize(10, 40);
    t.type_keys("\r");
    t.wait_for("10 40");
}

#[test]
fn is_cooked_tells_the_mode_of_a_terminal() {
    let mut t = shell("stty raw -echo; echo raw; read line; stty sane; echo sane; read line");
    t.wait_for("raw");
    assert!(!t.is_cooked());
    t.type_keys("\n");
    t.wait_for("sane");
    assert!(t.is_cooked());
    t.type_keys("\r");
    t.wait_exit();
    assert!(t.is_cooked(), "the modes can be asked for after the end too");
}

#[test]
fn a_failed_wait_shows_the_screen() {
    let mut t = shell("echo what there is; exit 3");
    let message = catch_unwind(AssertUnwindSafe(|| t.wait_for("what there is not"))).err().expect("it is not there");
    let message = message.downcast_ref::<String>().unwrap();
    let begin = "the screen is not as expected; the program has closed the terminal\n--- the screen, ";
    assert!(message.starts_with(begin), "{message}");
    assert!(message.contains("\nwhat there is\n$ sh -c"), "{message}");
    assert_eq!(t.wait_exit(), 3);
    t.wait_for("what there is");
}

#[test]
fn signals_arrive_and_a_dropped_terminal_leaves_nothing() {
    let t = shell("trap 'echo terminated' TERM; echo ready; while :; do read line; done");
    t.wait_for("ready");
    t.signal(Signal::TERM);
    t.wait_for("terminated");
    let pid = t.pid();
    drop(t);
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(!command.contains("terminated"), "{command}");
}
