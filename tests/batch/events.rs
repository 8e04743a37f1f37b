//! `--events` in a batch: shown, hidden, on stderr, and in order of arrival.

use super::at;
use crate::support::{Mock, Qemu};

fn event(name: &str) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1700000000, \"microseconds\": 5}}, \"event\": \"{name}\", \"data\": {{}}}}\n"
    )
}

#[test]
fn events_are_hidden_by_default() {
    for args in [&[][..], &["--events", "hide"]] {
        let mock = Mock::interactive().negotiate().expect_execute("a").event("ONE", "{}").reply("1").unix();
        at(mock.socket()).args(args).arg("a").run().stdout("1\n").stderr("").status(0);
        mock.finish();
    }
}

#[test]
fn events_are_printed_in_order_of_arrival() {
    let mock = || {
        Mock::interactive()
            .event("EARLY", "{}")
            .greeting()
            .expect_execute("qmp_capabilities")
            .event("DURING", "{}")
            .reply("{}")
            .expect_execute("a")
            .event("BEFORE", "{}")
            .reply("1")
            .event("AFTER", "{}")
            .expect_execute("b")
            .reply("2")
            .expect_execute("c")
            .event("BEFORE_C", "{}")
            .error("GenericError", "no")
            .event("LAST", "{}")
            .close()
            .unix()
    };
    let events = |names: &[&str]| names.iter().map(|name| event(name)).collect::<String>();
    let shown = mock();
    let output = at(shown.socket()).args(["--events", "show"]).stdin("a\nb\nc\n").run();
    let before = events(&["EARLY", "DURING", "BEFORE"]);
    let after = events(&["AFTER"]);
    let expected = format!("{before}1\n{after}2\n{}", events(&["BEFORE_C"]));
    let text = output.stdout_text();
    assert!(text.starts_with(&expected), "{output}");
    output.status(1).stderr("stdin:3: GenericError: no\n");
    shown.finish();
}

#[test]
fn events_in_the_same_read_as_a_reply_are_printed_after_it() {
    // All in one write: what follows a reply has come when the reply is handled.
    let burst = format!(
        "{}{{\"return\": 1, \"id\": 1}}{}{{\"return\": 9, \"id\": 9}}{}",
        event("BEFORE").trim_end(),
        event("AFTER").trim_end(),
        event("LATER").trim_end()
    );
    let expected = format!("{}1\n{}{}2\n", event("BEFORE"), event("AFTER"), event("LATER"));
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .send(burst.as_bytes())
        .expect_execute("b")
        .reply_latest("2")
        .unix();
    at(mock.socket()).args(["--events", "show"]).stdin("a\nb\n").run().stdout(&expected).status(0);
    mock.finish();
    let mock = Mock::interactive().negotiate().expect_execute("a").send(burst.as_bytes()).close().unix();
    let expected = format!("{}1\n{}{}", event("BEFORE"), event("AFTER"), event("LATER"));
    at(mock.socket()).args(["--events", "show", "a"]).run().stdout(&expected).status(0);
    mock.finish();
}

#[test]
fn events_on_stderr_are_not_on_stdout() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .event("ONE", "{}")
        .reply("1")
        .expect_execute("b")
        .event("TWO", "{}")
        .error("GenericError", "no")
        .unix();
    let output = at(mock.socket()).args(["--events", "stderr"]).stdin("a\nb\n").run();
    output.stdout("1\n").status(1);
    output.stderr(&format!("{}{}stdin:2: GenericError: no\n", event("ONE"), event("TWO")));
    mock.finish();
}

#[test]
fn events_are_printed_while_a_reply_is_awaited() {
    let mock = Mock::interactive()
        .negotiate()
        .pause()
        .event("WHILE_READING", "{}")
        .expect_execute("a")
        .event("WHILE_RUNNING", "{}");
    let mock = mock.pause().reply("1").unix();
    let mut process = at(mock.socket()).args(["--events", "show"]).start();
    mock.go_on();
    assert!(process.read_line().contains("WHILE_READING"));
    process.line("a");
    assert!(process.read_line().contains("WHILE_RUNNING"));
    mock.go_on();
    assert_eq!(process.read_line(), "1");
    process.wait().status(0);
    mock.finish();
}

#[test]
fn an_event_of_a_real_qemu_is_printed() {
    let qemu = Qemu::none().pretty().start();
    let output = at(&qemu.socket()).args(["--events", "show"]).stdin("stop\ncont\n").run();
    let text = output.stdout_text();
    let lines: Vec<&str> = text.lines().collect();
    let shown = |line: &str| {
        if line == "{}" {
            "reply"
        } else if line.contains("\"STOP\"") {
            "STOP"
        } else {
            "RESUME"
        }
    };
    assert_eq!(lines.into_iter().map(shown).collect::<Vec<_>>(), ["STOP", "reply", "RESUME", "reply"], "{output}");
    output.status(0).stderr("");
}

#[test]
fn no_event_before_a_reply_is_lost() {
    const MANY: u64 = 300_000;
    let mock = Mock::interactive().negotiate().expect_execute("a").events(MANY).reply("1").unix();
    let program = at(mock.socket());
    let path = program.home().join("out");
    let output = program.stdout_to(&path).args(["--events", "show", "a"]).run();
    output.stderr("").status(0);
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    for n in 0..MANY {
        let line = lines.next().unwrap_or_default();
        assert!(line.ends_with(&format!("\"data\": {{\"n\": {n}}}}}")), "{n}: {line}");
    }
    assert_eq!(lines.collect::<Vec<_>>(), ["1"]);
    mock.finish();
}
