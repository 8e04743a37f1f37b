//! Lines typed, pasted and typed ahead.

use super::{PROMPT, at_prompt, is_at_prompt, is_typed, last, shell};
use crate::support::mock::Mock;
use crate::support::terminal::{Screen, Terminal, keys, without_colors};
use crate::support::version::status_line;
use crate::support::{Program, QMPSH, Qemu, qmpsh};

#[test]
fn a_command_shows_its_result() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    let screen = t.screen();
    assert!(screen.row(0).starts_with("QEMU "), "{}", screen.text());
    assert_eq!(screen.text().lines().nth_back(1), Some("Type .help for help."));
    t.type_keys("query-status\r");
    let screen = t.wait(|screen| screen.text().contains("}\n(QEMU)") && is_at_prompt(screen));
    let text = screen.text();
    let result = text.split("query-status\n").nth(1).unwrap();
    let expected = status_line("running", true).replace('{', "{\n  ").replace(", ", ",\n  ").replace('}', "\n}");
    assert_eq!(result, expected + "(QEMU)", "{text}");
    t.type_keys("bogus\r");
    t.wait(|screen| last(screen, "CommandNotFound: The command bogus").is_some() && is_at_prompt(screen));
    t.type_keys("query-status a=[1,}\r");
    t.wait(|screen| screen.text().contains('^') && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0, "however the commands ended");
    t.assert_as_found();
}

#[test]
fn lines_and_ctrl_d_in_one_write_all_run() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys("query-name\rquery-version\rquery-status\r\x04");
    assert_eq!(t.wait_exit(), 0);
    let text = without_colors(&t.raw());
    let (name, version) = (text.find("\r\n{}\r\n").unwrap(), text.find("\"qemu\": {").unwrap());
    let status = text.find("\"running\"").unwrap();
    assert!(name < version && version < status, "{t}");
    t.assert_as_found();
}

#[test]
fn keys_typed_while_a_command_runs_are_kept() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("slow")
        .pause()
        .reply("\"done\"")
        .expect_execute("next")
        .reply("\"too\"")
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys("slow\r");
    mock.wait_for_pause();
    t.type_keys("next\r\x04");
    mock.go_on();
    assert_eq!(t.wait_exit(), 0);
    // The kernel may have echoed it before the prompt came: what counts is that it ran, and after the first.
    let text = t.screen().text();
    assert!(text.split_once("\"done\"\n").is_some_and(|(_, after)| after.contains("\"too\"\n")), "{t}");
    mock.finish();
}

#[test]
fn a_paste_runs_in_order_and_stops_at_the_first_failure() {
    let qemu = Qemu::none().start();
    let mut t = at_prompt(qmpsh().args(["-o", "json"]).arg(qemu.socket()));
    t.type_keys("\x1b[200~query-name\r\n\r\n# a comment\r\nquery-status a=[\r\n1]\r\nquery-name\r\nquery-kvm\x1b[201~");
    t.wait(|screen| screen.line() == "query-kvm");
    t.type_keys(keys::ENTER);
    let screen = t.wait(|screen| screen.text().contains("not run\n") && is_at_prompt(screen));
    let text = screen.text();
    let shown = text.split("query-kvm\n").nth(1).unwrap();
    assert_eq!(
        shown,
        "{}\nGenericError: Parameter 'a' is unexpected\n  hint: query-status has no argument `a`; it takes none\n\
         stopped at line 4; 2 lines not run\n(QEMU)"
    );

    t.type_keys("\x1b[200~query-name\rquery-kvm\r\x1b[201~\r");
    t.wait(|screen| screen.text().contains("{}\n{\"enabled\": false, \"present\": true}\n(QEMU)"));
}

#[test]
fn an_unfinished_statement_continues_on_the_next_line() {
    let qemu = Qemu::none().start();
    let mut t = at_prompt(qmpsh().args(["-o", "json"]).arg(qemu.socket()));
    // The cursor stands at the beginning of a row; behind it there may be a hint by now.
    let goes_on = |screen: &Screen, line: &str| {
        let (row, column) = screen.cursor();
        column == 0 && row > 0 && screen.row(row - 1) == line
    };
    t.type_keys("transaction(\r");
    t.wait(|screen| goes_on(screen, "(QEMU) transaction("));
    t.type_keys(")\r");
    t.wait(|screen| screen.text().contains("\n)\n{}\n(QEMU)"));
    t.type_keys("query-name a=\"x\r");
    t.wait(|screen| goes_on(screen, "(QEMU) query-name a=\"x"));
    t.type_keys(keys::CTRL_C);
    t.wait(is_at_prompt);
}

#[test]
fn input_that_is_not_utf8_is_dropped() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_bytes(b"query-\xff\xfe\r");
    t.wait_for("not UTF-8");
    t.type_keys("\x15query-name\r");
    t.wait(|screen| screen.text().ends_with("{}\n(QEMU)"));
}

#[test]
fn built_in_commands_work_at_the_prompt() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    for help in ["help", ".help"] {
        let mut t = shell(&socket);
        t.type_keys(&format!("{help}\r"));
        t.wait(|screen| screen.text().contains("  .help COMMAND  ") && is_at_prompt(screen));
        t.type_keys(".status\r");
        t.wait(|screen| {
            let text = screen.text();
            text.contains(&format!("\nconnected to {}\nQEMU ", socket.display())) && is_at_prompt(screen)
        });
        t.type_keys(".status now\r");
        t.wait(|screen| screen.text().contains(".status takes no arguments") && is_at_prompt(screen));
        t.type_keys(if help == "help" { "exit\r" } else { ".quit\r" });
        assert_eq!(t.wait_exit(), 0);
    }
    let help = qmpsh().arg(&socket).args(["-c", "help"]).run().stdout_text();
    assert!(help.starts_with("A line is a QMP command"), "{help}");
    qmpsh().arg(&socket).args(["-c", "exit", "-c", "query-name"]).run().status(0).stdout("");
}

#[test]
fn the_shell_works_on_a_dumb_terminal() {
    let qemu = Qemu::none().start();
    let mut t = at_prompt(qmpsh().env("TERM", "dumb").args(["-o", "json"]).arg(qemu.socket()));
    t.type_keys("query-name\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) query-name\n{}\n(QEMU)"));
    t.type_keys("query-kv");
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("^C") && is_at_prompt(screen));
    t.type_keys("query-kvm a=[\r");
    t.type_keys("]\r");
    t.wait(|screen| screen.text().contains("Parameter 'a' is unexpected") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    assert!(!t.raw().contains(&0x1b), "{}", t.raw().escape_ascii());
    t.assert_as_found();
}

#[test]
fn a_secret_is_read_without_echo() {
    let mock = Mock::interactive()
        .negotiate()
        .expect(r#"{"execute":"set-it","arguments":{"password":"s3cret"}}"#)
        .reply("{}")
        .expect(r#"{"execute":"put","arguments":{"text":"one\ntwo"}}"#)
        .reply("{}")
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys("set-it password=@?\r");
    t.wait(|screen| screen.line() == "password:");
    t.type_keys("wrong\x15s3cretx\x7f\r");
    t.wait(|screen| screen.text().contains("password:\n{}\n") && is_at_prompt(screen));
    assert!(!t.raw().windows(6).any(|bytes| bytes == b"s3cret"), "{t}");

    t.type_keys("set-it password=@?\r");
    t.wait(|screen| screen.line() == "password:");
    t.type_keys("half\x03");
    t.wait(is_at_prompt);

    t.type_keys("put text=@-\r");
    t.wait(|screen| screen.text().ends_with("up to Ctrl-D at the start of a line)"));
    t.type_keys("one\rtwo\r\x04");
    t.wait(|screen| screen.text().ends_with("two\n{}\n(QEMU)"));

    t.type_keys("put text=@-\r");
    t.wait(|screen| screen.text().ends_with("up to Ctrl-D at the start of a line)"));
    t.type_keys("never\x03");
    t.wait(is_at_prompt);
    t.type_keys("stop");
    t.wait(|screen| is_typed(screen, "stop", 0));
    t.type_keys("\x15\x04");
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
    mock.finish();
}

#[test]
fn ctrl_z_stops_the_shell_and_fg_continues_it() {
    let qemu = Qemu::none().start();
    let bash = Program::new("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "bash> ");
    let mut t = bash.terminal();
    t.wait(|screen| screen.line() == "bash>");
    t.type_keys(&format!("{} {}\r", QMPSH, qemu.socket().display()));
    t.wait(is_at_prompt);
    t.type_keys("query-na");
    t.wait(|screen| is_typed(screen, "query-na", 0));
    t.type_keys(keys::CTRL_Z);
    t.wait(|screen| screen.text().contains("Stopped") && screen.line() == "bash>");
    t.type_keys("fg\r");
    t.wait(|screen| is_typed(screen, "query-na", 0));
    t.type_keys("me\r");
    t.wait(|screen| screen.text().ends_with(&format!("{{}}\n{PROMPT}")));
    t.type_keys(keys::CTRL_D);
    t.wait(|screen| screen.line() == "bash>");
    t.type_keys("exit\r");
    t.wait_exit();
}

/// Not every shell puts the settings of the terminal back by itself.
#[test]
fn ctrl_z_restores_the_terminal() {
    let mock = Mock::interactive().negotiate().expect_execute("slow").pause().reply("\"done\"").unix();
    let mut t = Program::new("sh").arg("-i").env("PS1", "sh> ").terminal();
    t.wait(|screen| screen.line() == "sh>");
    let stopped = |t: &mut Terminal| {
        t.type_keys(keys::CTRL_Z);
        t.wait(|screen| screen.text().contains("Stopped") && screen.line() == "sh>");
        t.type_keys("clear; stty -g | cmp - found && echo un''changed\r");
        t.wait(|screen| screen.text().ends_with("unchanged\nsh>"));
        t.type_keys("clear; fg\r");
    };
    t.type_keys("stty -g >found; clear\r");
    t.type_keys(&format!("{} {}\r", QMPSH, mock.socket().display()));
    t.wait(is_at_prompt);
    stopped(&mut t);
    t.wait(is_at_prompt);
    t.type_keys("slow\r");
    mock.wait_for_pause();
    stopped(&mut t);
    mock.go_on();
    t.wait(|screen| screen.text().ends_with("\"done\"\n(QEMU)") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    t.wait(|screen| screen.line() == "sh>");
    t.type_keys("exit\r");
    t.wait_exit();
}

#[test]
fn ctrl_z_stops_the_shell_while_a_command_runs() {
    let mock = Mock::interactive().negotiate().expect_execute("slow").pause().reply("\"done\"").unix();
    let bash = Program::new("bash").args(["--norc", "--noprofile", "-i"]).env("PS1", "bash> ");
    let mut t = bash.terminal();
    t.wait(|screen| screen.line() == "bash>");
    t.type_keys(&format!("{} {}\r", QMPSH, mock.socket().display()));
    t.wait(is_at_prompt);
    t.type_keys("slow\r");
    mock.wait_for_pause();
    t.type_keys(keys::CTRL_Z);
    t.wait(|screen| screen.text().contains("Stopped") && screen.line() == "bash>");
    mock.go_on();
    t.type_keys("fg\r");
    t.wait(|screen| screen.text().ends_with(&format!("\"done\"\n{PROMPT}")) && is_at_prompt(screen));
    t.type_keys("quer");
    t.wait(|screen| is_typed(screen, "quer", 0));
    t.type_keys("\x15\x04");
    t.wait(|screen| screen.line() == "bash>");
    t.type_keys("exit\r");
    t.wait_exit();
}

#[test]
fn a_resize_keeps_the_typed_line() {
    let mock =
        Mock::interactive().negotiate().pause().event("LATER", "{}").expect_execute("query-version").reply("7").unix();
    let mut t = shell(mock.socket());
    t.type_keys("query-versio");
    t.wait(|screen| is_typed(screen, "query-versio", 0));
    t.resize(12, 40);
    t.type_keys(keys::LEFT);
    t.wait(|screen| is_typed(screen, "query-versio", 1));
    mock.go_on();
    t.wait(|screen| screen.text().contains("LATER") && is_typed(screen, "query-versio", 1));
    t.resize(30, 100);
    t.type_keys("\x05n\r");
    t.wait(|screen| screen.text().ends_with("query-version\n7\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
    mock.finish();
}
