//! `qmpsh run`: starting QEMU, and failures.

use std::fs;

use rustix::process::Signal;

use super::{Marked, NONE};
use crate::support::terminal::keys;
use crate::support::{Qemu, qmpsh, temporary_directory};

#[test]
fn run_executes_a_command_and_leaves_nothing() {
    let marked = Marked::new();
    let output = marked.run(&["-c", "query-name", "--"]).run();
    output.stdout(&format!("{{\"name\": \"{}\"}}\n", marked.name)).stderr("").status(0);
    marked.is_gone();
    assert_eq!(fs::read_dir(output.home()).expect("its home").count(), 0, "no file was left");
    // The first word that is no option is QEMU, also without `--`.
    marked.run(&["-c", "query-name"]).run().stdout_contains(&marked.name).status(0);
    marked.is_gone();
}

#[test]
fn run_reads_lines_from_stdin() {
    let marked = Marked::new();
    let output = marked.run(&[]).stdin("query-name\nquery-bogus\n").run();
    output.stdout(&format!("{{\"name\": \"{}\"}}\n", marked.name)).status(1);
    output.stderr("stdin:2: CommandNotFound: The command query-bogus has not been found\n");
    marked.is_gone();
}

#[test]
fn qemu_has_its_own_group_no_stdin_and_our_stderr() {
    let marked = Marked::new();
    let mut process = marked.run(&[]).start();
    process.line("query-name");
    process.read_line();
    let qemu = marked.pid();
    let stat = fs::read_to_string(format!("/proc/{qemu}/stat")).expect("its state");
    let group = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2));
    // That of the process that watches it.
    let leader = fs::read_to_string(format!("/proc/{}/cmdline", group.expect("a group"))).expect("its leader");
    assert!(leader.contains("qmpsh-watcher"), "{leader}");
    let link = |pid: u32, number: u32| fs::read_link(format!("/proc/{pid}/fd/{number}")).expect("a descriptor");
    assert_eq!(link(qemu, 0).to_str(), Some("/dev/null"));
    assert_eq!(link(qemu, 1), link(process.pid(), 2));
    assert_eq!(link(qemu, 2), link(process.pid(), 2));
    process.wait().status(0);
    marked.is_gone();
}

#[test]
fn run_starts_a_storage_daemon() {
    let output = qmpsh().args(["run", "-c", "query-block-jobs", "qemu-storage-daemon"]).run();
    output.stdout("[]\n").stderr("").status(0);
}

#[test]
fn run_ends_a_qemu_that_daemonizes() {
    let marked = Marked::new();
    let output = marked.run(&["-c", "query-name"]).arg("-daemonize").run();
    output.stdout(&format!("{{\"name\": \"{}\"}}\n", marked.name)).stderr("").status(0);
    marked.is_gone();
}

#[test]
fn run_says_why_a_program_did_not_start() {
    let run = |command: &[&str]| qmpsh().args(["run", "-c", "query-name", "--"]).args(command.to_vec()).run();
    let output = run(&["qemu-system-x86_64", "-M", "nosuch"]);
    output.stdout("").stderr_contains("unsupported machine type").status(3);
    assert!(
        output.stderr_text().ends_with("\nqmpsh: qemu-system-x86_64 ended with exit status 1, before its greeting\n")
    );

    run(&["qemu-nosuch"]).stderr("qmpsh: cannot start qemu-nosuch: no such program\n").status(3);
    run(&["./"]).stderr("qmpsh: cannot start ./: it is not executable\n").status(3);
    run(&["true"]).stderr("qmpsh: true ended with exit status 0, before its greeting\n").status(3);
    run(&["sh", "-c", "kill -9 $$"])
        .stderr("qmpsh: sh was ended by signal 9 (SIGKILL), before its greeting\n")
        .status(3);
    // It leaves its socket, and stays.
    let closes = "n=${2##*=}; eval \"exec $n<&-\"; exec sleep 1000";
    run(&["bash", "-c", closes, "bash"]).stderr_contains("no session with bash: the peer closed the").status(3);
}

#[test]
fn run_reports_a_silent_program_after_wait_seconds() {
    let args = ["run", "--connect-timeout", "0.05", "--wait", "0.2", "-c", "x", "--", "sh", "-c", "sleep 1000", "sh"];
    let output = qmpsh().args(args).run();
    output.stderr_contains("no greeting from sh yet: still waiting").status(3);
    output.stderr_contains("\nqmpsh: no greeting from sh within 0.2 s\n");
}

#[test]
fn detach_leaves_the_second_monitor() {
    let marked = Marked::new();
    let directory = temporary_directory();
    let path = directory.path().join("a,b.sock").display().to_string();
    let output = marked.run_apart(&["--monitor", &path, "-c", "stop", "-c", ".detach", "-c", "not-sent"]).run();
    output.stdout("{}\n").status(0);
    assert_eq!(fs::read_to_string(output.home().join("stderr")).expect("a file"), "");
    let status = qmpsh().args([&path, "query-status"]).run();
    status.stdout_contains("\"status\": \"paused\"").status(0);
    qmpsh().args([&path, "quit"]).run().status(0);
    marked.is_gone();
}

#[test]
fn detach_warns_without_a_second_monitor() {
    let marked = Marked::new();
    let output = marked.run_apart(&["-c", ".detach"]).run();
    let warning = "warning: qemu-system-x86_64 runs on without a monitor to reconnect to (--monitor PATH makes one)\n";
    output.stdout("").status(0);
    assert_eq!(fs::read_to_string(output.home().join("stderr")).expect("a file"), warning);
    marked.signal(Signal::TERM);
    marked.is_gone();
}

#[test]
fn detach_works_only_with_run() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    let output = qmpsh().arg(&socket).args(["-k", "-c", ".detach", "-c", "stop"]).run();
    output.stdout("{}\n").stderr_contains(".detach works only with `qmpsh run`").status(2);
    qmpsh().arg(&socket).arg(".detach").run().stderr_contains(".detach works only with").status(2);
    qmpsh().arg(&socket).args(["-c", ".detach now"]).run().stderr_contains(".detach takes no arguments").status(2);
}

#[test]
fn the_second_monitor_does_not_replace_a_file() {
    let directory = temporary_directory();
    let path = directory.path().join("precious");
    fs::write(&path, "text").expect("a file");
    let shown = path.display();
    let run = |path: &str| qmpsh().args(["run", "--monitor", path, "-c", "x", "--"]).args(NONE).run();
    let why = "the file exists and is not a socket";
    run(&shown.to_string()).stderr(&format!("qmpsh: cannot make the monitor {shown}: {why}\n")).status(3);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "text");
    let qemu = Qemu::none().start();
    run(&qemu.socket().display().to_string()).stderr_contains("another process listens there").status(3);
}

#[test]
fn run_works_with_the_interactive_shell() {
    let marked = Marked::new();
    let mut terminal = marked.run(&[]).arg("-S").terminal();
    let prompt = format!("({} prelaunch)", marked.name);
    terminal.wait(|screen| screen.line() == prompt && screen.text().contains("at qemu-system-x86_64; Ctrl-D ends"));
    terminal.type_keys("query-na");
    terminal.wait(|screen| screen.line() == format!("{prompt} query-na"));
    // What QEMU says comes above the line.
    marked.signal(Signal::TERM);
    terminal.wait(|screen| {
        let text = screen.text();
        screen.line() == "(disconnected) query-na"
            && text.contains("terminating on signal 15")
            && text.contains("was lost")
            && text.contains("qemu-system-x86_64 ended with exit status 0")
    });
    terminal.type_keys(keys::CTRL_C);
    terminal.wait(|screen| screen.line() == "(disconnected)");
    terminal.type_keys(keys::CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);

    let mut terminal = marked.run(&[]).terminal();
    terminal.wait(|screen| screen.line() == format!("({})", marked.name));
    terminal.type_keys(keys::CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    marked.is_gone();

    let mut terminal = qmpsh().args(["run", "qemu-system-x86_64", "-M", "nosuch"]).terminal();
    assert_eq!(terminal.wait_exit(), 3);
    terminal.wait(|screen| {
        let text = screen.text();
        let (said, told) = (text.find("unsupported machine type"), text.find("ended with exit status 1"));
        said.is_some() && said < told
    });
}
