//! Ctrl-C, Ctrl-D and `-t` at the prompt.

use super::{at_prompt, is_at_prompt, is_typed, shell};
use crate::support::mock::Mock;
use crate::support::terminal::keys;
use crate::support::{qmpsh, sh};

#[test]
fn ctrl_c_drops_the_line() {
    let mock = Mock::interactive().negotiate().expect_execute("query-version").reply("\"web1\"").unix();
    let mut t = shell(mock.socket());
    t.type_keys("device_del id=");
    t.wait(|screen| is_typed(screen, "device_del id=", 0));
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("device_del id=\n(QEMU)") && is_at_prompt(screen));
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().ends_with("\"web1\"\n(QEMU)"));
}

#[test]
fn repeated_ctrl_c_does_not_affect_the_next_line() {
    let mock = Mock::interactive().negotiate().expect_execute("query-version").reply("\"web1\"").unix();
    let mut t = shell(mock.socket());
    for _ in 0..20 {
        t.type_keys(keys::CTRL_C);
    }
    // All of them have been heard when this is there.
    t.type_keys("half");
    t.wait(|screen| is_typed(screen, "half", 0));
    t.type_keys("\x03query-version\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) query-version\n\"web1\"\n(QEMU)"));
    mock.finish();
}

/// A script starts background commands with SIGINT ignored.
#[test]
fn ctrl_c_works_if_sigint_was_ignored() {
    let mock = Mock::interactive().negotiate().expect_execute("slow").pause().unix();
    let script = "trap '' INT; exec \"$0\" \"$1\"";
    let program = sh(script).arg(mock.socket());
    let mut t = at_prompt(program);
    t.type_keys("slow\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: `slow`") && is_at_prompt(screen));
    drop(t);
    mock.go_on();
    mock.finish();
}

#[test]
fn ctrl_c_stops_waiting_and_the_late_reply_is_shown() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("slow")
        .pause()
        .expect_execute("query-version")
        .reply_latest("\"web1\"")
        .pause()
        .reply(r#"{"late": true}"#)
        .expect_execute("fails")
        .pause()
        .error("GenericError", "it is broken")
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys("slow\r");
    mock.wait_for_pause();
    // What is typed meanwhile is kept, and not shown before it has a place.
    t.type_keys("typed ah");
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| {
        let text = screen.text();
        text.contains(
            "(QEMU) slow\n^C\ninterrupted: `slow` may still be running; its reply will be shown when it comes",
        ) && is_typed(screen, "typed ah", 0)
    });
    mock.go_on();
    t.type_keys("\x15query-version\r");
    t.wait(|screen| screen.text().ends_with("\"web1\"\n(QEMU)"));
    t.type_keys("query-k");
    t.type_keys(keys::LEFT);
    mock.go_on();
    t.wait(|screen| {
        screen.text().contains("the reply to `slow`:\n{\n  \"late\": true\n}\n(QEMU)") && is_typed(screen, "query-k", 1)
    });
    t.type_keys(keys::CTRL_C);
    t.wait(is_at_prompt);
    t.type_keys("fails\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: `fails`") && is_at_prompt(screen));
    mock.go_on();
    t.wait(|screen| {
        screen.text().contains("`fails` has failed:\nGenericError: it is broken\n") && is_at_prompt(screen)
    });
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
    mock.finish();
}

#[test]
fn ctrl_c_stops_a_paste() {
    let mock = Mock::interactive().negotiate().expect_execute("one").reply("1").expect_execute("two").pause().unix();
    let mut t = shell(mock.socket());
    t.type_keys("\x1b[200~one\ntwo\nthree\nfour\x1b[201~\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("stopped at line 2; 2 lines not run") && is_at_prompt(screen));
    drop(t);
    mock.go_on();
    mock.finish();
}

#[test]
fn ctrl_d_during_a_command_leaves_after_it() {
    let mock = Mock::interactive().negotiate().expect_execute("slow").pause().reply("\"done\"").unix();
    let mut t = shell(mock.socket());
    t.type_keys("slow\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_D);
    mock.go_on();
    assert_eq!(t.wait_exit(), 0);
    assert!(t.screen().text().contains("\"done\""), "{t}");
    t.assert_as_found();
}

#[test]
fn a_timeout_keeps_the_session() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("slow")
        .pause()
        .reply("\"late\"")
        .expect_execute("query-version")
        .reply("\"web1\"")
        .unix();
    let mut t = at_prompt(qmpsh().args(["-t", "2"]).arg(mock.socket()));
    t.type_keys("slow\r");
    t.wait(|screen| screen.text().contains("no reply within 2 s: `slow` may still be running") && is_at_prompt(screen));
    mock.go_on();
    t.wait(|screen| screen.text().contains("the reply to `slow`:\n\"late\"") && is_at_prompt(screen));
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().ends_with("query-version\n\"web1\"\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn ctrl_c_truncates_a_long_result() {
    const LONG: u64 = 30 << 20;
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("big")
        .reply_string_of(LONG)
        .expect_execute("query-version")
        .reply("7")
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys("big\r");
    t.wait(|screen| screen.row(0).starts_with("xxx"));
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("\n… (the rest of the result is not shown)\n") && is_at_prompt(screen));
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().ends_with("query-version\n7\n(QEMU)"));
    assert!(t.raw().len() < usize::try_from(LONG).unwrap(), "{}", t.raw().len());
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn a_refusal_is_shown_if_ctrl_c_ends_its_explanation() {
    // The schema, which explains a refusal, never comes. The shell asks for it by itself at the first prompt.
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("query-qmp-schema")
        .pause()
        .expect_execute("no-such-command")
        .error_latest("CommandNotFound", "The command no-such-command has not been found")
        .event("MEANWHILE", "{}")
        .unix();
    let mut t = shell(mock.socket());
    mock.go_on();
    t.type_keys("no-such-command\r");
    t.wait_for("MEANWHILE");
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| {
        let refused = "\nCommandNotFound: The command no-such-command has not been found\n";
        screen.text().contains(refused) && is_at_prompt(screen)
    });
}
