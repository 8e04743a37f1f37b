//! `qmpsh run`: QEMU ends with qmpsh.

use std::io::{PipeWriter, Write};

use rustix::process::Signal;

use super::{Marked, NONE};
use crate::support::program::Process;
use crate::support::{DEADLINE, poll_until, qmpsh};

/// A shell that has run its first command, and waits for the next as long as its input is open.
#[track_caller]
fn waiting(marked: &Marked, options: &[&str]) -> (Process, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(b"query-name\n").expect("an open pipe");
    let mut process = marked.run(options).stdin_from(reader).start();
    process.read_line();
    (process, writer)
}

#[test]
fn a_signal_ends_qmpsh_and_qemu() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let marked = Marked::new();
        let (process, _input) = waiting(&marked, &[]);
        process.signal(signal);
        process.wait().stderr("").status(status);
        marked.is_gone();
    }
}

#[test]
fn a_signal_before_the_greeting_ends_qmpsh_and_qemu() {
    let script = "echo ready >&2; while :; do read line; done";
    let mut process = qmpsh().args(["run", "sh", "-c", script, "sh"]).start();
    assert_eq!(process.read_stderr_line(), "ready");
    process.signal(Signal::INT);
    process.wait().stderr("ready\n").status(130);
}

#[test]
fn a_failed_command_ends_qmpsh_and_qemu() {
    let marked = Marked::new();
    marked.run(&["-c", "bogus"]).run().stderr_contains("CommandNotFound").status(1);
    marked.is_gone();
    marked.run(&["-c", "a=b c=d"]).run().status(2);
    marked.is_gone();
    marked.run(&["-c", "query-name", "-c", "query-name"]).stdout_closed().run().status(141);
    marked.is_gone();
}

#[test]
fn quit_as_a_command_succeeds() {
    let marked = Marked::new();
    marked.run(&["-c", "quit"]).run().stdout("{}\n").stderr("").status(0);
    marked.is_gone();
}

#[test]
fn a_qemu_that_ends_by_itself_is_a_lost_connection() {
    let marked = Marked::new();
    let (process, _input) = waiting(&marked, &[]);
    marked.signal(Signal::KILL);
    let output = process.wait();
    output.stderr_contains("the connection was lost while waiting for input: the peer closed the connection").status(4);
    output.stderr_contains("\nqemu-system-x86_64 was ended by signal 9 (SIGKILL)\n");
    marked.is_gone();
}

#[test]
fn the_socket_of_a_killed_qemu_is_removed() {
    let marked = Marked::new();
    let directory = crate::support::temporary_directory();
    let socket = directory.path().join("m.sock");
    let (process, _input) = waiting(&marked, &["--monitor", &socket.display().to_string()]);
    assert!(socket.exists());
    marked.signal(Signal::KILL);
    process.wait().status(4);
    assert!(!socket.exists());
}

/// A monitor that does not quit, on the socket whose number is in its arguments, and does not want to be terminated.
const STUBBORN: &str = r#"
for a; do case $a in socket,*fd=*) n=${a##*fd=};; esac; done
eval "exec 5<&$n 6>&$n"
printf '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 9}, "package": ""}, "capabilities": []}}' >&6
request=
until [ "${request%\}}" != "$request" ]; do request=$request$(dd bs=1 count=1 <&5 2>/dev/null); done
printf '{"return": {}, "id": %s' "${request##*:}" >&6
trap 'echo terminated >&2' TERM
until dd bs=1 count=1 <&5 2>/dev/null | grep -q '}'; do :; done
echo asked >&2
while :; do read line; done
"#;

#[test]
fn repeated_signals_escalate_to_sigkill() {
    let mut process = qmpsh().args(["run", "bash", "-c", STUBBORN, "bash"]).start();
    process.close_stdin();
    assert_eq!(process.read_stderr_line(), "asked");
    process.signal(Signal::INT);
    assert_eq!(process.read_stderr_line(), "terminated");
    process.signal(Signal::INT);
    process.wait().stderr("asked\nterminated\nbash did not end by itself, so qmpsh killed it\n").status(0);
}

#[test]
fn a_qemu_started_by_a_wrapper_is_ended() {
    let marked = Marked::new();
    let script = "sleep 1000 & echo $! >&2; \"$@\"";
    let program = qmpsh().args(["run", "-c", "query-name", "--", "sh", "-c", script]).args(["sh"]).args(NONE);
    let mut process = program.args(["-name", &marked.name]).start();
    let pid = process.read_stderr_line();
    process.wait().stdout(&format!("{{\"name\": \"{}\"}}\n", marked.name)).status(0);
    marked.is_gone();
    let sleeps = || std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.starts_with(b"sleep"));
    assert!(poll_until(DEADLINE, || (!sleeps()).then_some(())).is_some(), "{pid} still sleeps");
}
