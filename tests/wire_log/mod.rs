//! `-v` and `-l`: what goes over the wire, shown and recorded, with the secrets masked.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::terminal::keys;
use crate::support::{Mock, Qemu, qmpsh};

const SECRET: &str = "set_password protocol=vnc password=hunter2";

/// The records of a log, without their times.
fn records(log: &[u8]) -> Vec<Value> {
    let lines = log.strip_suffix(b"\n").expect("the last line is whole").split(|&byte| byte == b'\n');
    let record = |line: &[u8]| {
        let record: Value = serde_json::from_slice(line).unwrap();
        let time = record["time"].as_str().unwrap();
        assert!(time.len() == 27 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
        json!([record["direction"], record["message"]])
    };
    lines.map(record).collect()
}

#[test]
fn verbose_shows_each_message_of_the_user_as_sent() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("query-name")
        .reply("{}")
        .expect_execute("set_password")
        .reply("{}")
        .unix();
    qmpsh()
        .arg("-v")
        .arg(mock.socket())
        .args(["-c", "query-name", "-c", SECRET])
        .run()
        .stdout("{}\n{}\n")
        .status(0)
        .stderr(
            "{\"execute\":\"query-name\",\"id\":1}\n\
         {\"execute\":\"set_password\",\"arguments\":{\"protocol\":\"vnc\",\"password\":\"***\"},\"id\":1}\n",
        );
    let sent = mock.finish().documents;
    assert!(sent[2].contains("hunter2"), "{sent:?}");
}

#[test]
fn the_shells_own_queries_are_only_in_the_log() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket()).args(["-v", "-l", "wire.log", "-c", "block_resize node-name=n0 size=1k"]);
    let log = program.home().join("wire.log");
    let output = program.clone().run();
    let request = r#"{"execute":"block_resize","arguments":{"node-name":"n0","size":1024},"id":1}"#;
    output.status(1).stdout("").stderr_contains(request);
    assert!(!output.stderr_text().contains("query-"), "{}", output.stderr_text());
    let records = records(&std::fs::read(log).unwrap());
    let sent = |name: &str| records.iter().any(|record| record[0] == "sent" && record[1]["execute"] == name);
    assert!(sent("query-qmp-schema") && sent("block_resize"));
}

#[test]
fn verbose_shows_messages_above_the_prompt() {
    let mock = Mock::interactive().negotiate().expect_execute("query-version").reply("{}").unix();
    let mut terminal = qmpsh().args(["-v", "--no-history"]).arg(mock.socket()).terminal();
    terminal.wait(|screen| screen.line() == "(QEMU)");
    terminal.type_keys("query-version\r");
    // Which id it has depends on which of the shell's own questions were answered by then.
    terminal.wait(|screen| {
        let sent = screen.text().lines().rev().nth(2).unwrap_or_default().to_owned();
        screen.text().ends_with(&format!("(QEMU) query-version\n{sent}\n{{}}\n(QEMU)"))
            && sent.starts_with("{\"execute\":\"query-version\",\"id\":")
    });
    terminal.type_keys(keys::CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    mock.finish();
}

#[test]
fn the_log_has_each_message() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("set_password")
        .event("STOP", "{}")
        .send("{\"return\":\r\n  {\"password\": \"hunter2\", \"n\": 0.10},\r\n \"id\": 1}\r\n")
        .unix();
    let program = qmpsh().arg(mock.socket()).args(["-l", "wire.log", "-c", SECRET]);
    let log = program.home().join("wire.log");
    program.clone().run().status(0).stderr("").stdout_contains("hunter2");
    mock.finish();

    let text = std::fs::read(&log).unwrap();
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(String::from_utf8_lossy(&text).contains("\"n\": 0.10}"), "numbers are kept as they came");
    let records = records(&text);
    assert_eq!(records[0][0], "received");
    assert!(records[0][1]["QMP"].is_object());
    assert_eq!(records[1][0], "sent");
    assert_eq!(records[1][1]["execute"], "qmp_capabilities");
    assert_eq!(records[2], json!(["received", {"return": {}, "id": records[1][1]["id"]}]));
    let arguments = json!({"protocol": "vnc", "password": "***"});
    assert_eq!(records[3], json!(["sent", {"execute": "set_password", "arguments": arguments, "id": 1}]));
    assert_eq!(records[4][1]["event"], "STOP");
    assert_eq!(records[5], json!(["received", {"return": {"password": "***", "n": 0.10}, "id": 1}]));
    assert_eq!(records.len(), 6);
}

#[test]
fn an_existing_log_is_continued() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket()).args(["--logfile=wire.log", "query-name"]);
    let log = program.home().join("wire.log");
    std::fs::write(&log, "before\n").unwrap();
    program.clone().run().status(0);
    let output = program.run();
    output.status(0);
    let text = std::fs::read(&log).unwrap();
    let both = records(text.strip_prefix(b"before\n").unwrap());
    assert_eq!(both.len(), 2 * 5, "{both:?}");
}

#[test]
fn a_full_disk_is_reported_once_and_ends_nothing() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket()).args(["-l", "/dev/full", "-c", "query-name", "-c", "query-name"]);
    program
        .run()
        .stdout("{}\n{}\n")
        .status(0)
        .stderr("qmpsh: cannot write the log /dev/full: No space left on device; messages are missing from it\n");
}

#[test]
fn a_log_that_is_not_read_does_not_block() {
    let qemu = Qemu::none().start();
    let program = qmpsh().arg(qemu.socket()).args(["-l", "wire.fifo", "-c", "query-qmp-schema", "-c", "query-name"]);
    let fifo = program.home().join("wire.fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    // The schema is longer than what a pipe holds.
    let reader = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let output = program.clone().run();
    output.status(0).stdout_contains("\n{}\n").stderr_contains("qmpsh: cannot write the log wire.fifo");
    drop(reader);
    program.run().status(2).stdout("").stderr_contains("qmpsh: cannot open the log wire.fifo");
}

#[test]
fn a_log_that_cannot_be_opened_ends_before_connecting() {
    let mock = Mock::new().unix();
    let program = qmpsh().arg(mock.socket()).args(["-l", "no/such/directory", "stop"]);
    program
        .run()
        .status(2)
        .stdout("")
        .stderr("qmpsh: cannot open the log no/such/directory: No such file or directory\n");
    mock.finish_without_connection();
}
