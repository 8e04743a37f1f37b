//! Tests of `Program`, `Process` and `Output`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::Signal;

use crate::support::program::peak_memory;
use crate::support::{Program, qmpsh, sh};

#[test]
fn a_program_runs_to_its_end() {
    sh("cat; echo to stderr >&2; exit 3")
        .stdin("one\ntwo\n")
        .run()
        .stdout("one\ntwo\n")
        .stdout_contains("two")
        .stderr("to stderr\n")
        .stderr_contains("stderr")
        .status(3);
    sh("kill -TERM $$").run().ended_by(Signal::TERM);
    assert_eq!(sh("printf '\\377'").run().stdout_bytes(), b"\xff");
}

#[test]
fn qmpsh_runs_the_program_under_test() {
    qmpsh().arg("--bogus-option").run().stdout("").stderr_contains("unexpected argument '--bogus-option'").status(2);
    sh("\"$0\" --version").run().stdout(concat!("qmpsh ", env!("CARGO_PKG_VERSION"), "\n")).status(0);
}

#[test]
fn the_environment_is_scrubbed() {
    let output = sh("export -p; pwd >&2").env("EXTRA", "1").run();
    let names = output.stdout_text();
    let names: Vec<&str> = names.lines().filter_map(|l| l.strip_prefix("export ")?.split('=').next()).collect();
    assert_eq!(names, ["EXTRA", "HOME", "LANG", "PATH", "PWD", "QMPSH_PAGER", "TERM", "XDG_STATE_HOME"]);
    assert_eq!(output.stderr_text().trim_end(), output.home().to_string_lossy());
    output.stdout_contains(&format!("HOME='{}'", output.home().display()));
}

#[test]
fn a_failed_expectation_shows_everything() {
    let output = sh("echo out; echo err >&2; exit 4").run();
    let expectations: [(&dyn Fn(), &str); 6] = [
        (&|| _ = output.stdout("x"), "expected stdout x"),
        (&|| _ = output.stdout_contains("x"), "expected stdout with \"x\""),
        (&|| _ = output.stderr(""), "expected stderr "),
        (&|| _ = output.stderr_contains("x"), "expected stderr with \"x\""),
        (&|| _ = output.status(0), "expected status 0"),
        (&|| _ = output.ended_by(Signal::KILL), "expected an end by"),
    ];
    for (expectation, expected) in expectations {
        let message = catch_unwind(AssertUnwindSafe(expectation)).expect_err("it does not hold");
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.starts_with(expected), "{message}");
        assert!(message.ends_with("exit status: 4\nstdout: out\\n\nstderr: err\\n"), "{message}");
    }
}

#[test]
fn a_process_takes_lines_and_signals() {
    let mut cat = sh("trap 'echo caught >&2; exit 7' INT; while read line; do echo \"<$line>\"; done").start();
    cat.line("one");
    assert_eq!(cat.read_line(), "<one>");
    cat.line("two");
    cat.line("three");
    assert_eq!(cat.read_line(), "<two>");
    assert_eq!(cat.read_line(), "<three>");
    cat.signal(Signal::INT);
    assert_eq!(cat.read_stderr_line(), "caught");
    cat.wait().stdout("<one>\n<two>\n<three>\n").status(7);
}

#[test]
fn close_stdin_ends_a_reader() {
    let mut cat = Program::new("cat").start();
    cat.line("x");
    cat.close_stdin();
    assert_eq!(cat.read_line(), "x");
    let message = catch_unwind(AssertUnwindSafe(|| cat.read_line())).expect_err("there is no second line");
    assert!(message.downcast_ref::<String>().unwrap().starts_with("the end of file came, not a line on stdout\n$ cat"));
    cat.wait().status(0);
}

const MIB: u64 = 1024 * 1024;

#[test]
fn peak_memory_is_that_of_the_program() {
    // A shell that reads 32 MiB into a variable, and one that does not.
    let peak = |script: &str| {
        let mut shell = sh(&format!("{script}; echo ready; read line")).start();
        assert_eq!(shell.read_line(), "ready");
        peak_memory(shell.pid())
    };
    let (small, big) = (peak(":"), peak("x=$(head -c 33554432 /dev/zero | tr '\\0' x)"));
    assert!(small < 8 * MIB, "{small}");
    assert!(big > 32 * MIB, "{big}");
}

#[test]
fn a_program_leaves_no_child_running() {
    // The inner shell keeps the pipe: its end would come only with that of the sleep.
    let output = sh("sleep 1000 & echo $!").run();
    let pid = output.stdout_text();
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    assert!(!command.starts_with(b"sleep\x001000"), "{pid} still sleeps");
}

#[test]
fn stdout_can_be_a_file_closed_or_unread() {
    let program = sh("echo text").stdin("");
    let file = program.home().join("out");
    let output = program.stdout_to(&file).run();
    output.stdout("").status(0);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "text\n");

    sh("echo text").stdout_closed().run().ended_by(Signal::PIPE);

    let mut stuck = sh("echo before >&2; head -c 100000 /dev/zero; echo after >&2").stdout_unread().start();
    assert_eq!(stuck.read_stderr_line(), "before");
    stuck.signal(Signal::TERM);
    stuck.wait().stderr("before\n");
}
