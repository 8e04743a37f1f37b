//! Peers that close, reset or stay silent at each step of the handshake and of a reply.

use std::ffi::OsStr;

use crate::support::mock::GREETING;
use crate::support::{Mock, qmpsh};

/// How far a conversation comes before its end, as a script; the last step is only half done.
fn up_to(step: usize) -> Mock {
    let half = &GREETING[..GREETING.len() / 2];
    match step {
        0 => Mock::new(),
        1 => Mock::new().send(half),
        2 => Mock::new().greeting(),
        3 => Mock::new().greeting().expect_execute("qmp_capabilities"),
        4 => Mock::new().greeting().expect_execute("qmp_capabilities").send("{\"return\": {"),
        5 => Mock::new().negotiate(),
        6 => Mock::new().negotiate().expect_execute("query-status"),
        7 => Mock::new().negotiate().expect_execute("query-status").send("{\"return\": {\"status\": \"run"),
        8 => Mock::new().negotiate().expect_execute("query-status").reply("{}"),
        _ => unreachable!("there are nine steps"),
    }
}

/// The step from which on there is a session, and the one at which the work is done.
const SESSION: usize = 5;
const DONE: usize = 8;

fn check(step: usize, how: &str, address: &OsStr) {
    let output = qmpsh().arg(address).arg("query-status").run();
    let said = output.stderr_text();
    let place = format!("step {step}, {how}: {output:?}");
    assert!(!said.contains("panicked"), "{place}");
    // What the kernel does with a reply that a reset follows is not ours.
    let statuses: &[i32] = match step {
        _ if step < SESSION => &[3],
        DONE if how == "reset" => &[0, 4],
        DONE => &[0],
        _ => &[4],
    };
    let status = output.code().unwrap_or(-1);
    assert!(statuses.contains(&status), "{place}");
    assert_eq!(said.matches("qmpsh: ").count(), usize::from(status != 0), "{place}");
    assert_eq!(output.stdout_text(), if status == 0 { "{}\n" } else { "" }, "{place}");
}

#[test]
fn a_close_or_reset_at_each_handshake_step_is_no_session() {
    for step in 0..=DONE {
        let mock = up_to(step).close().unix();
        check(step, "close", mock.socket().as_os_str());
        mock.finish();
        let mock = up_to(step).close().tcp();
        check(step, "close", mock.tcp().to_string().as_ref());
        mock.finish();
        let mock = up_to(step).reset().tcp();
        check(step, "reset", mock.tcp().to_string().as_ref());
        mock.finish();
    }
}

#[test]
fn silence_at_each_handshake_step_hits_the_connect_timeout() {
    for step in 0..SESSION {
        let mock = up_to(step).hold_without_reading().unix();
        let output = qmpsh().args(["--connect-timeout", "0.05"]).arg(mock.socket()).arg("query-status").run();
        let said = output.status(3).stdout("").stderr_text();
        assert!(said.contains("within 0.05 s"), "step {step}: {said}");
        mock.finish();
    }
}
