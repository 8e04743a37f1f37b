//! Signals that end the interactive shell: it restores the terminal.

use rustix::process::Signal;

use super::{is_typed, shell, shell_with_history};
use crate::support::Qemu;
use crate::support::mock::Mock;
use crate::support::terminal::{Terminal, keys};

const SIGNALS: [(Signal, u32); 2] = [(Signal::TERM, 143), (Signal::HUP, 129)];

#[track_caller]
fn ends(mut t: Terminal, signal: Signal, status: u32) {
    assert!(!t.is_cooked(), "{t}");
    t.signal(signal);
    assert_eq!(t.wait_exit(), status, "{t}");
    t.assert_as_found();
}

#[test]
fn a_signal_while_a_line_is_typed_restores_the_terminal() {
    let qemu = Qemu::none().start();
    for (signal, status) in SIGNALS {
        let mut t = shell(&qemu.socket());
        t.type_keys("query-st");
        t.wait(|screen| is_typed(screen, "query-st", 0));
        ends(t, signal, status);

        let mut t = shell_with_history(&qemu.socket());
        t.type_keys(keys::CTRL_R);
        t.wait_for("reverse-i-search");
        ends(t, signal, status);

        let mut t = shell(&qemu.socket());
        t.type_keys("a\x1b");
        t.wait(|screen| is_typed(screen, "a", 0));
        ends(t, signal, status);

        // Half a paste.
        let mut t = shell(&qemu.socket());
        t.type_keys("a\x1b[200~bc");
        t.wait(|screen| screen.line().starts_with("(QEMU) a"));
        ends(t, signal, status);
    }
}

#[test]
fn a_signal_while_a_command_runs_restores_the_terminal() {
    for (signal, status) in SIGNALS.into_iter().chain([(Signal::QUIT, 131)]) {
        let mock = Mock::interactive().negotiate().expect_execute("slow").pause().unix();
        let mut t = shell(mock.socket());
        t.type_keys("slow\r");
        mock.wait_for_pause();
        t.signal(signal);
        assert_eq!(t.wait_exit(), status, "{t}");
        t.assert_as_found();
        mock.go_on();
        mock.finish();
    }
}

#[test]
fn a_signal_while_a_secret_is_asked_restores_the_terminal() {
    for (signal, status) in SIGNALS {
        let mock = Mock::interactive().negotiate().unix();
        let mut t = shell(mock.socket());
        t.type_keys("set-it password=@?\r");
        t.wait(|screen| screen.line() == "password:");
        ends(t, signal, status);
        mock.finish();
    }
}
