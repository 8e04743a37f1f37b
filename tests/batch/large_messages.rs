//! Long replies and many commands, and their memory.

use std::os::unix::fs::FileExt;

use super::{at, file};
use crate::support::program::peak_memory;
use crate::support::{DEADLINE, Mock, Qemu, poll_until};

const MIB: u64 = 1 << 20;

/// The program's memory for one reply of at least so many bytes is not much more than the reply.
fn check_memory(mock: Mock, at_least: u64) {
    let mock = mock.expect_execute("after").reply("2").unix();
    let program = at(mock.socket());
    let path = program.home().join("out");
    let mut process = program.stdout_to(&path).start();
    process.line("much");
    // When this is answered the long one has been dealt with.
    process.line("after");
    let length = poll_until(DEADLINE, || {
        let length = std::fs::metadata(&path).unwrap().len();
        let end = std::fs::File::open(&path).unwrap();
        let mut last = [0; 3];
        (length > at_least && end.read_exact_at(&mut last, length - 3).is_ok() && last == *b"\n2\n").then_some(length)
    });
    let length = length.expect("both results");
    let peak = peak_memory(process.pid());
    process.wait().stderr("").status(0);
    assert!(peak < length * 5 / 4, "{peak} bytes of memory for {length} bytes");
    mock.finish();
}

#[test]
fn a_long_string_is_in_memory_once() {
    check_memory(Mock::new().negotiate().expect_execute("much").reply_string_of(64 * MIB), 64 * MIB);
}

#[test]
fn many_small_objects_are_in_memory_once() {
    check_memory(Mock::new().negotiate().expect_execute("much").reply_list_of(4_500_000), 64 * MIB);
}

#[test]
fn a_long_reply_is_whole_in_a_pipe() {
    let mock = Mock::new().negotiate().expect_execute("much").reply_string_of(8 * MIB + 1).unix();
    let output = at(mock.socket()).arg("much").run();
    assert!(output.stdout_bytes().len() as u64 == 8 * MIB + 4, "{output}");
    assert!(output.stdout_bytes()[1..].iter().take_while(|byte| **byte == b'x').count() as u64 == 8 * MIB + 1);
    output.status(0);
    mock.finish();
}

#[test]
fn a_message_over_the_limit_ends_the_session() {
    let reply = r#"{"return": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"#;
    let reply = format!("{reply:x<289}\", \"id\": 1}}");
    assert_eq!(reply.len(), 300);
    let run = |limit: &str| {
        let mock = Mock::new().negotiate().expect_execute("a").send(reply.as_bytes()).unix();
        let output = at(mock.socket()).args(["--max-message", limit, "a"]).run();
        mock.finish();
        output
    };
    run("300").status(0).stderr("");
    let output = run("299");
    output.stdout("").status(4);
    output
        .stderr_contains("qmpsh: the connection was lost before the reply to `a` came, so whether it ran is unknown: ");
    output.stderr_contains("a message is longer than the limit of 299 bytes; it begins with `{\"return\": \"xxx");
    output.stderr_contains(" (--max-message SIZE allows more)\n");
}

#[test]
fn a_real_qemu_answers_twenty_thousand_commands() {
    const MANY: usize = 20_000;
    let qemu = Qemu::none().start();
    let program = at(&qemu.socket());
    let path = file(&program, "commands", "query-name\n".repeat(MANY));
    let mut process = program.arg("-f").arg(path).start();
    // Line by line: each has its time, however long all of them take.
    for n in 0..MANY {
        assert_eq!(process.read_line(), "{}", "{n}");
    }
    let output = process.wait();
    output.status(0).stderr("");
    assert_eq!(output.stdout_bytes().len(), 3 * MANY);
}

#[test]
fn deep_nesting_is_printed_in_json_and_pretty() {
    let deep = "[".repeat(1_000) + &"]".repeat(1_000);
    let mock = Mock::new().negotiate().expect_execute("a").reply(&deep).unix();
    at(mock.socket()).arg("a").run().stdout(&format!("{deep}\n")).status(0);
    mock.finish();
    let mock = Mock::new().negotiate().expect_execute("a").reply(&deep).unix();
    let output = at(mock.socket()).args(["-o", "pretty", "a"]).run();
    output.status(0);
    assert_eq!(output.stdout_text().lines().count(), 2 * 999 + 1);
    mock.finish();
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let mock = Mock::new().negotiate().expect_execute("a").reply(&deep).unix();
    let output = at(mock.socket()).arg("a").run();
    assert!(output.stdout_text() == deep + "\n");
    mock.finish();
}
