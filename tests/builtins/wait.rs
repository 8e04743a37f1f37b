//! `.wait`.

use super::{is_running, lines};
use crate::shell::{at_prompt, is_at_prompt, is_typed, shell};
use crate::support::terminal::keys;
use crate::support::{Mock, Qemu, qmpsh};

/// An event of the mock server as it is printed.
fn event(name: &str, data: &str) -> String {
    let time = r#"{"seconds": 1700000000, "microseconds": 5}"#;
    format!("{{\"timestamp\": {time}, \"event\": \"{name}\", \"data\": {data}}}\n")
}

#[test]
fn wait_finds_device_deleted_a_hundred_times() {
    let qemu = Qemu::q35().args(["-device", "qemu-xhci,id=usb"]).start();
    let once = "device_add driver=usb-tablet id=x\ndevice_del id=x\n.wait timeout=60 DEVICE_DELETED device=x\n";
    let output = qmpsh().arg(qemu.socket()).stdin(once.repeat(100)).run();
    output.status(0).stderr("");
    let text = output.stdout_text();
    let mut shown = text.lines();
    for _ in 0..100 {
        assert_eq!((shown.next(), shown.next()), (Some("{}"), Some("{}")));
        let deleted = shown.next().unwrap_or_default();
        assert!(deleted.contains(r#""event": "DEVICE_DELETED", "data": {"device": "x""#), "{deleted}");
    }
    assert_eq!(shown.next(), None);
}

#[test]
fn wait_finds_an_event_that_came_before_the_reply() {
    let daemon = Qemu::storage_daemon().start();
    let disk = |name: &str| format!("blockdev-add driver=null-co node-name={name} size=65536");
    let backup = |id: &str, target: &str| format!("blockdev-backup job-id={id} device=src target={target} sync=full");
    let batch = [
        &disk("src"),
        &disk("d1"),
        &disk("d2"),
        &backup("b1", "d1"),
        &backup("b2", "d2"),
        ".wait timeout=60 BLOCK_JOB_COMPLETED device=b1",
        ".wait timeout=60 fail=BLOCK_JOB_ERROR BLOCK_JOB_COMPLETED|BLOCK_JOB_CANCELLED device=b?",
        ".wait timeout=60 JOB_STATUS_CHANGE id=b1 status=null",
    ];
    let output = lines(&daemon.socket(), &batch).run();
    output.status(0).stderr("");
    let text = output.stdout_text();
    let found: Vec<&str> = text.lines().skip(5).collect();
    let parts = [r#""device": "b1""#, r#""device": "b2""#, r#""status": "null""#];
    assert_eq!(found.len(), parts.len(), "{text}");
    for (line, part) in found.iter().zip(parts) {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn wait_finds_shutdown_after_the_connection_ended() {
    let qemu = Qemu::none().start();
    let output = lines(&qemu.socket(), &["quit", ".wait SHUTDOWN reason=host-qmp-quit guest=false"]).run();
    output.status(0).stdout_contains("\"SHUTDOWN\"");
    let qemu = Qemu::none().start();
    let output = lines(&qemu.socket(), &["quit", ".wait STOP"]).run();
    output.status(4).stdout("{}\n").stderr_contains("-c:2: ").stderr_contains("`STOP`");
}

#[test]
fn wait_ends_after_its_timeout() {
    let mock = || Mock::interactive().negotiate().expect_execute("a").event("B", r#"{"x": 1}"#).reply("{}").unix();
    let played = mock();
    let output = lines(played.socket(), &["a", ".wait timeout=0.05 B x=2", ".wait B"]).run();
    output.status(5).stdout("{}\n").stderr("-c:2: no `B x=2` within 0.05 s\n");
    played.finish();
    // --timeout is for those that say nothing; and a batch can go on.
    let played = mock();
    let output = lines(played.socket(), &["a", ".wait C", ".wait timeout=0 B", ".wait timeout=0 B"]);
    let output = output.args(["-k", "-t", "2"]).run();
    output.status(5).stdout(&format!("{{}}\n{}", event("B", r#"{"x": 1}"#)));
    output.stderr("-c:2: no `C` within 2 s\n-c:4: no `B` within 0 s\n");
    played.finish();
}

#[test]
fn wait_warns_of_an_event_the_schema_does_not_have() {
    let qemu = Qemu::none().start();
    let wait = ".wait timeout=0.05 fail=SHUTDOWN stop|RESUME|NO_*";
    let unknown = lines(&qemu.socket(), &[wait]).run();
    unknown.status(5).stderr("-c:1: no `stop|RESUME|NO_*` within 0.05 s\n");
    let known = lines(&qemu.socket(), &[".try query-nothing", wait]).run();
    known.status(5).stderr_contains("the peer's schema has no event `stop` (did you mean STOP?)\n");
    assert_eq!(known.stderr_text().matches("has no event").count(), 1);
}

#[test]
fn wait_fails_on_an_event_that_means_failure() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .event("FAILED", r#"{"device": "y"}"#)
        .event("FAILED", r#"{"device": "x"}"#)
        .event("DONE", r#"{"device": "x"}"#)
        .reply("{}")
        .unix();
    let wait = ".wait fail=FAIL* DONE device=x";
    let output = lines(mock.socket(), &["a", wait, wait]).args(["-k"]).run();
    let (failed, done) = (event("FAILED", r#"{"device": "x"}"#), event("DONE", r#"{"device": "x"}"#));
    output.status(1).stdout(&format!("{{}}\n{failed}{done}"));
    output.stderr("-c:2: FAILED came while waiting for `DONE device=x`\n");
    mock.finish();
}

#[test]
fn a_lost_connection_ends_wait() {
    let mock = Mock::interactive().negotiate().expect_execute("a").reply("{}").event("B", "{}").close().unix();
    let output = lines(mock.socket(), &["a", ".wait B", ".wait C"]).run();
    output.status(4).stdout(&format!("{{}}\n{}", event("B", "{}")));
    output.stderr_contains("-c:3: the connection was lost while waiting for `C`: ");
    mock.finish();
}

#[test]
fn wait_looks_back_to_the_first_command_after_a_wait() {
    let mock = || {
        Mock::interactive()
            .negotiate()
            .event("EARLY", "{}")
            .expect_execute("a")
            .event("ONE", "{}")
            .reply("1")
            .expect_execute("b")
            .event("TWO", "{}")
            .reply("2")
            .event("THREE", "{}")
            .expect_execute("query-qmp-schema")
            .error("CommandNotFound", "no")
            .expect_execute("c")
            .reply("3")
            .unix()
    };
    let batch = [
        ".wait EARLY",
        "a",
        "b",
        ".wait TWO",
        ".wait ONE",
        // What the shell asks by itself, because of the number, is no command.
        "c x=1",
        ".wait timeout=0 ONE",
        ".wait timeout=0 TWO",
    ];
    let [early, one, two] = ["EARLY", "ONE", "TWO"].map(|name| event(name, "{}"));
    for in_flight in ["1", "8"] {
        let mock = mock();
        let output = lines(mock.socket(), &batch).args(["-k", "--pipeline", in_flight]).run();
        output.status(5).stdout(&format!("{early}1\n2\n{two}{one}3\n"));
        output.stderr("-c:7: no `ONE` within 0 s\n-c:8: no `TWO` within 0 s\n");
        mock.finish();
    }
}

#[test]
fn ctrl_c_ends_wait() {
    let mock = Mock::interactive().negotiate().event("A", "{}").pause().unix();
    let mut process = lines(mock.socket(), &[".wait A", ".wait B"]).args(["--events", "stderr"]).start();
    assert_eq!(process.read_line() + "\n", event("A", "{}"));
    process.signal(rustix::process::Signal::INT);
    process.wait().status(130).stderr(&event("A", "{}"));
    mock.go_on();
    mock.finish();
}

#[test]
fn wait_reports_forgotten_events() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("a")
        .events(100_001)
        .reply("1")
        .expect_execute("b")
        .reply("2")
        .unix();
    let output = lines(mock.socket(), &["a", ".wait FLOOD n=0", "b", ".wait timeout=0 FLOOD"]).args(["-k"]).run();
    output.status(5).stdout("1\n2\n");
    output.stderr(
        "-c:2: cannot tell whether `FLOOD n=0` has come: since the last .wait more events have come than qmpsh keeps (100000, or 8 MiB); the next command starts anew\n-c:4: no `FLOOD` within 0 s\n",
    );
    mock.finish();
}

#[test]
fn an_awaited_event_is_shown_once_and_in_order() {
    let [a, b, c] = ["A", "B", "C"].map(|name| event(name, "{}"));
    // All at once: qmpsh ends when B has come.
    let came = || Mock::interactive().negotiate().send([a.as_str(), &b, &c].concat()).unix();
    for (mode, shown, on_stderr) in [
        ("show", format!("{a}{b}{c}"), String::new()),
        ("stderr", b.clone(), format!("{a}{b}{c}")),
        ("hide", b.clone(), String::new()),
    ] {
        let mock = came();
        let output = qmpsh().args(["--events", mode]).arg(mock.socket()).args([".wait", "B"]).run();
        output.status(0).stdout(&shown).stderr(&on_stderr);
        mock.finish();
    }
    // It was shown before it was waited for, and is the answer.
    let mock = Mock::interactive().negotiate().expect_execute("a").event("A", "{}").event("B", "{}").reply("1").unix();
    let output = lines(mock.socket(), &["a", ".wait A"]).args(["--events", "show"]).run();
    output.status(0).stdout(&format!("{a}{b}1\n{a}")).stderr("");
    mock.finish();
}

#[test]
fn wait_prints_the_event_in_each_output_form() {
    let mock = || Mock::interactive().negotiate().event("A", r#"{"x": [1]}"#).unix();
    for (mode, expected) in [
        ("json", event("A", r#"{"x": [1]}"#)),
        ("raw", event("A", r#"{"x": [1]}"#)),
        (
            "pretty",
            "{\n  \"timestamp\": {\n    \"seconds\": 1700000000,\n    \"microseconds\": 5\n  },\n  \"event\": \"A\",\n  \
             \"data\": {\n    \"x\": [\n      1\n    ]\n  }\n}\n"
                .to_owned(),
        ),
    ] {
        let played = mock();
        // The words of a command line are finished: quotes are characters of the value.
        qmpsh().args(["-o", mode]).arg(played.socket()).args([".wait", "A", "x=[[]1]"]).run().status(0).stdout(&expected);
        played.finish();
    }
}

#[test]
fn a_syntax_error_of_wait_has_a_caret() {
    let mock = Mock::interactive().negotiate().unix();
    let output = lines(mock.socket(), &[".wait STOP RESUME"]).run();
    output.status(2).stdout("");
    output.stderr(
        "-c:1:12: not PATH=VALUE (to wait for one of several events, write EVENT|EVENT)\n  \
         .wait STOP RESUME\n             ^^^^^^\n",
    );
    mock.finish();
}

#[test]
fn wait_at_the_prompt_keeps_events_in_order() {
    let mock = Mock::interactive()
        .negotiate()
        .pause()
        .event("ONE", "{}")
        .event("TWO", "{}")
        .event("THREE", "{}")
        .pause()
        .event("FOUR", "{}")
        .pause()
        .event("FIVE", "{}")
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys(".wait TWO\r");
    t.wait(|screen| is_running(screen, ".wait TWO"));
    mock.go_on();
    // The result is indented. If it was shown as an event too, then because that came before the shell had begun to wait.
    t.wait(|screen| {
        let text = screen.text();
        let places: Vec<_> = [" ONE\n", "\"event\": \"TWO\",\n"].map(|part| text.find(part)).into();
        places.iter().all(Option::is_some) && places.is_sorted() && text.contains(" THREE\n") && is_at_prompt(screen)
    });
    // The second line is run when the first has got its event.
    t.type_keys("\x1b[200~.wait FOUR\n.wait SIX\x1b[201~\r");
    mock.wait_for_pause();
    mock.go_on();
    // All of it: while a result is being shown Ctrl-C cuts it short.
    t.wait(|screen| screen.text().split_once("\"FOUR\",\n").is_some_and(|(_, rest)| rest.contains("\n}")));
    t.type_keys("query-half");
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| {
        screen.text().contains("interrupted: stopped waiting for `SIX`") && is_typed(screen, "query-half", 0)
    });
    mock.go_on();
    t.wait(|screen| screen.text().contains(" FIVE\n") && is_typed(screen, "query-half", 0));
    t.type_keys("\x15.wait timeout=0.05 SIX\r");
    t.wait(|screen| screen.text().contains("no `SIX` within 0.05 s") && is_at_prompt(screen));
    // It was shown before, and is shown as the answer.
    t.type_keys(".wait ONE\r");
    t.wait(|screen| screen.text().contains("\"event\": \"ONE\",\n") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
    mock.finish();
}

#[test]
fn a_lost_connection_ends_wait_at_the_prompt() {
    let mut qemu = Qemu::none().start();
    let mut t = at_prompt(qmpsh().args(["--events", "hide"]).arg(qemu.socket()));
    t.type_keys(".wait STOP\r");
    t.wait(|screen| is_running(screen, ".wait STOP"));
    qemu.signal(rustix::process::Signal::KILL);
    qemu.wait();
    t.wait(|screen| screen.text().contains("the connection to ") && screen.text().ends_with("(disconnected)"));
    t.type_keys(".wait STOP\r");
    t.wait_for("`STOP` cannot come: not connected");
}
