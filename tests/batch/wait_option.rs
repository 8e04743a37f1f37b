//! `--wait`: a peer that appears later.

use std::io::Write;
use std::os::unix::net::UnixListener;

use super::{at, connect_errors::jam};
use crate::support::program::Process;
use crate::support::{Mock, Qemu, qmpsh, temporary_directory};

/// It has tried once, and not ended: it says at this level that it failed.
fn has_tried(process: &mut Process) {
    while !process.read_stderr_line().contains("Failed to establish") {}
}

fn waiting() -> crate::support::Program {
    qmpsh().args(["--wait", "60", "--log-level", "info"])
}

#[test]
fn wait_finds_a_socket_that_appears_later() {
    let directory = temporary_directory();
    let path = directory.path().join("q.sock");
    let mut process = waiting().arg(&path).arg("query-status").start();
    has_tried(&mut process);
    let qemu = Qemu::none().args(["-qmp", &format!("unix:{},server=on,wait=off", path.display())]).start();
    assert!(process.read_line().contains("\"running\""));
    process.wait().status(0);
    drop(qemu);
}

#[test]
fn wait_retries_a_refused_port() {
    let qemu = Qemu::none().start();
    let path = qemu.socket();
    let stale = temporary_directory();
    let moved = stale.path().join("q.sock");
    drop(UnixListener::bind(&moved).unwrap());
    let mut process = waiting().arg(&moved).arg("query-status").start();
    has_tried(&mut process);
    std::fs::rename(&path, &moved).unwrap();
    assert!(process.read_line().contains("\"running\""));
    process.wait().status(0);
}

#[test]
fn wait_retries_a_connection_closed_before_the_greeting() {
    let mock = Mock::new()
        .close()
        .next_connection()
        .send("{\"QMP\":")
        .next_connection()
        .greeting()
        .expect_execute("qmp_capabilities")
        .reply("{}")
        .expect_execute("x")
        .reply("1")
        .unix();
    at(mock.socket()).args(["--wait", "60", "x"]).run().stdout("1\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn wait_gets_a_monitor_that_becomes_free() {
    let qemu = Qemu::none().start();
    let holder = qemu.hold();
    // Longer than the time for an attempt, so that waiting is what brings it there.
    let mut process = qmpsh()
        .args(["--connect-timeout", "0.1", "--wait", "60", "--log-level", "debug"])
        .arg(qemu.socket())
        .arg("query-status")
        .start();
    while !process.read_stderr_line().contains("connecting") {}
    drop(holder);
    assert!(process.read_line().contains("\"running\""));
    process.wait().status(0);
}

#[test]
fn wait_gets_into_a_backlog_that_empties() {
    let directory = temporary_directory();
    let path = directory.path().join("q.sock");
    let (listener, others) = jam(&path);
    let mut process = qmpsh().args(["--wait", "60", "--log-level", "debug"]).arg(&path).arg("x").start();
    while !process.read_stderr_line().contains("connecting") {}
    let count = others.len();
    drop(others);
    let listener = UnixListener::from(listener);
    listener.set_nonblocking(false).unwrap();
    for _ in 0..count {
        listener.accept().unwrap();
    }
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n").unwrap();
    process.wait().stdout("").status(3).stderr_contains("a web server answers there");
}

#[test]
fn wait_ends_after_its_time() {
    let output = qmpsh().args(["--wait", "0.2", "missing.sock", "x"]).run();
    output.stdout("").status(3).stderr(
        "qmpsh: cannot connect to missing.sock, tried for 0.2 s: no such socket; QEMU creates it with \
         -qmp unix:PATH,server=on,wait=off\n",
    );
}

#[test]
fn wait_does_not_retry_permanent_errors() {
    let mock = Mock::new().send("HTTP/1.1 400 Bad Request\r\n").close().unix();
    at(mock.socket()).args(["--wait", "600", "x"]).run().status(3).stderr_contains("a web server answers there");
    mock.finish();
}
