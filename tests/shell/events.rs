//! Events above the line being typed.

use super::{at_prompt, is_at_prompt, is_typed, is_typed_behind, shell, shell_with_history};
use crate::support::mock::Mock;
use crate::support::terminal::{Screen, Terminal, keys, without_colors};
use crate::support::{Qemu, qmpsh, sh};

#[test]
fn an_event_leaves_the_typed_line_unchanged() {
    for no_color in [false, true] {
        let qemu = Qemu::q35().second_monitor().start();
        let program = qmpsh().arg(qemu.socket());
        let mut t = at_prompt(if no_color { program.env("NO_COLOR", "1") } else { program });
        t.type_keys("query-status half");
        t.type_keys(&keys::LEFT.repeat(7));
        t.wait(|screen| is_typed(screen, "query-status half", 7));
        qemu.second_client().execute(r#"{"execute":"stop"}"#);
        let paused = |screen: &Screen, text| is_typed_behind(screen, "(QEMU paused)", text, 7);
        t.wait(|screen| screen.text().contains(" STOP\n") && paused(screen, "query-status half"));
        // The key comes where the cursor is.
        t.type_keys("X");
        t.wait(|screen| paused(screen, "query-statXus half"));
    }
}

#[test]
fn an_event_during_a_search_or_paste_is_shown_after_it() {
    let mock = Mock::interactive().negotiate().pause().event("ONE", "{}").pause().event("TWO", "{}").unix();
    let mut t = shell_with_history(mock.socket());
    t.type_keys(keys::CTRL_R);
    t.wait_for("reverse-i-search");
    mock.go_on();
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| screen.text().contains(" ONE\n") && is_at_prompt(screen));
    t.type_keys(keys::ESCAPE);
    mock.go_on();
    t.wait(|screen| screen.text().contains(" TWO\n"));
    drop(t);
    mock.finish();
}

/// How many events were shown, and how many of them counted.
fn shown_and_counted(t: &Terminal, name: &str) -> (u64, u64) {
    let text = without_colors(&t.raw());
    let shown = text.matches(&format!(" {name} n=")).count() as u64;
    let counted = text.split("… ").skip(1).filter_map(|rest| {
        let (count, rest) = rest.split_once(" more ")?;
        rest.starts_with(name).then(|| count.replace(',', "").parse::<u64>().ok()).flatten()
    });
    (shown, counted.sum())
}

#[test]
fn an_event_storm_is_counted_and_the_next_command_answered() {
    const SENT: u64 = 60_000;
    let mock =
        Mock::interactive().negotiate().pause().events(SENT).expect_execute("query-version").reply("\"web1\"").unix();
    let mut t = shell(mock.socket());
    t.type_keys("query-versxon");
    t.type_keys(&keys::LEFT.repeat(2));
    t.wait(|screen| is_typed(screen, "query-versxon", 2));
    mock.go_on();
    let end = format!(" FLOOD n={}\n", SENT - 1);
    t.wait(|screen| screen.text().contains(&end) && is_typed(screen, "query-versxon", 2));
    t.type_keys("\x7fi\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) query-version\n\"web1\"\n(QEMU)"));
    let (shown, counted) = shown_and_counted(&t, "FLOOD");
    assert_eq!(shown + counted, SENT, "shown {shown}, counted {counted}");
    assert!(counted > 0, "so many cannot all be shown");
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    mock.finish();
}

#[test]
fn an_event_storm_before_a_reply_is_shown_before_it() {
    const SENT: u64 = 20_000;
    let mock = Mock::interactive().negotiate().expect_execute("query-version").events(SENT).reply("\"web1\"").unix();
    let mut t = shell(mock.socket());
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().ends_with(&format!(" FLOOD n={}\n\"web1\"\n(QEMU)", SENT - 1)));
    let (shown, counted) = shown_and_counted(&t, "FLOOD");
    assert_eq!(shown + counted, SENT, "shown {shown}, counted {counted}");
}

#[test]
fn events_can_be_hidden() {
    let mock = Mock::interactive().negotiate().expect_execute("query-version").event("STOP", "{}").reply("{}").unix();
    let mut t = at_prompt(qmpsh().args(["--events", "hide"]).arg(mock.socket()));
    t.type_keys("query-version\r");
    t.wait(|screen| screen.text().ends_with("query-version\n{}\n(QEMU)"));
    assert!(!t.screen().text().contains("STOP"));
}

#[test]
fn an_event_is_a_line_with_its_time() {
    let events = r#"{"event": "ONE", "timestamp": {"seconds": 1700000000, "microseconds": 5999},
        "data": {"device": "my disk", "info": {"size": 1, "l": [true, "a"]}}}"#;
    let mock = Mock::interactive()
        .negotiate()
        .pause()
        .send(events.replace('\n', ""))
        .send(r#"{"event": "TWO", "timestamp": {"seconds": -1, "microseconds": -1}, "data": {"x": 1}}"#)
        .send(format!(
            r#"{{"event": "LONG", "timestamp": {{"seconds": 0, "microseconds": 0}}, "data": {{"x": "{}"}}}}"#,
            "x".repeat(100)
        ))
        .unix();
    let mut t = at_prompt(qmpsh().env("TZ", "UTC-2").arg(mock.socket()));
    t.type_keys("query-sta");
    t.wait(|screen| is_typed(screen, "query-sta", 0));
    mock.go_on();
    let long = format!("02:00:00.000 LONG\n  x={}\n  {}\n", "x".repeat(76), "x".repeat(24));
    let screen = t.wait(|screen| screen.text().contains(&long) && is_typed(screen, "query-sta", 0));
    assert!(
        screen.text().contains(
            "\n00:13:20.005 ONE device=\"my disk\" info.size=1 info.l.0=true info.l.1=a\nTWO x=1\n02:00:00.000 LONG"
        ),
        "{}",
        screen.text()
    );
    assert_eq!(screen.color_of("ONE"), Some(vt100::Color::Idx(136)));
    drop(t);
    mock.finish();
}

#[test]
fn an_event_is_json_in_output_forms_for_programs() {
    for form in ["json", "raw"] {
        let qemu = Qemu::none().start();
        let mut t = shell(&qemu.socket());
        t.type_keys(&format!(".output {form}\r"));
        t.wait(|screen| screen.text().contains("(QEMU) .output") && is_at_prompt(screen));
        t.type_keys("stop\r");
        t.wait(|screen| screen.text().contains(r#"}, "event": "STOP"}"#) && screen.line() == "(QEMU paused)");
        t.type_keys(".output pretty\r");
        t.wait(|screen| screen.text().ends_with("(QEMU paused) .output pretty\n(QEMU paused)"));
        t.type_keys("cont\r");
        t.wait(|screen| screen.text().contains(" RESUME\n{}") && is_at_prompt(screen));
    }
}

#[test]
fn events_on_stderr_are_lines() {
    let qemu = Qemu::none().start();
    let program = sh(r#""$0" --events stderr "$1" 2>errors"#).arg(qemu.socket());
    let file = program.home().join("errors");
    let mut t = at_prompt(program);
    t.type_keys("stop\r");
    t.wait(|screen| screen.text().ends_with("(QEMU) stop\n{}\n(QEMU paused)"));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    let errors = std::fs::read_to_string(file).unwrap();
    let (time, rest) = errors.split_once(' ').unwrap();
    assert_eq!((time.len(), rest), ("17:47:33.185".len(), "STOP\n"), "{errors}");
}
