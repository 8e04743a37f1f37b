//! `.follow` and `.events`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;

use super::lines;
use crate::shell::{is_at_prompt, shell};
use crate::support::terminal::keys;
use crate::support::{Mock, Qemu, qmpsh};

fn event(name: &str) -> String {
    let time = r#"{"seconds": 1700000000, "microseconds": 5}"#;
    format!("{{\"timestamp\": {time}, \"event\": \"{name}\", \"data\": {{}}}}\n")
}

#[test]
fn follow_prints_events_until_ctrl_c() {
    let mock =
        Mock::interactive().negotiate().pause().event("A", "{}").event("B", "{}").pause().event("A", "{}").unix();
    let mut process = qmpsh().arg(mock.socket()).args([".follow", "A"]).start();
    mock.go_on();
    // Each is there at once.
    assert_eq!(process.read_line() + "\n", event("A"));
    mock.go_on();
    assert_eq!(process.read_line() + "\n", event("A"));
    process.signal(Signal::INT);
    process.wait().status(130).stderr("");
    mock.finish();
}

#[test]
fn follow_ends_after_count_or_timeout() {
    let qemu = Qemu::none().second_monitor().start();
    let mut other = qemu.second_client();
    let mut process = qmpsh().arg(qemu.socket()).args([".follow", "count=2", "STOP|RESUME"]).start();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // When it begins to listen is not told.
        scope.spawn(|| {
            for _ in 0..10_000 {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                other.execute(r#"{"execute":"stop"}"#);
                other.execute(r#"{"execute":"cont"}"#);
            }
        });
        let lines = [process.read_line(), process.read_line()];
        is_over.store(true, Ordering::Relaxed);
        let [first, second] = lines.map(|line| line.contains("\"STOP\""));
        assert!(first != second);
    });
    process.wait().status(0).stderr("");
    let follow = |words: &[&str]| qmpsh().arg(qemu.socket()).arg(".follow").args(words.to_vec()).run();
    follow(&["timeout=0.05"]).status(0).stdout("").stderr("");
    follow(&["timeout=0.05", "count=3"]).status(5).stdout("").stderr("qmpsh: only 0 of 3 events came within 0.05 s\n");
    follow(&["count=0"]).status(2).stderr_contains("not a count of 1 or more");
}

#[test]
fn follow_prints_each_event_before_a_loss() {
    const MANY: u64 = 100_000;
    let mock = Mock::interactive().negotiate().pause().events(MANY).close().unix();
    let program = qmpsh().arg(mock.socket()).args([".follow", "-OTHER"]);
    let mut process = program.start();
    mock.wait_for_pause();
    mock.go_on();
    for n in 0..MANY {
        let line = process.read_line();
        assert!(line.ends_with(&format!("\"data\": {{\"n\": {n}}}}}")), "{n}: {line}");
    }
    process.wait().status(4).stderr_contains("the connection was lost while waiting for the next event: ");
    mock.finish();
}

#[test]
fn follow_timeout_works_while_stdout_is_full() {
    let mock = Mock::interactive().negotiate().events(100_000).unix();
    let output = qmpsh().arg(mock.socket()).args([".follow", "timeout=0.2"]).stdout_unread().run();
    output.status(5).stderr_contains("cannot write the events within 0.2 s");
    mock.abandon();
}

#[test]
fn a_pipeline_of_follow_gets_each_event_at_once() {
    // The last two come in one write: the shell may be gone before another.
    let both = event("B") + &event("C");
    let mock = Mock::interactive().negotiate().pause().event("A", "{}").pause().send(both).unix();
    let mut process = qmpsh().arg(mock.socket()).args(["-c", ".follow count=2 | (echo up; cat; echo end)"]).start();
    // It runs before there is an event.
    assert_eq!(process.read_line(), "up");
    mock.wait_for_pause();
    mock.go_on();
    assert_eq!(process.read_line() + "\n", event("A"));
    mock.wait_for_pause();
    mock.go_on();
    assert_eq!([process.read_line() + "\n", process.read_line()], [event("B"), "end".to_owned()]);
    process.wait().status(0).stderr("");
    mock.finish();
}

#[test]
fn follow_ends_with_its_pipeline() {
    let qemu = Qemu::none().start();
    let follow = |line: &str| lines(&qemu.socket(), &[line, "query-name"]).run();
    follow(".follow | true").status(0).stdout("{}\n").stderr("");
    follow(".follow | exit 3").status(1).stdout("").stderr("-c:1: the pipeline `exit 3` ended with exit status 3\n");
    // qmpsh also waits for it after the timeout.
    follow(".follow timeout=0.05 | (cat; echo end)").status(0).stdout("end\n{}\n").stderr("");
    let late = follow(".follow timeout=0.05 count=1 | (cat; echo end)");
    late.status(5).stdout("end\n").stderr("-c:1: only 0 of 1 events came within 0.05 s\n");
    let mock = Mock::interactive().negotiate().pause().event("A", "{}").event("B", "{}").unix();
    let mut process = qmpsh().arg(mock.socket()).args(["-c", ".follow | (echo up; head -n 1)"]).start();
    assert_eq!(process.read_line(), "up");
    mock.wait_for_pause();
    mock.go_on();
    assert_eq!(process.read_line() + "\n", event("A"));
    process.wait().status(0).stderr("");
    mock.finish();
}

#[test]
fn interrupted_follow_waits_for_its_pipeline() {
    let qemu = Qemu::none().start();
    for line in [".follow | (echo up; cat; echo end)", ".watch 1000 query-name | (echo up; cat >/dev/null; echo end)"] {
        let mut process = lines(&qemu.socket(), &[line, "query-name"]).start();
        assert_eq!(process.read_line(), "up");
        process.signal(Signal::INT);
        assert_eq!(process.read_line(), "end");
        process.wait().status(130).stdout("up\nend\n").stderr("");
    }
}

#[test]
fn events_in_a_pipeline_are_not_also_shown() {
    let mock = Mock::interactive()
        .negotiate()
        .pause()
        .event("A", "{}")
        .event("B", "{}")
        .event("A", "{}")
        .event("A", "{}")
        .pause();
    let mock = mock.expect_execute("c").event("A", "{}").reply("1").unix();
    let line = ".follow count=2 A | (echo up; sed s/.*/one/)";
    let mut process = lines(mock.socket(), &[line, "c"]).args(["--events", "show"]).start();
    assert_eq!(process.read_line(), "up");
    mock.wait_for_pause();
    mock.go_on();
    mock.wait_for_pause();
    mock.go_on();
    let output = process.wait();
    let shown = output.status(0).stderr("").stdout_text();
    let [one, a, b] = ["one\n", &event("A"), &event("B")].map(|line| shown.matches(line).count());
    assert_eq!((one, a, b), (2, 2, 1), "{shown}");
    assert!(shown.ends_with(&format!("{}1\n", event("A"))), "{shown}");
    mock.finish();
}

#[test]
fn followed_events_are_shown_once_and_in_order() {
    let mock = || {
        let mock = Mock::interactive()
            .negotiate()
            .expect_execute("a")
            .event("A", "{}")
            .reply("1")
            .pause()
            .event("B", "{}")
            .event("A", "{}");
        mock.event("C", "{}").pause().expect_execute("b").event("D", "{}").reply("2").unix()
    };
    let [a, b, c, d] = ["A", "B", "C", "D"].map(event);
    for (mode, before, during, after) in [
        ("show", format!("{a}1\n"), format!("{b}{a}"), format!("{c}{d}2\n")),
        ("stderr", "1\n".to_owned(), a.clone(), "2\n".to_owned()),
        ("hide", "1\n".to_owned(), a.clone(), "2\n".to_owned()),
    ] {
        let mock = mock();
        let program = lines(mock.socket(), &["a", ".follow count=1 A", "b"]).args(["--events", mode]);
        let mut process = program.start();
        let mut expect = |text: &str| {
            for line in text.lines() {
                assert_eq!(process.read_line(), line, "{mode}");
            }
        };
        expect(&before);
        mock.wait_for_pause();
        mock.go_on();
        expect(&during);
        mock.wait_for_pause();
        mock.go_on();
        expect(&after);
        let output = process.wait();
        let shown = if mode == "stderr" { format!("{a}{b}{a}{c}{d}") } else { String::new() };
        output.status(0).stderr(&shown);
        mock.finish();
    }
}

#[test]
fn ctrl_c_ends_follow_at_the_prompt() {
    let mock = Mock::interactive()
        .negotiate()
        .expect_execute("query-kvm")
        .reply("\"first\"")
        .pause()
        .event("A", "{}")
        .event("B", "{\"early\": true}")
        .pause()
        .event("B", "{\"followed\": true}")
        .pause()
        .expect_execute("query-version")
        .event("C", "{}")
        .reply("\"web1\"")
        .unix();
    let mut t = shell(mock.socket());
    t.type_keys("\x1b[200~.events A B\nquery-kvm\n.follow B\x1b[201~\r");
    t.wait_for("\n\"first\"");
    mock.go_on();
    // `.follow` has begun when this is shown; perhaps not before it came.
    t.wait(|screen| screen.text().replace('\n', "").contains("early"));
    mock.wait_for_pause();
    mock.go_on();
    // What `.follow` prints is JSON; another event is a line.
    let once = |text: &str| {
        // The JSON takes two rows.
        let joined = text.replace('\n', "");
        let count = |event: &str| joined.matches(event).count();
        text.matches(" A\n").count() == 1 && count("early") == 1 && count("{\"followed\": true}}") == 1
    };
    t.wait(|screen| once(&screen.text()));
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains("interrupted: ") && is_at_prompt(screen));
    mock.go_on();
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().ends_with("query-version\n\"web1\"\n(QEMU)") && once(&screen.text()));
    assert!(!t.screen().text().contains(" C\n"), "{t}");
    t.type_keys(".events\r");
    t.wait(|screen| screen.text().ends_with("events are shown: A, B\n(QEMU)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn events_sets_which_events_are_shown() {
    let mock = || {
        let mut mock = Mock::interactive().negotiate();
        for name in ["a", "b", "c", "d"] {
            mock = mock.expect_execute(name).event("ONE", "{}").event("TWO", "{}").reply("1");
        }
        mock.unix()
    };
    let [one, two] = ["ONE", "TWO"].map(event);
    let batch =
        [".events", "a", ".events on", "b", ".events T*", ".events", "c", ".events off", "d", ".events", ".wait TWO"];
    for (options, to_stderr) in [(&[][..], false), (&["--events", "stderr"][..], true)] {
        let mock = mock();
        let output = lines(mock.socket(), &batch).args(options.to_vec()).run();
        output.status(0);
        let off = "events are not shown\n";
        if to_stderr {
            let results = "all events are shown\n1\n1\nevents are shown: T*\n1\n1\n";
            output.stdout(&format!("{results}{off}{two}"));
            output.stderr(&format!("{one}{two}{one}{two}{two}"));
        } else {
            let shown = format!("{off}1\n{one}{two}1\nevents are shown: T*\n{two}1\n1\n{off}{two}");
            output.stdout(&shown).stderr("");
        }
        mock.finish();
    }
}
