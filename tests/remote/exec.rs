//! `exec:COMMAND`: its stdin and stdout are the connection.

use rustix::process::Signal;

use super::{is_gone, is_gone_with};
use crate::support::terminal::keys;
use crate::support::{DEADLINE, Program, Qemu, poll_until, qmpsh, temporary_directory};

fn exec(command: &str) -> Program {
    qmpsh().arg(format!("exec:{command}"))
}

#[test]
fn exec_connects_through_a_command() {
    let qemu = Qemu::none().name("web1").start();
    let socat = format!("socat - UNIX:{}", qemu.socket().display());
    exec(&socat).arg("query-name").run().stdout("{\"name\": \"web1\"}\n").stderr("").status(0);
    // A pipeline is a command too; what it says goes nowhere when nothing fails.
    let noisy = format!("echo hello >&2; {socat} | cat");
    exec(&noisy).stdin("query-name\nquery-status\n").run().stdout_contains("\"running\"").stderr("").status(0);
    exec(&socat).arg("query-bogus").run().stderr_contains("CommandNotFound").status(1);
    is_gone_with(":", &qemu.socket());
    exec(&socat).arg("quit").run().stdout("{}\n").stderr("").status(0);
}

#[test]
fn exec_works_with_a_command_that_ignores_stdin() {
    let qemu = Qemu::none().start();
    let deaf = format!("socat -u UNIX:{} -", qemu.socket().display());
    let output = exec(&deaf).args(["--connect-timeout", "0.3", "query-name"]).run();
    output
        .stderr_contains(
            "the greeting came, then nothing; QEMU may be stopped or very busy\n  - the command may not read",
        )
        .status(3);
}

#[test]
fn exec_reads_a_long_reply() {
    let qemu = Qemu::none().start();
    let output = exec(&format!("socat - UNIX:{}", qemu.socket().display())).arg("query-qmp-schema").run();
    assert!(output.stdout_text().len() > 100_000);
    output.stderr("").status(0);
}

#[test]
fn exec_reports_a_failed_command_with_its_stderr() {
    exec("echo no such pod >&2; exit 3")
        .arg("x")
        .run()
        .stdout("")
        .stderr(
            "qmpsh: no session with exec:echo no such pod >&2; exit 3: the command ended with exit status 3, before \
             the greeting (--wait SECONDS keeps trying): no such pod\n",
        )
        .status(3);
    // Several lines, of which nothing drives the terminal.
    exec("printf 'a\\n\\033[2Jb\\n' >&2; kill -9 $$")
        .arg("x")
        .run()
        .stderr_contains("was ended by signal 9 (SIGKILL), before the greeting (--wait SECONDS keeps trying):\n  a\n")
        .stderr_contains("\n  \\u{1b}[2Jb\n")
        .status(3);
    exec("nosuch-program").args(["--wait", "100", "x"]).run().stderr_contains("exit status 127, before").status(3);
    exec("echo hello; sleep 1000").arg("x").run().stderr_contains("this is not a QMP monitor").status(3);
    exec("echo wait >&2; sleep 1000")
        .args(["--connect-timeout", "0.2", "x"])
        .run()
        .stderr_contains("no greeting from exec:")
        .stderr_contains("\n  the command says: wait\n")
        .status(3);
}

#[test]
fn wait_retries_an_exec_command() {
    let qemu = Qemu::none().start();
    let directory = temporary_directory();
    let flag = directory.path().join("flag");
    // The first time it fails.
    let command = format!(
        "test -e {0} || {{ touch {0}; exit 1; }}; exec socat - UNIX:{1}",
        flag.display(),
        qemu.socket().display()
    );
    exec(&command).args(["--wait", "60", "query-name"]).run().stdout("{}\n").stderr("").status(0);
    exec("exit 1")
        .args(["--wait", "0.1", "x"])
        .run()
        .stderr_contains("before the greeting, tried for 0.1 s\n")
        .status(3);
}

#[test]
fn the_end_of_an_exec_command_is_reported() {
    let qemu = Qemu::none().start();
    let command = format!("socat - UNIX:{}; echo gone >&2; exit 7", qemu.socket().display());
    let mut process = exec(&command).start();
    process.line("query-name");
    process.read_line();
    qemu.signal(Signal::KILL);
    // Before that, the end of its input would be its end.
    process.read_stderr_line();
    process.wait().status(4).stderr(
        "qmpsh: the connection was lost while waiting for input: the peer closed the connection; every command had its reply\nthe command ended with exit status 7: gone\n",
    );
}

#[test]
fn an_exec_command_is_ended_with_the_session() {
    let directory = temporary_directory();
    let mark = directory.path().join("mark");
    // Neither the end of its input nor SIGTERM ends it, and it has children.
    let stubborn = format!("trap '' TERM; sh -c 'sleep 1000; : {0}' & sleep 1000; : {0}", mark.display());
    exec(&stubborn).args(["--connect-timeout", "0.1", "x"]).run().status(3);
    is_gone(&mark);
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let program = exec(&format!("echo >started; sleep 1000; : {}", mark.display())).arg("x");
        let started = program.home().join("started");
        let process = program.start();
        poll_until(DEADLINE, || started.exists().then_some(())).expect("it has started");
        process.signal(signal);
        process.wait().status(status);
        is_gone(&mark);
    }
}

#[test]
fn an_exec_command_that_reads_the_terminal_is_reported() {
    let mut terminal = exec("read answer </dev/tty; exec cat").args(["--connect-timeout", "1000"]).terminal();
    assert_eq!(terminal.wait_exit(), 3);
    terminal.wait(|screen| screen.words().contains("asked a question at the terminal, which exec: does not"));
}

#[test]
fn ctrl_c_does_not_reach_the_exec_command() {
    let qemu = Qemu::none().start();
    let mut terminal = exec(&format!("socat - UNIX:{}", qemu.socket().display())).arg("-v").terminal();
    terminal.wait(|screen| screen.line() == "(QEMU)");
    qemu.signal(Signal::STOP);
    terminal.type_keys("query-name\r");
    terminal.wait_for("\"execute\":\"query-name\"");
    terminal.type_keys(keys::CTRL_C);
    terminal.wait_for("interrupted");
    qemu.signal(Signal::CONT);
    terminal.wait_for("the reply to `query-name`");
    terminal.type_keys(keys::CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    is_gone_with(":", &qemu.socket());
}
