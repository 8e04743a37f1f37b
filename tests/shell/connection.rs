//! The connection of the interactive shell: failed, lost, and opened again.

use rustix::process::Signal;

use super::{at_prompt, is_at_prompt, is_typed, is_typed_behind, shell};
use crate::support::mock::{Mock, Played};
use crate::support::terminal::{Screen, Terminal, keys};
use crate::support::version::version;
use crate::support::{Qemu, qmpsh, temporary_directory};

const LOST: &str = "(disconnected)";

fn is_disconnected(screen: &Screen) -> bool {
    screen.line() == LOST && screen.cursor().1 == 15
}

/// How often a text stands on the screen, wherever its rows were broken.
fn count(screen: &Screen, text: &str) -> usize {
    screen.words().matches(text).count()
}

#[test]
fn a_lost_connection_is_reported_at_once_and_keeps_the_line() {
    let mut qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-status a=1");
    t.type_keys(&keys::LEFT.repeat(4));
    // It has no such argument: so the peer has said what it can do, and owes no answer.
    let red = Some(vt100::Color::Idx(1));
    t.wait(|screen| is_typed(screen, "query-status a=1", 4) && screen.color_of("a=1") == red);
    qemu.signal(Signal::KILL);
    let told = |screen: &Screen| count(screen, "was lost: the peer closed the connection");
    t.wait(|screen| told(screen) == 1 && is_typed_behind(screen, LOST, "query-status a=1", 4));
    // The key comes where the cursor is.
    t.type_keys("b");
    t.wait(|screen| is_typed_behind(screen, LOST, "query-statusb a=1", 4) && count(screen, "a=1") == 1);
    t.type_keys("\r");
    t.wait(|screen| count(screen, "not sent: not connected to ") == 1 && is_disconnected(screen));
    t.type_keys(".status\r");
    t.wait(|screen| count(screen, "not connected to ") == 2 && is_disconnected(screen));
    // Until then the kernel may still accept a connection.
    qemu.wait();
    t.type_keys(".reconnect\r");
    t.wait(|screen| count(screen, "cannot connect to ") == 1 && is_disconnected(screen));
    assert_eq!(told(&t.screen()), 1, "{t}");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn leaving_works_without_a_connection() {
    for leave in [".quit\r", "exit\r", "quit\r", "\x04"] {
        let mock = Mock::interactive().negotiate().close().unix();
        let mut t = lost(&mock);
        t.type_keys(leave);
        assert_eq!(t.wait_exit(), 0, "{leave:?}");
        mock.finish();
    }
}

/// The shell on a server that has gone.
#[track_caller]
fn lost(mock: &Played) -> Terminal {
    let t = qmpsh().arg(mock.socket()).terminal();
    t.wait(|screen| count(screen, "was lost: ") == 1 && is_disconnected(screen));
    t
}

#[test]
fn quit_is_not_a_lost_connection() {
    let mut qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("quit\r");
    t.wait(|screen| screen.text().contains("\nQEMU has quit\n") && is_disconnected(screen));
    assert!(qemu.wait().success());
    assert_eq!(count(&t.screen(), "lost"), 0, "{t}");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);

    // A peer that does not answer it.
    let mock = Mock::interactive().negotiate().expect_execute("quit").close().unix();
    let mut t = shell(mock.socket());
    t.type_keys("quit\r");
    t.wait(|screen| screen.text().ends_with("quit\nQEMU has quit\n(disconnected)"));
}

#[test]
fn a_loss_while_commands_run_is_one_message() {
    let mock =
        Mock::interactive().negotiate().expect_execute("first").pause().expect_execute("second").pause().close().unix();
    let mut t = shell(mock.socket());
    t.type_keys("first\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: `first`") && is_at_prompt(screen));
    mock.go_on();
    t.type_keys("second\r");
    mock.go_on();
    t.wait(|screen| {
        count(screen, "no reply came to `second`, `first`, so whether it ran is unknown") == 1
            && is_disconnected(screen)
    });
    t.type_keys(".status\r");
    t.wait(|screen| count(screen, "not connected to") == 1 && is_disconnected(screen));
    let screen = t.screen();
    assert_eq!((count(&screen, "lost"), count(&screen, "unknown")), (1, 1), "{t}");
    mock.finish();
}

#[test]
fn reconnect_opens_a_new_session_after_a_loss() {
    let mock = Mock::interactive()
        .negotiate()
        .next_connection()
        .greeting()
        .expect_execute("qmp_capabilities")
        .reply("{}")
        .expect_execute("a")
        .reply("1")
        .pause()
        .event("STOP", "{}")
        .next_connection()
        .greeting()
        .expect_execute("qmp_capabilities")
        .reply("{}")
        .expect_execute("b")
        .reply("2")
        .unix();
    let mut t = lost(&mock);
    t.type_keys(".reconnect\r");
    let connected = |screen: &Screen, times| count(screen, "; Ctrl-D leaves") == times && is_at_prompt(screen);
    t.wait(|screen| connected(screen, 2));
    t.type_keys("a\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) a\n1\n(QEMU)"));
    mock.go_on();
    t.wait(|screen| count(screen, "was lost: ") == 2 && count(screen, "STOP") == 1 && is_disconnected(screen));
    t.type_keys(".reconnect\r");
    t.wait(|screen| connected(screen, 3));
    t.type_keys("b\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) b\n2\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn reconnect_closes_a_live_connection() {
    let greeting = format!("QEMU {}.", version().0);
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys(".reconnect\r");
    t.wait(|screen| count(screen, "was closed") == 1 && count(screen, &greeting) == 2 && is_at_prompt(screen));
    t.type_keys("query-name\r");
    t.wait(|screen| screen.text().ends_with("query-name\n{}\n(QEMU)"));
}

#[test]
fn a_failed_connect_shows_no_prompt() {
    let directory = temporary_directory();
    let mut t = qmpsh().arg(directory.path().join("none.sock")).terminal();
    assert_eq!(t.wait_exit(), 3);
    t.wait(|screen| count(screen, "no such socket") == 1);
    assert_eq!(count(&t.screen(), "(QEMU)"), 0, "{t}");
    t.assert_as_found();

    let qemu = Qemu::none().start();
    let held = qemu.hold();
    let mut t = qmpsh().args(["--connect-timeout", "0.2"]).arg(qemu.socket()).terminal();
    assert_eq!(t.wait_exit(), 3);
    t.wait(|screen| count(screen, "QMP serves one client at a time") == 1);
    t.assert_as_found();
    drop(held);
}

#[test]
fn ctrl_c_ends_connecting() {
    let mock = Mock::interactive().pause().unix();
    let mut t = qmpsh().arg(mock.socket()).terminal();
    mock.wait_for_pause();
    t.wait_until_settled();
    t.type_keys(keys::CTRL_C);
    assert_eq!(t.wait_exit(), 130);
    t.assert_as_found();
    mock.go_on();
    mock.finish();
}

#[test]
fn the_shell_waits_for_a_monitor_that_becomes_free() {
    let qemu = Qemu::none().start();
    let held = qemu.hold();
    let t = qmpsh().arg(qemu.socket()).terminal();
    t.wait_until_settled();
    drop(held);
    t.wait(is_at_prompt);
}

#[test]
fn events_of_the_handshake_are_shown_before_the_prompt() {
    let mock =
        Mock::interactive().greeting().expect_execute("qmp_capabilities").event("EARLY", "{}").reply("{}").unix();
    let t = at_prompt(qmpsh().arg(mock.socket()));
    t.wait(|screen| count(screen, "EARLY") == 1 && is_at_prompt(screen));
}

#[test]
fn reconnect_option_finds_a_restarted_qemu() {
    let directory = temporary_directory();
    let path = directory.path().join("q.sock");
    let put_there = |qemu: &Qemu| {
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(qemu.socket(), &link).unwrap();
        std::fs::rename(link, &path).unwrap();
    };
    let first = Qemu::none().name("web1").start();
    put_there(&first);
    let mut t = qmpsh().args(["--reconnect", "0.05"]).arg(&path).terminal();
    t.wait(|screen| is_typed_behind(screen, "(web1)", "", 0));
    t.type_keys("query-na");
    t.type_keys(keys::LEFT);
    t.wait(|screen| is_typed_behind(screen, "(web1)", "query-na", 1));
    first.signal(Signal::KILL);
    // However often it tries, it says once what is in the way.
    t.wait(|screen| {
        count(screen, "trying again every 0.05 s (.reconnect tries now)") == 1
            && count(screen, "cannot connect to") == 1
            && is_typed_behind(screen, LOST, "query-na", 1)
    });
    let mut second = Qemu::none().name("web2").args(["-S"]).start();
    put_there(&second);
    t.wait(|screen| is_typed_behind(screen, "(web2 prelaunch)", "query-na", 1));
    t.type_keys("\x05me\r");
    t.wait(|screen| count(screen, "\"name\": \"web2\"") == 1 && is_typed_behind(screen, "(web2 prelaunch)", "", 0));
    assert_eq!(count(&t.screen(), "cannot connect to"), 1, "{t}");
    assert_eq!(count(&t.screen(), "--wait"), 0, "it is tried again: {t}");
    t.type_keys("quit\r");
    t.wait(|screen| count(screen, "QEMU has quit") == 1 && is_disconnected(screen));
    assert!(second.wait().success());
    t.type_keys(".reconnect\r");
    t.wait(|screen| count(screen, "cannot connect to") >= 2 && is_disconnected(screen));
    let third = Qemu::none().start();
    put_there(&third);
    t.wait(is_at_prompt);
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn reconnect_option_needs_the_shell_and_an_address() {
    let wrong = |arguments: &[&str], why: &str| {
        qmpsh()
            .args(["--reconnect", "1"])
            .args(arguments.iter().copied())
            .run()
            .stdout("")
            .status(2)
            .stderr_contains(why);
    };
    let why = "--reconnect works only in the interactive shell";
    wrong(&["q.sock", "query-name"], why);
    wrong(&["-c", "query-name", "q.sock"], why);
    wrong(&["q.sock"], why);
    wrong(&["listen", "q.sock"], "--reconnect works only for connecting");
}
