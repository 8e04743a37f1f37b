//! Peers that dial in to `qmpsh listen` and fail at each step of the handshake.

use super::{GREETING, Monitor};
use crate::support::{qmpsh, temporary_directory};

/// What the warning about it says, and a peer that fails so far.
type Fault<'a> = (&'a str, Box<dyn Fn() -> Monitor + 'a>);

#[test]
fn a_peer_that_fails_at_any_step_does_not_block_the_next() {
    let directory = temporary_directory();
    let socket = directory.path().join("l.sock");
    let mut process = qmpsh().arg("listen").arg(&socket).args(["-c", "query-status"]).start();
    assert!(process.read_stderr_line().starts_with("listening on "));
    let negotiating = || {
        let mut monitor = Monitor::dial(&socket);
        monitor.0.send(GREETING);
        let request = monitor.0.read();
        assert_eq!(request["execute"], "qmp_capabilities");
        (monitor, request["id"].clone())
    };
    let greeted = || negotiating().0;
    let refused = || {
        let (monitor, id) = negotiating();
        said(monitor, &format!(r#"{{"error": {{"class": "GenericError", "desc": "no"}}, "id": {id}}}"#))
    };
    let faults: [Fault<'_>; 7] = [
        ("closed the connection", Box::new(|| Monitor::dial(&socket))),
        ("in the middle of its greeting", Box::new(|| said(Monitor::dial(&socket), &GREETING[..40]))),
        ("greeting", Box::new(|| said(Monitor::dial(&socket), r#"{"QMP": 1}"#))),
        ("greeting", Box::new(|| said(Monitor::dial(&socket), r#"{"return": {}}"#))),
        ("negotiation failed", Box::new(refused)),
        ("negotiation", Box::new(&greeted)),
        ("negotiation", Box::new(|| said(greeted(), r#"{"return": {"#))),
    ];
    for (why, fault) in faults {
        drop(fault());
        let warning = process.read_stderr_line();
        assert!(warning.contains("WARN") && warning.contains(why), "`{why}` is not in: {warning}");
    }
    let mut monitor = Monitor::dial(&socket).greet();
    monitor.answer("query-status", "{}");
    process.wait().stdout("{}\n").status(0);
}

fn said(mut monitor: Monitor, text: &str) -> Monitor {
    monitor.0.send(text);
    monitor
}
