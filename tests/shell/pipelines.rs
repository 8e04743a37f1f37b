//! `COMMAND | PIPELINE` at the prompt: the pipeline gets the terminal and gives it back.

use std::fs;

use super::{is_at_prompt, is_typed, last, shell};
use crate::support::terminal::{Terminal, keys};
use crate::support::{Program, QMPSH, Qemu, poll_until, qmpsh};

/// Waits for the prompt after the last of these lines.
#[track_caller]
fn run(t: &mut Terminal, line: &str, shown: &str) {
    t.type_keys(&format!("{line}\r"));
    t.wait(|screen| {
        let text = screen.text();
        let after = text.rsplit_once(&format!("(QEMU) {line}\n")).map(|(_, after)| after.to_owned());
        is_at_prompt(screen) && after == Some(format!("{shown}(QEMU)"))
    });
}

#[test]
fn pipelines_read_results_at_the_prompt() {
    let qemu =
        Qemu::q35().args(["-drive", "if=none,id=d0,driver=null-co", "-drive", "if=none,id=d1,driver=null-co"]).start();
    let mut t = shell(&qemu.socket());
    run(&mut t, "query-block | jq -r '.[].device'", "d0\nd1\n");
    run(&mut t, "query-name | false", "the pipeline `false` ended with exit status 1\n");
    run(&mut t, "query-nothing | echo run", "CommandNotFound: The command query-nothing has not been found\n");
    run(&mut t, ".help .quit | head -n 1", ".quit\n");
    run(&mut t, "query-qmp-schema | head -c 3", "[{\"\n");
    run(&mut t, ".watch 0 query-name | head -n 2", "{}\n{}\n");
    // The pipeline writes to the terminal, and gets JSON.
    run(&mut t, "query-name | (test -t 1 && cat)", "{}\n");
    // The prompt does not stand on what has no newline at its end.
    run(&mut t, "query-status | jq -j .status", "running\n");
    run(&mut t, "query-name", "{}\n");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn a_pager_has_the_terminal() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-qmp-schema | jq . | less\r");
    t.wait(|screen| screen.row(0) == "[" && screen.line() == ":");
    t.type_keys("/SHUTDOWN\r");
    t.wait(|screen| screen.row(0).contains("SHUTDOWN"));
    t.type_keys("q");
    t.wait(is_at_prompt);
    t.type_keys("query-name");
    t.wait(|screen| is_typed(screen, "query-name", 0));
    t.type_keys("\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) query-name\n{}\n(QEMU)") && is_at_prompt(screen));
}

#[test]
fn a_killed_pager_gives_the_terminal_back() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-name | (stty raw -echo </dev/tty; printf '\\033[?1049h\\033[?25l'; kill -9 $$)\r");
    t.wait(|screen| screen.text().contains("(SIGKILL)") && is_at_prompt(screen));
    assert!(t.screen().text().contains("Type .help"), "the other screen is gone\n{t}");
    run(&mut t, "query-name", "{}\n");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn ctrl_c_ends_the_pipeline_and_not_the_shell() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    for line in ["query-name | (cat; sleep 1000)", ".watch 1000 query-name | cat"] {
        t.type_keys(&format!("{line}\r"));
        t.wait(|screen| screen.text().ends_with(&format!("{line}\n{{}}")));
        t.type_keys(keys::CTRL_C);
        t.wait(is_at_prompt);
    }
    run(&mut t, "query-name", "{}\n");
}

#[test]
fn ctrl_c_ends_follow_and_not_its_pager() {
    let qemu = Qemu::none().second_monitor().start();
    let mut second = qemu.second_client();
    let mut t = shell(&qemu.socket());
    t.type_keys(".follow STOP | trap '' INT; echo up; cat; read x </dev/tty; echo got $x\r");
    t.wait_for("echo got $x\nup");
    second.execute(r#"{"execute":"stop"}"#);
    second.execute(r#"{"execute":"cont"}"#);
    t.wait(|screen| screen.text().ends_with("STOP\"}") && screen.cursor().1 == 0);
    t.type_keys(keys::CTRL_C);
    t.wait_for("^C");
    // It has all, and the terminal.
    t.type_keys("it\r");
    let screen = t.wait(|screen| screen.text().contains("got it") && is_at_prompt(screen));
    // The shell shows what the pipeline did not get.
    let text = screen.text();
    assert_eq!((text.matches("\"STOP\"").count(), text.matches(" RESUME\n").count()), (1, 1), "{text}");
    t.type_keys(".follow | less\r");
    t.wait(|screen| screen.row(0).is_empty() || !screen.text().contains("got it"));
    t.type_keys(keys::CTRL_C);
    t.wait_for("(END)");
    t.type_keys("q");
    t.wait(is_at_prompt);
    run(&mut t, "query-name", "{}\n");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn events_wait_for_the_end_of_the_pipeline() {
    let qemu = Qemu::none().second_monitor().start();
    let mut second = qemu.second_client();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-name | (cat; read x </dev/tty; echo got $x)\r");
    t.wait_for("echo got $x)\n{}");
    second.execute(r#"{"execute":"stop"}"#);
    second.execute(r#"{"execute":"cont"}"#);
    t.type_keys("it\r");
    let screen = t.wait(|screen| screen.text().contains("RESUME") && is_at_prompt(screen));
    assert!(
        last(&screen, "got it") < screen.text().lines().position(|line| line.ends_with(" STOP")),
        "{}",
        screen.text()
    );
    let text = screen.text();
    assert!(text.find("STOP") < text.find("RESUME"), "{text}");
}

#[test]
fn a_loss_during_a_pipeline_is_reported_after_it() {
    let mut qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-name | (cat; read x </dev/tty; echo got $x)\r");
    t.wait_for("echo got $x)\n{}");
    qemu.signal(rustix::process::Signal::KILL);
    qemu.wait();
    t.type_keys("it\r");
    let screen = t.wait(|screen| screen.line() == "(disconnected)");
    assert!(screen.text().contains("it\ngot it\n"), "{}", screen.text());
}

#[test]
fn ctrl_z_stops_shell_and_pipeline_and_fg_continues_both() {
    let qemu = Qemu::none().start();
    let shell = Program::new("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "bash> ");
    let mut t = shell.terminal();
    t.wait(|screen| screen.line() == "bash>");
    t.type_keys(&format!("clear; {} --no-history {}\r", QMPSH, qemu.socket().display()));
    t.wait(is_at_prompt);
    t.type_keys("query-name | (cat; read x </dev/tty; echo got $x)\r");
    t.wait_for("echo got $x)\n{}");
    t.type_keys(keys::CTRL_Z);
    t.wait(|screen| screen.text().contains("Stopped") && screen.line() == "bash>");
    t.type_keys("echo here\r");
    t.wait(|screen| screen.text().contains("\nhere\n") && screen.line() == "bash>");
    t.type_keys("fg\r");
    // Until then what is typed may be for the calling shell.
    t.wait(|screen| screen.text().contains("bash> fg\n") && screen.line() != "bash> fg");
    t.type_keys("it\r");
    t.wait(|screen| screen.text().contains("got it") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    t.wait(|screen| screen.line() == "bash>");
    t.type_keys("exit\r");
    t.wait_exit();
}

#[test]
fn ctrl_z_is_ignored_without_job_control() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-name | (cat; read x </dev/tty; echo got $x)\r");
    t.wait_for("echo got $x)\n{}");
    t.type_keys(keys::CTRL_Z);
    t.type_keys("it\r");
    t.wait(|screen| screen.text().contains("got it") && is_at_prompt(screen));
}

#[test]
fn a_signal_that_ends_the_shell_ends_the_pipeline() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket());
    let file = program.home().join("pid");
    let mut t = program.terminal();
    t.wait(is_at_prompt);
    t.type_keys(&format!("query-name | (cat; sh -c 'echo $PPID' >{}; sleep 1000)\r", file.display()));
    t.wait_for("sleep 1000)");
    let pid = poll_until(crate::support::DEADLINE, || fs::read_to_string(&file).ok().filter(|pid| pid.ends_with('\n')));
    let pid = pid.expect("the pipeline runs");
    t.signal(rustix::process::Signal::TERM);
    assert_eq!(t.wait_exit(), 143);
    t.assert_as_found();
    let process = format!("/proc/{}", pid.trim());
    let gone = poll_until(crate::support::DEADLINE, || (!fs::exists(&process).unwrap()).then_some(()));
    assert!(gone.is_some(), "{process} is still there");
}
