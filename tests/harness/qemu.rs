//! Tests of `Qemu`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::{DEADLINE, Qemu, poll_until};

const STATUS: &str = r#"{"execute":"query-status"}"#;

#[track_caller]
fn check_answers(qemu: &Qemu, command: &str, expected: &Value) {
    let answer = qemu.hold().execute(&format!(r#"{{"execute":"{command}"}}"#));
    assert_eq!(answer, *expected, "{command}");
}

#[test]
fn an_empty_qemu_answers() {
    let qemu = Qemu::none().name("web1").start();
    check_answers(&qemu, "query-name", &json!({"name": "web1"}));
    check_answers(&qemu, "bogus", &json!({"class": "CommandNotFound", "desc": "The command bogus has not been found"}));
}

#[test]
fn a_q35_runs() {
    let qemu = Qemu::q35().start();
    assert_eq!(qemu.hold().execute(STATUS)["status"], "running");
}

#[test]
fn a_storage_daemon_answers() {
    let daemon = Qemu::storage_daemon().pretty().tcp_monitor().start();
    check_answers(&daemon, "query-named-block-nodes", &json!([]));
    assert_eq!(Client::tcp(daemon.tcp()).negotiate().execute(r#"{"execute":"query-jobs"}"#), json!([]));
}

#[test]
fn a_pretty_monitor_writes_over_many_lines() {
    let lines_of_the_greeting = |qemu: &Qemu| {
        let greeting = Client::unix(&qemu.socket()).read_text().expect("a greeting");
        assert!(greeting.contains("\"QMP\""), "{greeting}");
        greeting.lines().count()
    };
    assert_eq!(lines_of_the_greeting(&Qemu::none().start()), 1);
    assert!(lines_of_the_greeting(&Qemu::none().pretty().start()) > 1);
}

#[test]
fn a_held_monitor_is_silent_and_events_reach_the_second() {
    let qemu = Qemu::none().second_monitor().tcp_monitor().start();
    let mut holder = qemu.hold();
    let mut waiting = Client::unix(&qemu.socket());

    assert_eq!(Client::tcp(qemu.tcp()).negotiate().execute(STATUS)["status"], "running");
    assert_eq!(qemu.second_client().execute(r#"{"execute":"stop"}"#), json!({}));
    assert_eq!(holder.read()["event"], "STOP");
    assert!(waiting.is_silent(), "the monitor is in use");

    drop(holder);
    assert!(waiting.read().get("QMP").is_some());
}

#[test]
fn a_signaled_qemu_is_waited_for() {
    let mut qemu = Qemu::none().start();
    qemu.signal(Signal::TERM);
    assert_eq!(qemu.wait().code(), Some(0));
}

#[test]
fn a_panic_leaves_no_qemu_and_no_directory() {
    let mut left = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let qemu = Qemu::none().start();
        left = Some((qemu.pid(), qemu.file("")));
        assert!(Path::new(&format!("/proc/{}", qemu.pid())).exists());
        panic!("a test that fails");
    }));
    assert!(result.is_err());
    let (pid, directory) = left.expect("QEMU had started");
    // Its number may be taken again at once, but not by a QEMU in this directory.
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    assert!(!command.contains(&*directory.to_string_lossy()), "{command}");
    assert!(!directory.exists());
}

#[test]
fn a_qemu_that_does_not_start_says_why() {
    let result = catch_unwind(|| Qemu::none().args(["-machine", "bogus"]).start());
    let message = *result.expect_err("no such machine").downcast::<String>().expect("a message");
    assert!(message.contains("ended at once") && message.contains("unsupported machine type"), "{message}");
}

#[test]
fn a_client_sees_the_end_of_file() {
    let qemu = Qemu::none().start();
    let mut client = qemu.hold();
    client.send(r#"{"execute":"quit"}"#);
    let mut last = None;
    while let Some(text) = client.read_text() {
        last = Some(text);
    }
    assert_eq!(last.as_deref().map(str::trim), Some(r#"{"return": {}}"#));
    assert!(poll_until(DEADLINE, || (!qemu.socket().exists()).then_some(())).is_some(), "QEMU removes its socket");
}
