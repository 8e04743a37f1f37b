//! `.try`, `.watch`, `.oob`.

use super::lines;
use crate::shell::{is_at_prompt, shell};
use crate::support::terminal::keys;
use crate::support::{Mock, Qemu, qmpsh};

#[test]
fn try_shows_a_refusal_without_failing() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    let tried = lines(&socket, &[".try device_del id=nobody", "query-name"]).run();
    tried.status(0).stdout("{}\n").stderr_contains("-c:1: DeviceNotFound: Device 'nobody' not found\n");
    // Other failures stay what they are.
    lines(&socket, &[".try x="]).run().status(2).stdout("");
    lines(&socket, &[".try"])
        .run()
        .status(2)
        .stdout("")
        .stderr("-c:1:2: a command is missing (usage: .try COMMAND)\n  .try\n   ^^^\n");
    lines(&socket, &[".try .try query-nothing"]).run().status(0).stdout("");
    let mock = Mock::new().negotiate().expect_execute("stop").close().unix();
    lines(mock.socket(), &[".try stop"]).run().status(4);
    mock.finish();
}

#[test]
fn watch_repeats_a_command() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    lines(&socket, &[".watch 0 count=3 query-name"]).run().status(0).stdout("{}\n{}\n{}\n");
    lines(&socket, &[".watch 0 query-nothing", "query-name"]).run().status(1).stdout("");
    let tried = lines(&socket, &[".watch 0 count=2 .try query-nothing", "query-name"]).run();
    assert_eq!(tried.status(0).stdout("{}\n").stderr_text().matches("CommandNotFound").count(), 2);
    lines(&socket, &[".watch 0 count=2 .watch 0 count=2 query-name"]).run().status(0).stdout("{}\n{}\n{}\n{}\n");
    qmpsh().arg(&socket).args([".watch", "0", "count=2", "query-name"]).run().status(0).stdout("{}\n{}\n");
}

#[test]
fn ctrl_c_ends_watch_and_keeps_the_session() {
    let qemu = Qemu::none().start();
    let mut t = shell(&qemu.socket());
    t.type_keys(".watch 3600 query-name\r");
    t.wait(|screen| screen.text().contains("(QEMU) .watch 3600 query-name\n") && screen.text().ends_with("\n{}"));
    t.type_keys(keys::CTRL_C);
    t.wait(|screen| {
        let text = screen.text();
        let cut = text.contains("the rest of the result is not shown");
        (cut || text.contains("interrupted: ")) && is_at_prompt(screen)
    });
    t.type_keys(".try query-nothing\r");
    t.wait(|screen| screen.text().contains("CommandNotFound") && is_at_prompt(screen));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
}

#[test]
fn watch_marks_what_has_changed() {
    let reply = |n: u32, s: &str| format!(r#"{{"n": {n}, "s": "{s}"}}"#);
    for (color, output) in [("auto", "pretty"), ("never", "pretty"), ("auto", "table"), ("auto", "json")] {
        let mock = Mock::new()
            .negotiate()
            .expect_execute("a")
            .reply(&reply(1, "x"))
            .expect_execute("a")
            .reply(&reply(2, "x"))
            .unix();
        let options = ["--color", color, "-o", output];
        let mut t = qmpsh().args(options).arg(mock.socket()).args([".watch", "0", "count=2", "a"]).terminal();
        assert_eq!(t.wait_exit(), 0);
        mock.finish();
        let screen = t.screen();
        let is_for_person = output != "json";
        let times = screen.text().lines().filter(|line| line.len() == 8 && line.matches(':').count() == 2).count();
        assert_eq!(times, if is_for_person { 2 } else { 0 }, "{}", screen.text());
        assert_eq!(screen.reversed(), if is_for_person { "2" } else { "" }, "{color} {output}\n{}", screen.text());
    }
}

#[test]
fn watch_runs_every_two_seconds_if_no_time_is_given() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    lines(&socket, &[".watch count=1 query-name"]).run().status(0).stdout("{}\n");
    lines(&socket, &[".watch 0 count=2 query-name | cat"]).run().status(0).stdout("{}\n{}\n");
    qmpsh().arg(&socket).args([".watch", "count=1", "query-name"]).run().status(0).stdout("{}\n");
    lines(&socket, &[".watch -1 query-name"]).run().status(2).stderr_contains("not a time in seconds");
    lines(&socket, &[".watch 1"]).run().status(2).stderr_contains("a command is missing");
    let mut t = shell(&socket);
    t.type_keys(".watch query-name\r");
    t.wait(|screen| screen.text().matches("\n{}").count() == 2);
    t.type_keys(keys::CTRL_C);
    t.wait(is_at_prompt);
}

#[test]
fn oob_sends_a_command_out_of_band() {
    let mock = Mock::new()
        .negotiate()
        .expect_text(r#"{"exec-oob":"yank","arguments":{"instances":[]},"id":1}"#)
        .reply("{}")
        .unix();
    lines(mock.socket(), &[".oob yank instances=[]"]).run().status(0).stdout("{}\n");
    mock.finish();
    let mock = Mock::new().negotiate().expect_text(r#"{"exec-oob":"migrate-pause","id":1}"#).reply("{}").unix();
    qmpsh().arg(mock.socket()).args([".try", ".oob", "migrate-pause"]).run().status(0);
    mock.finish();
    let qemu = Qemu::none().start();
    let refused = lines(&qemu.socket(), &[".oob query-name"]).run();
    assert!(refused.status(1).stderr_text().contains("does not support OOB"), "{refused:?}");
    lines(&qemu.socket(), &[".oob yank instances=[]"]).run().status(0).stdout("{}\n");
    qmpsh().arg(qemu.socket()).args([".oob", "yank", "instances=[]"]).run().status(0).stdout("{}\n");
    let own = lines(&qemu.socket(), &[".oob .status"]).run();
    assert!(own.status(2).stderr_text().contains("only a command for the peer can go out of band"), "{own:?}");
}
