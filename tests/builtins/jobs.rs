//! `.jobs` and `.job`, on a real storage daemon or a mock.

use std::path::Path;

use serde_json::Value;

use super::lines;
use crate::support::output::Output;
use crate::support::terminal::{Screen, Terminal, keys};
use crate::support::{Mock, QMPSH, Qemu, qmpsh, sh};

const SIZE: u64 = 64 << 20;

/// A storage daemon with disks of 64 MiB: an empty one, `src`, one with something in it, `data`, and one that takes everything, `dst`.
fn daemon() -> Qemu {
    let null = |name: &str| format!("driver=null-co,node-name={name},size={SIZE},read-zeroes=on");
    // What is not known to be zeroes is really written.
    let data = format!("driver=null-co,node-name=data,size={SIZE},read-zeroes=off");
    let disks = ["--blockdev", &null("src"), "--blockdev", &null("dst"), "--blockdev", &data];
    Qemu::storage_daemon().args(disks).second_monitor().start()
}

/// The command that copies one to the other.
fn backup(id: &str, more: &str) -> String {
    format!("blockdev-backup job-id={id} device=src target=dst sync=full {more}")
}

/// So slow that it does not end while a test looks at it.
const SLOW: &str = "speed=65536";

/// What a second client sees.
fn jobs(daemon: &Qemu) -> Value {
    daemon.second_client().execute(r#"{"execute":"query-jobs"}"#)
}

fn act(daemon: &Qemu, command: &str, argument: &str) {
    let text = format!(r#"{{"execute":"{command}","arguments":{argument}}}"#);
    assert_eq!(daemon.second_client().execute(&text), serde_json::json!({}), "{text}");
}

/// The shell on this daemon, at its first prompt.
#[track_caller]
fn shell(daemon: &Qemu) -> Terminal {
    let terminal = qmpsh().arg(daemon.socket()).terminal();
    terminal.wait(is_at_prompt);
    terminal
}

fn is_at_prompt(screen: &Screen) -> bool {
    screen.line() == "(QSD)" && screen.cursor().1 == 6
}

/// The last line of stdout, as JSON.
fn last_of(output: &Output) -> Value {
    let text = output.stdout_text();
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {text}"))
}

#[test]
fn job_shows_progress_on_a_terminal() {
    let daemon = daemon();
    let program = lines(&daemon.socket(), &[&backup("b1", SLOW), ".job b1", "query-jobs"]);
    let mut t = program.args(["-o", "json"]).terminal();
    let screen = t.wait(|screen| screen.text().contains("B/s"));
    let text = screen.text();
    let line = text.lines().last().unwrap();
    assert!(line.starts_with("b1 backup  ") && line.contains("% [") && line.contains(" of 64.0 MiB  "), "{text}");
    // The line is replaced, and never wider than the terminal.
    assert_eq!(text.lines().count(), 2, "{text}");
    act(&daemon, "block-job-set-speed", r#"{"device":"b1","speed":0}"#);
    assert_eq!(t.wait_exit(), 0, "{t}");
    let job = format!(
        r#"{{"id":"b1","type":"backup","status":"concluded","current-progress":{SIZE},"total-progress":{SIZE},"outcome":"completed"}}"#
    );
    // It is gone at the end; the screen breaks the long line.
    assert_eq!(t.screen().text().replace('\n', ""), format!("{{}}{job}[]"), "{t}");
    assert_eq!(jobs(&daemon), serde_json::json!([]));
}

#[test]
fn progress_stays_below_events_and_above_the_prompt() {
    let daemon = daemon();
    let mut t = shell(&daemon);
    t.type_keys(&format!("{}\r.job b1\r", backup("b1", SLOW)));
    t.wait(|screen| screen.line().starts_with("b1 backup  ") && screen.line().contains(" of 64.0 MiB"));
    act(&daemon, "job-pause", r#"{"id":"b1"}"#);
    t.wait(|screen| {
        let paused = screen.line().ends_with("MiB  paused: `job-resume id=b1` lets it go on");
        paused && screen.text().contains("JOB_STATUS_CHANGE status=paused id=b1")
    });
    // Ctrl-C ends the waiting, not the job, and the line with it.
    t.type_keys(keys::CTRL_C);
    let screen = t.wait(is_at_prompt);
    let text = screen.text();
    let left = "\ninterrupted: stopped waiting for the job `b1`\n\
                it goes on: `.job b1` waits again, `job-cancel id=b1` ends it\n(QSD)";
    assert!(text.ends_with(left), "{text}");
    assert!(!text.contains(" of 64.0 MiB"), "{text}");
    assert_eq!(jobs(&daemon)[0]["status"], "paused");
    t.type_keys(".job b1\r");
    t.wait(|screen| screen.line().contains("paused: "));
    act(&daemon, "block-job-set-speed", r#"{"device":"b1","speed":0}"#);
    act(&daemon, "job-resume", r#"{"id":"b1"}"#);
    t.wait(|screen| screen.text().contains("b1: backup completed, 64.0 MiB in ") && is_at_prompt(screen));
    // One that stays at its first state turns, and one that fails is told after what had come before.
    t.type_keys("\u{c}blockdev-create job-id=c1 options={'driver':'file','filename':'/nonexistent/x','size':1}\r");
    t.type_keys(".job c1\r");
    let screen = t.wait(|screen| screen.text().contains("the job `c1` failed: ") && is_at_prompt(screen));
    let text = screen.text();
    assert!(text.find("status=null").unwrap() < text.find("the job `c1`").unwrap(), "{text}");
    assert_eq!(jobs(&daemon), serde_json::json!([]));
    t.type_keys(keys::CTRL_D);
    assert_eq!(t.wait_exit(), 0);
    t.assert_as_found();
}

#[test]
fn ctrl_c_leaves_the_job_running_and_clears_the_progress() {
    let daemon = daemon();
    let mut t = lines(&daemon.socket(), &[&backup("b1", SLOW), ".job b1"]).args(["-o", "json"]).terminal();
    t.wait(|screen| screen.text().starts_with("{}\nb1 backup  "));
    t.type_keys(keys::CTRL_C);
    assert_eq!(t.wait_exit(), 130);
    assert_eq!(t.screen().text(), "{}", "{t}");
    assert_eq!(jobs(&daemon)[0]["id"], "b1");
}

#[test]
fn progress_needs_a_terminal() {
    let daemon = daemon();
    let done = lines(&daemon.socket(), &[&backup("b1", ""), ".job b1", "query-jobs"]).run();
    assert_eq!(done.status(0).stderr("").stdout_text().lines().count(), 3, "{done:?}");
    let mut t = lines(&daemon.socket(), &[&backup("b2", SLOW), ".job timeout=0 b2"]).env("TERM", "dumb").terminal();
    assert_eq!(t.wait_exit(), 5);
    assert!(!t.raw().contains(&0x1b), "{t}");
}

#[test]
fn progress_is_not_part_of_stdout() {
    let daemon = daemon();
    let file = daemon.file("results");
    let backup = backup("b1", SLOW);
    let (program, socket) = (QMPSH, daemon.socket());
    let command = format!("{program} {} -c '{backup}' -c '.job b1' >{}", socket.display(), file.display());
    let mut t = sh(&command).terminal();
    t.wait(|screen| screen.text().starts_with("b1 backup  "));
    act(&daemon, "block-job-set-speed", r#"{"device":"b1","speed":0}"#);
    assert_eq!(t.wait_exit(), 0, "{t}");
    assert_eq!(t.screen().text(), "");
    let results = std::fs::read_to_string(&file).unwrap();
    assert!(results.starts_with("{}\n{\"id\":\"b1\",") && results.lines().count() == 2, "{results}");
}

#[test]
fn a_job_that_vanished_has_its_outcome() {
    let daemon = daemon();
    let socket = daemon.socket();
    // QEMU has forgotten the job by then; `.job` can be repeated.
    let done = lines(&socket, &[&backup("b1", ""), &backup("b2", ""), ".job b2", ".job b1", ".job b1"]).run();
    assert_eq!(
        last_of(done.status(0)),
        serde_json::json!({
            "id": "b1", "type": "backup", "status": "concluded", "current-progress": SIZE, "total-progress": SIZE,
            "outcome": "completed",
        })
    );
    let bad = "blockdev-add driver=blkdebug node-name=bad image.driver=null-co image.size=64M \
        inject-error=[{'event':'none','iotype':'write'}]";
    let fails = "blockdev-backup job-id=b3 device=data target=bad sync=full";
    let failed = lines(&socket, &[bad, fails, "query-jobs", ".job b3"]).run();
    failed.status(1).stderr("-c:4: the job `b3` failed: Input/output error\n");
    assert!(failed.stdout_text().ends_with("[]\n"), "{failed:?}");
    let cancel = [&backup("b4", SLOW), "job-cancel id=b4", ".job b4"];
    lines(&socket, &cancel).run().status(1).stderr("-c:3: the job `b4` was canceled\n");
}

#[test]
fn a_job_error_is_found_by_a_query() {
    let daemon = daemon();
    let create = |id: &str, path: &Path| {
        format!("blockdev-create job-id={id} options={{'driver':'file','filename':'{}','size':1024}}", path.display())
    };
    let missing = create("c1", Path::new("/nonexistent/x"));
    let failed = lines(&daemon.socket(), &[&missing, ".try .job c1", ".job c1"]).run();
    let why = "the job `c1` failed: Could not create '/nonexistent/x': No such file or directory\n";
    failed.status(1).stdout("{}\n").stderr(&format!("-c:2: {why}-c:3: {why}"));
    let created = lines(&daemon.socket(), &[&create("c2", &daemon.file("new.raw")), ".job c2", "query-jobs"]).run();
    created.status(0).stderr("").stdout_contains(r#""outcome":"completed"}"#).stdout_contains("\n[]\n");
    assert_eq!(jobs(&daemon), serde_json::json!([]));
}

#[test]
fn job_ends_after_its_timeout() {
    let daemon = daemon();
    let socket = daemon.socket();
    let late = lines(&socket, &[&backup("b1", SLOW), ".job timeout=0.05 b1"]).run();
    let said = late.status(5).stdout("{}\n").stderr_text();
    assert!(said.starts_with("-c:2: the job `b1` is not over after 0.05 s ("), "{said}");
    assert!(said.ends_with(" of 64.0 MiB); it is running\n"), "{said}");
    // Without one of its own that of the session holds.
    let late = qmpsh().args(["-t", "0.05"]).arg(&socket).args([".job", "until=pending", "b1"]).run();
    assert!(late.status(5).stderr_text().contains("is not pending after 0.05 s ("), "{late:?}");
    let late = qmpsh().args(["-t", "0.05"]).arg(&socket).args([".job", "timeout=0", "b1"]).run();
    assert!(late.status(5).stderr_text().contains("is not over after 0 s ("), "{late:?}");
    act(&daemon, "job-pause", r#"{"id":"b1"}"#);
    let late = qmpsh().arg(&socket).args([".job", "timeout=0.05", "b1"]).run();
    late.status(5).stderr_contains("); it is paused: `job-resume id=b1` lets it go on\n");
}

#[test]
fn job_waits_for_ready_and_pending() {
    let daemon = daemon();
    let socket = daemon.socket();
    let mirror = "blockdev-mirror job-id=m1 device=src target=dst sync=full";
    let manual = backup("b1", "auto-finalize=false auto-dismiss=false");
    let status = |output: &Output| last_of(output)["status"].clone();
    let ready = lines(&socket, &[mirror, ".job until=ready m1"]).run();
    assert_eq!(status(ready.status(0)), "ready", "{ready:?}");
    let waits = lines(&socket, &[".job timeout=0 m1"]).run();
    waits.status(5).stderr_contains("; it is ready: `job-complete id=m1` ends it\n");
    let done = lines(&socket, &["job-complete id=m1", ".job m1", ".job until=ready m1"]).run();
    assert_eq!(status(done.status(0)), "concluded", "{done:?}");

    let pending = lines(&socket, &[&manual, ".job until=pending b1", ".job until=ready b1"]).run();
    assert_eq!(status(pending.status(0)), "pending", "{pending:?}");
    let done = lines(&socket, &["job-finalize id=b1", ".job until=pending b1", "query-jobs"]).run();
    done.status(0).stderr("").stdout_contains(r#""outcome":"completed"}"#).stdout_contains("\n[]\n");
    // One that ends before with an error has not come that far.
    let cancelled = lines(&socket, &[&backup("b2", SLOW), "job-cancel id=b2", ".job until=ready b2"]).run();
    cancelled.status(1).stderr("-c:3: the job `b2` was canceled\n");
}

#[test]
fn job_says_what_it_waits_for_in_a_pipe() {
    let daemon = daemon();
    let mut process =
        lines(&daemon.socket(), &["blockdev-mirror job-id=m1 device=src target=dst sync=full", ".job m1"]).start();
    assert_eq!(process.read_stderr_line(), "the job `m1` is ready: `job-complete id=m1` ends it");
    act(&daemon, "job-complete", r#"{"id":"m1"}"#);
    let done = process.wait();
    assert_eq!(last_of(done.status(0))["outcome"], "completed");
    assert_eq!(done.stderr_text().lines().count(), 1, "{done:?}");
}

#[test]
fn a_job_stopped_by_a_disk_error_is_reported() {
    let daemon = daemon();
    let bad = "blockdev-add driver=blkdebug node-name=bad image.driver=null-co image.size=64M \
        inject-error=[{'event':'none','iotype':'write','once':true}]";
    let backup = "blockdev-backup job-id=b1 device=data target=bad sync=full on-target-error=stop";
    let stopped = lines(&daemon.socket(), &[bad, backup, ".job timeout=2 b1"]).run();
    stopped.status(5).stderr_contains("; it is paused by an I/O error: mend it, then `job-resume id=b1`\n");
    // The event that told it was before this session.
    let stopped = lines(&daemon.socket(), &[".job timeout=0 b1"]).run();
    stopped.status(5).stderr_contains("; it is paused by an I/O error: mend it, then `job-resume id=b1`\n");
    lines(&daemon.socket(), &["job-resume id=b1", ".job b1"]).run().status(0);
}

#[test]
fn an_unknown_job_is_an_error() {
    let daemon = daemon();
    let socket = daemon.socket();
    let unknown = lines(&socket, &[".job b9"]).run();
    unknown.status(1).stdout("").stderr(
        "-c:1: no job `b9` found: it has another id, or ended before this session began; this session saw no other job\n",
    );
    let unknown = lines(&socket, &[&backup("b1", ""), ".job \"b\\u001b9\""]).run();
    unknown
        .status(1)
        .stderr_contains("no job `b\\u{1b}9` found")
        .stderr_contains("; the last jobs of this session: `b1`");
    // It ended in another session.
    lines(&socket, &[".job b1"]).run().status(1);
    let usage = |line: &str, message: &str| {
        lines(&socket, &[line]).run().status(2).stdout("").stderr_contains(message);
    };
    usage(".job", "the id of a job is missing (usage: .job [timeout=S] [until=ready|pending|concluded] ID)");
    usage(".job until=done b1", "not one of `ready`, `pending` and `concluded`");
    usage(".job timeout=soon b1", "not a time in seconds");
    usage(".job b1 b2", ".job takes no more arguments");
    usage(".jobs b1", ".jobs takes no arguments");
}

#[test]
fn jobs_lists_jobs() {
    let daemon = daemon();
    let socket = daemon.socket();
    lines(&socket, &[".jobs"]).run().status(0).stdout("[]\n").stderr("");
    let listed = lines(&socket, &[&backup("b1", ""), ".job b1", &backup("b2", SLOW), ".jobs"]).run();
    let list = last_of(listed.status(0));
    let facts = |job: &Value| (job["id"].clone(), job["status"].clone(), job["outcome"].clone());
    // What is still there comes first.
    assert_eq!(facts(&list[0]), ("b2".into(), "running".into(), Value::Null), "{list}");
    assert_eq!(facts(&list[1]), ("b1".into(), "concluded".into(), "completed".into()), "{list}");
    assert_eq!([&list[0]["dismissed"], &list[1]["dismissed"]], [&Value::Null, &Value::Bool(true)], "{list}");
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    let raw = lines(&socket, &[".jobs"]).args(["-o", "raw"]).run();
    assert!(raw.status(0).stdout_text().starts_with("{\"return\": [{\"id\":\"b2\",\"type\":\"backup\","), "{raw:?}");
}

#[test]
fn a_wait_for_a_job_ends_in_a_sentence_on_a_terminal() {
    let daemon = daemon();
    let mirror = "blockdev-mirror job-id=m1 device=src target=dst sync=full";
    let create = format!(
        "blockdev-create job-id=c1 options={{'driver':'file','filename':'{}','size':1024}}",
        daemon.file("new.raw").display()
    );
    for form in ["auto", "pretty", "table"] {
        let given = [
            &backup("b1", ""),
            ".job b1",
            mirror,
            ".job until=ready m1",
            "job-complete id=m1",
            ".job m1",
            &create,
            ".job c1",
        ];
        let mut t = lines(&daemon.socket(), &given).args(["-o", form]).terminal();
        assert_eq!(t.wait_exit(), 0, "{t}");
        let text = t.screen().text();
        let said: Vec<&str> = text.lines().filter(|line| *line != "{}").collect();
        assert_eq!(said.len(), 4, "{text}");
        let begins = [
            "b1: backup completed, 64.0 MiB in ",
            "m1: mirror ready: `job-complete id=m1` ends it",
            "m1: mirror completed",
            "c1: create completed in ",
        ];
        for (line, begin) in said.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line} instead of {begin}");
            assert!(line.ends_with(" s") || line.ends_with("ms") || line.ends_with("it"), "{line}");
        }
        std::fs::remove_file(daemon.file("new.raw")).unwrap();
    }
}

#[test]
fn jobs_on_a_terminal_are_a_table_with_the_dismissed_apart() {
    let daemon = daemon();
    let missing = "blockdev-create job-id=c1 options={'driver':'file','filename':'/nonexistent/x','size':1024}";
    let given = [
        ".jobs",
        &backup("b1", ""),
        ".job b1",
        missing,
        ".try .job c1",
        &backup("b2", "speed=1"),
        "job-pause id=b2",
        ".jobs",
    ];
    let mut t = lines(&daemon.socket(), &given).terminal();
    assert_eq!(t.wait_exit(), 0, "{t}");
    let text = t.screen().text();
    assert!(text.starts_with("no jobs\n{}\n"), "{text}");
    let (_, table) = text.split_once("id  type").unwrap();
    let (there, gone) = table.split_once("-[ dismissed ]-").unwrap();
    assert!(there.contains("\nb2  backup  paused  ") || there.contains("\nb2  backup  running  "), "{text}");
    assert!(there.contains("% ") && there.contains(" of 64.0 MiB  1 B/s\n") && !there.contains("b1"), "{text}");
    assert!(gone.contains("\nb1  backup  completed  100%  64.0 of 64.0 MiB"), "{text}");
    assert!(gone.contains("\nc1  create  failed ") && gone.contains("Could not create"), "{text}");
}

#[test]
fn a_job_dismissed_by_another_client_has_ended() {
    let listed = |status: &str| {
        let job = r#""id":"c1","type":"create","current-progress":1,"total-progress":1"#;
        format!(r#"[{{{job},"status":"{status}"}}]"#)
    };
    let change = |status: &str| format!(r#"{{"id":"c1","status":"{status}"}}"#);
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-jobs")
        .reply(&listed("running"))
        .event("JOB_STATUS_CHANGE", &change("concluded"))
        .expect_execute("query-jobs")
        .reply(&listed("concluded"))
        .expect(r#"{"execute":"job-dismiss","arguments":{"id":"c1"}}"#)
        .event("JOB_STATUS_CHANGE", &change("null"))
        .error("GenericError", "Job not found")
        .expect_execute("query-jobs")
        .reply("[]")
        .unix();
    lines(mock.socket(), &[".job c1"]).run().status(0).stderr("").stdout_contains(r#""outcome":"completed"}"#);
    mock.finish();
    // It dismisses itself, and is gone when it is asked about.
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-jobs")
        .reply(&listed("running"))
        .event("JOB_STATUS_CHANGE", &change("concluded"))
        .expect_execute("query-jobs")
        .event("JOB_STATUS_CHANGE", &change("null"))
        .reply("[]")
        .unix();
    lines(mock.socket(), &[".job c1"]).run().status(0).stderr("").stdout_contains(r#""outcome":"completed"}"#);
    mock.finish();
    // It cannot be dismissed.
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-jobs")
        .reply(&listed("concluded"))
        .expect_execute("job-dismiss")
        .error("GenericError", "no")
        .expect_execute("query-jobs")
        .reply(&listed("concluded"))
        .unix();
    let stays = lines(mock.socket(), &[".job c1"]).run();
    stays.status(0).stderr("the job `c1` stays, because it cannot be dismissed: no\n");
    mock.finish();
}

#[test]
fn jobs_work_on_peers_with_block_jobs_only() {
    let unknown = |mock: Mock, command: &str| mock.expect_execute(command).error("CommandNotFound", "not found");
    let mock = unknown(unknown(Mock::new().negotiate(), "query-jobs"), "query-block-jobs").unix();
    let none = lines(mock.socket(), &[".jobs"]).run();
    none.status(1).stderr("-c:1: this peer has no jobs: it does not know `query-jobs`\n");
    mock.finish();
    // Before QEMU 3.0 there were block jobs only, and they just ended.
    let mock = unknown(Mock::new().negotiate(), "query-jobs")
        .expect_execute("query-block-jobs")
        .reply(
            r#"[{"device":"d0","type":"commit","len":9,"offset":3,"busy":true,"paused":false,"speed":0,"io-status":"ok","ready":false}]"#,
        )
        .event("BLOCK_JOB_COMPLETED", r#"{"device":"d0","type":"commit","len":9,"offset":9,"speed":0}"#);
    // qmpsh asks again if it reads the event before it has read the reply.
    let mock = unknown(mock, "query-jobs").expect_execute("query-block-jobs").reply("[]").unix();
    lines(mock.socket(), &[".job d0"]).run().status(0).stderr("");
    mock.abandon();
}

#[test]
fn a_lost_connection_ends_job() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-jobs")
        .reply(r#"[{"id":"b1","type":"backup","status":"running","current-progress":0,"total-progress":9}]"#)
        .close()
        .unix();
    let lost = lines(mock.socket(), &[".job b1"]).run();
    lost.status(4).stderr_contains("the connection was lost while waiting for the job `b1`: ");
    mock.finish();
    let mock = Mock::new().negotiate().expect_execute("query-jobs").close().unix();
    let lost = lines(mock.socket(), &[".job b1"]).run();
    lost.status(4).stderr_contains("the connection was lost while waiting for the job `b1`: ");
    mock.finish();
    let mock = Mock::new().negotiate().expect_execute("quit").reply("{}").close().unix();
    let lost = lines(mock.socket(), &["quit", ".job b1"]).run();
    lost.status(4).stderr_contains("the job `b1`").stderr_contains("not connected");
    mock.finish();

    let mut daemon = daemon();
    let mut t = shell(&daemon);
    t.type_keys(&format!("{}\r.job b1\r", backup("b1", SLOW)));
    t.wait(|screen| screen.line().starts_with("b1 backup  "));
    daemon.signal(rustix::process::Signal::KILL);
    daemon.wait();
    let screen = t.wait(|screen| screen.line() == "(disconnected)");
    let text = screen.text();
    assert!(text.contains("was lost: ") && !text.contains(" of 64.0 MiB"), "{text}");
    t.type_keys(".job b1\r");
    t.wait_for("cannot ask about the job `b1`: not connected");
}

#[test]
fn a_stale_query_reply_does_not_undo_events() {
    let status = |status: &str| format!(r#"{{"status": "{status}", "id": "b"}}"#);
    let changes = |mock: Mock, names: &[&str]| {
        names.iter().fold(mock, |mock, name| mock.event("JOB_STATUS_CHANGE", &status(name)))
    };
    // As QEMU 7.2 does it, if the job ends between the taking together of the answer and its sending.
    let mock = changes(Mock::new().negotiate().expect_execute("blockdev-backup"), &["created", "running"]).reply("{}");
    let mock = changes(mock.expect_execute("query-jobs"), &["waiting", "pending"]);
    let end = r#"{"device": "b", "len": 9, "offset": 9, "speed": 0, "type": "backup"}"#;
    let mock = changes(mock.event("BLOCK_JOB_COMPLETED", end), &["concluded", "null"]);
    let mock = mock
        .reply(r#"[{"id": "b", "type": "backup", "status": "running", "current-progress": 9, "total-progress": 9}]"#)
        .unix();
    let ended = lines(mock.socket(), &[r#"{"execute": "blockdev-backup"}"#, ".job b"]).run();
    ended.status(0).stderr("").stdout_contains("\"outcome\":\"completed\"");
    mock.finish();
}

/// On a screen of 40 columns the line of progress has no room for what a job needs.
#[test]
fn a_narrow_screen_shows_what_a_job_needs_above_its_progress() {
    let daemon = daemon();
    let mirror = "blockdev-mirror job-id=m1 device=src target=dst sync=full";
    let mut t = lines(&daemon.socket(), &[mirror, ".job m1"]).terminal_of(15, 40);
    t.wait_for("the job `m1` is ready: `job-complete\nid=m1` ends it\n");
    act(&daemon, "job-complete", r#"{"id":"m1"}"#);
    assert_eq!(t.wait_exit(), 0, "{t}");
}
