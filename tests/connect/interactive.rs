//! The interactive shell listens again after the peer is lost.

use serde_json::Value;

use super::Monitor;
use crate::support::mock::shell_answer;
use crate::support::qmpsh;
use crate::support::terminal::keys;

/// The next command that the shell does not send by itself. Answers the others.
fn command(monitor: &mut Monitor) -> Value {
    loop {
        let request = monitor.0.read();
        let Some(answer) = request["execute"].as_str().and_then(shell_answer) else {
            return request;
        };
        monitor.0.send(&format!("{{{answer}, \"id\": {}}}", request["id"]));
    }
}

#[test]
fn the_shell_listens_again() {
    let program = qmpsh().args(["listen", "l.sock"]);
    let socket = program.home().join("l.sock");
    let mut terminal = program.terminal();
    terminal.wait(|screen| screen.row(0) == "listening on l.sock");

    let mut monitor = Monitor::dial(&socket).greet();
    terminal.wait(|screen| screen.line() == "(QEMU)" && screen.text().contains("at l.sock"));
    terminal.type_keys("query-first\r");
    assert_eq!(command(&mut monitor)["execute"], "query-first");
    drop(monitor);
    terminal.wait(|screen| {
        let text = screen.words();
        text.contains(
            "the connection to l.sock was lost: the peer closed the connection; no reply came to `query-first`",
        ) && text.contains("so whether it ran is unknown listening on l.sock")
    });
    terminal.type_keys("query-lost\r");
    terminal.wait(|screen| {
        screen.line() == "(disconnected)" && screen.text().contains("not sent: not connected to l.sock")
    });

    let mut monitor = Monitor::dial(&socket).greet();
    terminal.wait(|screen| screen.text().matches("at l.sock; Ctrl-D leaves").count() == 2);
    monitor.0.send(r#"{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}"#);
    terminal.wait_for(" STOP\n");
    terminal.type_keys("query-second\r");
    let asked = command(&mut monitor);
    monitor.0.send(&format!(r#"{{"return": "answered", "id": {}}}"#, asked["id"]));
    terminal.wait(|screen| screen.line() == "(QEMU)" && screen.text().contains("\n\"answered\""));
    terminal.type_keys(keys::CTRL_D);
    // What the shell asks by itself may still come.
    while let Some(request) = monitor.0.read_text() {
        let queries = ["query-status", "query-name", "query-qmp-schema"];
        assert!(queries.iter().any(|query| request.contains(query)), "{request}");
    }
    assert_eq!(terminal.wait_exit(), 0);
    assert!(!socket.exists());
}

#[test]
fn leaving_the_listening_shell_removes_the_socket() {
    for (keys, before_a_peer, status) in [(keys::CTRL_C, true, 130), (keys::CTRL_D, false, 0)] {
        let program = qmpsh().args(["listen", "l.sock"]);
        let socket = program.home().join("l.sock");
        let mut terminal = program.terminal();
        terminal.wait_for("listening on l.sock");
        if !before_a_peer {
            drop(Monitor::dial(&socket).greet());
            terminal.wait(|screen| screen.text().matches("listening on l.sock").count() == 2);
        }
        assert!(socket.exists());
        terminal.type_keys(keys);
        assert_eq!(terminal.wait_exit(), status);
        assert!(!socket.exists());
    }
}
