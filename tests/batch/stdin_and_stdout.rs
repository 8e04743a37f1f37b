//! stdin and stdout of a batch: a coprocess, a closed reader, a slow reader.

use rustix::process::Signal;

use super::{at, file};
use crate::support::program::Process;
use crate::support::{DEADLINE, Mock, Qemu, poll_until, sh};

#[test]
fn a_coprocess_gets_each_result_before_it_writes_the_next_line() {
    let qemu = Qemu::none().start();
    let mut process = at(&qemu.socket()).arg("-k").start();
    for _ in 0..3 {
        process.line("query-name");
        assert_eq!(process.read_line(), "{}");
        process.line("bogus");
        assert!(process.read_stderr_line().contains("CommandNotFound"));
    }
    process.wait().status(1);
}

#[test]
fn earlier_results_are_printed_while_a_command_runs() {
    let mock = Mock::new().negotiate().expect_execute("a").reply("1").expect_execute("b").pause().reply("2").unix();
    let mut process = at(mock.socket()).args(["-c", "a", "-c", "b"]).start();
    mock.wait_for_pause();
    assert_eq!(process.read_line(), "1");
    mock.go_on();
    process.wait().stdout("1\n2\n").status(0);
    mock.finish();
}

/// 300,000 bytes and more: no pipe holds them.
fn much(mock: Mock) -> Mock {
    mock.expect_execute("much").reply_string_of(300_000)
}

#[test]
fn ctrl_c_works_while_stdout_is_full() {
    // While a command is unanswered; while there is nothing but to write.
    let unanswered = much(Mock::new().negotiate()).expect_execute("silent").pause();
    let answered = much(Mock::new().negotiate()).expect_execute("more").reply_string_of(300_000).pause();
    for (mock, lines) in [(unanswered, "much\nsilent\n"), (answered, "much\nmore\n")] {
        let mock = mock.unix();
        let program = at(mock.socket()).stdout_unread();
        let path = file(&program, "commands", lines);
        let process = program.arg("-f").arg(path).start();
        mock.wait_for_pause();
        process.signal(Signal::INT);
        process.wait().stderr("").status(130);
        mock.go_on();
        mock.finish();
    }
}

#[test]
fn timeouts_work_while_stdout_is_full() {
    let mock = much(Mock::new().negotiate()).expect_execute("silent").unix();
    let program = at(mock.socket()).stdout_unread();
    let path = file(&program, "commands", "much\nsilent\n");
    let output = program.args(["-t", "2", "-f"]).arg(path).run();
    output.status(5).stderr_contains(":2: no reply to `silent` within 2 s: it may still be running\n");
    mock.finish();

    // Events too fill it.
    let mock = Mock::new().negotiate().expect_execute("silent").events(2_000).unix();
    let program = at(mock.socket()).stdout_unread();
    program.args(["-t", "0.3", "--events", "show", "silent"]).run().status(5);
    mock.finish();
}

#[test]
fn a_closed_stdout_ends_a_batch_with_status_141() {
    let mock = much(Mock::new().negotiate()).pause().unix();
    let output = sh("{ \"$0\" \"$1\" much; echo $? >&2; } | head -c 10").arg(mock.socket()).run();
    output.stdout("\"xxxxxxxxx").stderr("141\n");
    mock.go_on();
    mock.finish();
}

#[test]
fn ctrl_c_works_while_a_fifo_is_opened() {
    let fifo = |program: &crate::support::Program| {
        let fifo = program.home().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    };
    // Words: before there is a connection.
    let program = at("missing.sock".as_ref()).args(["x", "a=@fifo"]);
    fifo(&program);
    let process = program.start();
    wait_until_it_catches_interrupts(&process);
    process.signal(Signal::INT);
    process.wait().stdout("").stderr("").status(130);

    for args in [["-f", "fifo"], ["-c", "x a=@fifo"]] {
        let mock = Mock::new().negotiate().pause().unix();
        let program = at(mock.socket()).args(args);
        fifo(&program);
        let process = program.start();
        mock.wait_for_pause();
        process.signal(Signal::INT);
        process.wait().stdout("").stderr("").status(130);
        mock.go_on();
        mock.finish();
    }
}

/// From then on SIGINT does not just kill it.
fn wait_until_it_catches_interrupts(process: &Process) {
    let path = format!("/proc/{}/status", process.pid());
    let caught = || {
        let status = std::fs::read_to_string(&path).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        (mask & (1 << (Signal::INT.as_raw() - 1)) != 0).then_some(())
    };
    poll_until(DEADLINE, caught).expect("it catches SIGINT");
}
