//! Results that are longer than the screen go through a pager.

use super::{at_prompt, is_at_prompt, shell};
use crate::support::mock::Mock;
use crate::support::terminal::{Terminal, keys};
use crate::support::{DEADLINE, Program, Qemu, poll_until, qmpsh};

/// The shell with this `$QMPSH_PAGER`.
fn paged(program: Program, pager: &str) -> Program {
    program.env("QMPSH_PAGER", pager)
}

/// Types a line on an empty screen, and waits until it is done and the screen ends so.
#[track_caller]
fn run(t: &mut Terminal, line: &str, end: &str) {
    t.type_keys("\x0c");
    t.wait(|screen| screen.text().trim() == "(QEMU)");
    t.type_keys(&format!("{line}\r"));
    t.wait(|screen| is_at_prompt(screen) && screen.text().trim() != "(QEMU)" && screen.text().ends_with(end));
}

#[test]
fn a_long_result_goes_through_less() {
    let qemu = Qemu::none().second_monitor().start();
    let mut second = qemu.second_client();
    let mut t = at_prompt(qmpsh().without_env("QMPSH_PAGER").arg(qemu.socket()));
    // What fits is shown at once.
    run(&mut t, "query-name", "{}\n(QEMU)");
    t.type_keys("query-commands\r");
    let screen = t.wait(|screen| screen.line() == ":");
    assert!(screen.row(0) == "[" && screen.color_of("\"name\"") == Some(vt100::Color::Idx(12)), "{}", screen.text());
    // Events wait for its end.
    second.execute(r#"{"execute":"stop"}"#);
    second.execute(r#"{"execute":"cont"}"#);
    t.type_keys("q");
    let screen = t.wait(|screen| screen.text().contains(" RESUME\n") && is_at_prompt(screen));
    assert!(!screen.text().contains("pager"), "{}", screen.text());
    t.type_keys(".help built-in\r");
    t.wait(|screen| screen.line() == ":" && !screen.text().contains("(QEMU)"));
    // Ctrl-C is for less, which drops the keys before it, and may drop some after it.
    t.type_keys(keys::CTRL_C);
    poll_until(DEADLINE, || {
        t.type_keys("G");
        t.screen().line().starts_with("(END)").then_some(())
    })
    .expect("less goes on after Ctrl-C");
    t.type_keys("q");
    t.wait(is_at_prompt);
    run(&mut t, "query-name", "{}\n(QEMU)");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn below_a_long_result_stands_once_what_shows_it_for_people() {
    let qemu = Qemu::none().start();
    let mut t = at_prompt(paged(qmpsh(), "cat >/dev/null").arg(qemu.socket()));
    run(&mut t, "query-machines", "hint: `.show machines` shows this for people\n(QEMU)");
    run(&mut t, "query-machines", "query-machines\n(QEMU)");
    run(&mut t, ".show machines", ".show machines\n(QEMU)");
    run(&mut t, "query-jobs", "[]\n(QEMU)");
}

#[test]
fn a_pager_gets_all_of_a_result_that_is_longer_than_the_screen() {
    // A row of a result, the prompt above it and the one below it.
    let reply = |rows: usize| format!("[{}1]", "1,".repeat(rows - 3));
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .reply(&reply(23))
        .expect_execute("b")
        .reply(&reply(24))
        .expect_execute("c")
        .reply(&format!("\"{}\"", "x".repeat(23 * 80 + 1)))
        .expect_execute("d")
        .reply(&reply(100_000))
        .unix();
    let mut t = at_prompt(paged(qmpsh(), "wc -l").arg(mock.socket()));
    run(&mut t, "a", "  1\n]\n(QEMU)");
    run(&mut t, "b", "24\n(QEMU)");
    run(&mut t, "c", "1\n(QEMU)");
    run(&mut t, "d", "100000\n(QEMU)");
    drop(t);
    mock.finish();
}

#[test]
fn the_pager_can_be_turned_off_and_on() {
    let qemu = Qemu::none().start();
    let mut t = at_prompt(paged(qmpsh(), "wc -c; echo paged").arg(qemu.socket()));
    run(&mut t, ".pager", "wc -c; echo paged\n(QEMU)");
    run(&mut t, "query-commands", "paged\n(QEMU)");
    run(&mut t, ".pager off", "(QEMU)");
    run(&mut t, ".pager", "off\n(QEMU)");
    run(&mut t, "query-commands", "  }\n]\n(QEMU)");
    run(&mut t, ".pager on", "(QEMU)");
    run(&mut t, ".output table", "(QEMU)");
    run(&mut t, "query-commands", "paged\n(QEMU)");
    // A pipeline gets its result itself, and what comes until Ctrl-C is shown as it comes.
    run(&mut t, "query-commands | head -c 2; echo piped", "[{piped\n(QEMU)");
    t.type_keys(".watch 0 count=2 query-commands\r");
    let screen = t.wait(|screen| screen.text().contains("query-") && is_at_prompt(screen));
    assert!(!screen.row(22).contains("paged"), "{}", screen.text());
}

#[test]
fn no_pager_is_used_where_none_is_wanted() {
    let qemu = Qemu::none().start();
    for program in [
        paged(qmpsh(), "").env("PAGER", "echo paged"),
        paged(qmpsh(), " cat "),
        qmpsh().without_env("QMPSH_PAGER").env("PAGER", "cat"),
    ] {
        let mut t = at_prompt(program.arg(qemu.socket()));
        run(&mut t, "query-commands", "  }\n]\n(QEMU)");
        run(&mut t, ".pager", "off\n(QEMU)");
    }
    let mut t = at_prompt(paged(qmpsh(), "echo paged").env("TERM", "dumb").arg(qemu.socket()));
    t.type_keys("query-commands\r");
    t.wait(|screen| is_at_prompt(screen) && screen.text().ends_with("  }\n]\n(QEMU)"));
    // A batch has none either.
    drop(t);
    let mut t = paged(qmpsh(), "echo paged").arg(qemu.socket()).arg("query-commands").terminal();
    assert_eq!(t.wait_exit(), 0);
    assert!(!t.screen().text().contains("paged"));
}

#[test]
fn a_pager_that_cannot_be_started_is_reported_once() {
    let qemu = Qemu::none().start();
    for pager in ["nosuchpager -R", "/"] {
        let mut t = at_prompt(paged(qmpsh(), pager).arg(qemu.socket()));
        run(&mut t, "query-commands", "  }\n]\n(QEMU)");
        run(&mut t, "query-commands", "  }\n]\n(QEMU)");
        let raw = String::from_utf8(t.raw()).unwrap();
        assert_eq!(raw.matches(&format!("cannot start the pager `{pager}`")).count(), 1, "{raw}");
    }
    // How a pager ends does not matter.
    let mut t = at_prompt(paged(qmpsh(), "exit 3").arg(qemu.socket()));
    run(&mut t, "query-commands", "query-commands\n(QEMU)");
    run(&mut t, "query-name", "{}\n(QEMU)");
}

#[test]
fn a_late_reply_is_not_paged() {
    let long = format!("[{}1]", "1,".repeat(30));
    let mock = Mock::interactive().negotiate().expect_execute("slow").pause().reply(&long).unix();
    let mut t = at_prompt(paged(qmpsh(), "echo paged").arg(mock.socket()));
    t.type_keys("slow\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: ") && is_at_prompt(screen));
    t.type_keys("query-sta");
    mock.go_on();
    t.wait(|screen| screen.text().ends_with("  1\n]\n(QEMU) query-sta"));
    drop(t);
    mock.finish();
}

#[test]
fn the_shell_has_no_pager_of_its_own_in_the_tests() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    run(&mut t, ".pager", "off\n(QEMU)");
}
