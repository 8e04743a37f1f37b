//! What a policy lets through, and that nothing else reaches QEMU.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use qmpsh::policy::Decision;
use serde_json::{Value, json};

use super::Share;
use crate::support::{Mock, Qemu, qmpsh};

#[test]
fn every_command_of_this_qemu_has_its_decision() {
    let mut names = BTreeSet::new();
    for qemu in [Qemu::none().start(), Qemu::storage_daemon().start()] {
        let commands = qemu.hold().execute(r#"{"execute":"query-commands"}"#);
        names.extend(commands.as_array().unwrap().iter().map(|command| command["name"].as_str().unwrap().to_owned()));
    }
    let undecided: Vec<_> = names.iter().filter(|name| Decision::on(name).is_none()).collect();
    assert!(names.len() > 200 && undecided.is_empty(), "decide in src/policy/commands.rs on {undecided:?}");
}

#[test]
fn denied_commands_reach_qemu_in_no_spelling() {
    // The mock fails on anything that it does not expect.
    let mock = Mock::new().negotiate().expect_execute("query-name").reply("{}").unix();
    let share = Share::start(mock.socket(), "", &["--deny", "stop", "--deny", "block-*"]);
    let mut client = share.client();
    let spellings = [
        r#"{"execute":"stop","id":1}"#,
        r"{'execute':'stop','id':1}",
        r#"{"execute":"st\u006fp","id":1}"#,
        r#"{"\u0065xecute":"stop","id":1}"#,
        r#"{"id":1,"arguments":{},"execute":"\u0073top"}"#,
        r#"{"execute":"transaction","arguments":{"actions":[{"type":"block-dirty-bitmap-add","data":{}}]},"id":1}"#,
        r#"{"execute":"transaction","arguments":{"\u0061ctions":[{'type':'block\u002dx','data':{}}]},"id":1}"#,
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"stop"},"id":1}"#,
        r#"{"execute":"human-monitor-command","arguments":{"command-line":" s"},"id":1}"#,
        r#"{"execute":"object-add","arguments":{"qom-type":"monitor-qmp","id":"m","chardev":"c"},"id":1}"#,
    ];
    for spelling in spellings {
        client.send(&format!("\n {spelling}\r\n"));
        let reply = client.read();
        let desc = reply["error"]["desc"].as_str().unwrap_or_default();
        assert!(reply["id"] == 1 && desc.ends_with(": not allowed on this socket"), "{spelling}: {reply}");
    }
    assert_eq!(client.execute(r#"{"execute":"query-name"}"#), json!({}));
    drop(client);
    drop(share);
    mock.finish();
}

#[test]
fn a_read_only_socket_lets_look_and_not_touch() {
    let qemu = Qemu::none().start();
    let share = Share::start(&qemu.socket(), ",read-only,allow=hmp:info *", &[]);
    let mut client = share.client();
    assert!(client.execute(r#"{"execute":"query-status"}"#)["status"].is_string());
    let line = |line: &str| format!(r#"{{"execute":"human-monitor-command","arguments":{{"command-line":"{line}"}}}}"#);
    assert!(client.execute(&line("info status")).as_str().unwrap().contains("VM status"));
    for command in [&line("info qdm"), &line("stop"), r#"{"execute":"stop"}"#, r#"{"execute":"qom-list-types"}"#] {
        assert_eq!(client.execute(command)["class"], "GenericError", "{command}");
    }
    assert_eq!(client.execute(r#"{"execute":"query-status"}"#)["running"], Value::Bool(true));
}

#[test]
fn each_socket_has_a_policy_of_its_own() {
    let qemu = Qemu::none().start();
    let program = qmpsh();
    let [ops, watch] = ["ops.sock", "watch,1.sock"].map(|name| program.home().join(name));
    let listen =
        |path: &std::path::Path, options: &str| format!("{}{options}", path.display().to_string().replace(',', ",,"));
    let mut process = program
        .arg("share")
        .arg(qemu.socket())
        .args(["--listen", &listen(&ops, ",mode=0660"), "--listen", &listen(&watch, ",read-only"), "--deny", "quit"])
        .start();
    while !process.read_stderr_line().starts_with("sharing ") {}
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&ops), mode(&watch)), (0o660, 0o600));
    let client = |path| crate::support::client::Client::unix(path).negotiate();
    let (mut ops, mut watch) = (client(&ops), client(&watch));
    assert_eq!(ops.execute(r#"{"execute":"stop"}"#), json!({}));
    assert_eq!(watch.execute(r#"{"execute":"cont"}"#)["class"], "GenericError");
    assert_eq!(watch.execute(r#"{"execute":"query-status"}"#)["running"], Value::Bool(false));
    assert_eq!(ops.execute(r#"{"execute":"quit"}"#)["desc"], "quit: not allowed on this socket");
}

#[test]
fn the_audit_has_a_line_for_each_command() {
    let qemu = Qemu::none().start();
    let audit = qemu.file("audit");
    let share = Share::start(&qemu.socket(), ",deny=stop", &["--audit", audit.to_str().unwrap()]);
    let mut client = share.client();
    client.execute(r#"{"execute":"query-name"}"#);
    client.execute(r#"{"execute":"no-such"}"#);
    client.execute(r#"{"execute":"stop"}"#);
    client.execute(r#"{"execute":"object-add","arguments":{"qom-type":"secret","id":"s","data":"hunter2"}}"#);
    let text = std::fs::read_to_string(&audit).unwrap();
    assert!(!text.contains("hunter2") && text.contains("***"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> = lines.iter().map(|line| (line["command"].as_str(), line["outcome"].as_str())).collect();
    let expected = [("query-name", "ok"), ("no-such", "error"), ("stop", "denied"), ("object-add", "denied")];
    assert_eq!(outcomes[..3], expected[..3].iter().map(|(a, b)| (Some(*a), Some(*b))).collect::<Vec<_>>());
    assert_eq!(lines[0]["pid"], std::process::id());
    assert_eq!(lines[0]["uid"], rustix::process::getuid().as_raw());
    assert!(lines[0]["time"].as_str().unwrap().ends_with('Z') && lines[0]["program"].is_string());
    assert_eq!(std::fs::metadata(&audit).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn without_an_audit_nothing_runs() {
    let qemu = Qemu::none().start();
    let share = Share::start(&qemu.socket(), "", &["--audit", "/dev/full"]);
    let mut client = share.client();
    client.execute(r#"{"execute":"query-name"}"#);
    let denied = client.execute(r#"{"execute":"query-name"}"#);
    assert_eq!(denied["desc"], "query-name: not allowed, because the audit cannot be written");
}

#[test]
fn a_client_has_a_policy_of_its_own() {
    let qemu = Qemu::none().start();
    let shell = |args: &[&str]| qmpsh().arg(qemu.socket()).args(args).run();
    shell(&["--read-only", "-c", "query-status | jq .running", "-c", "stop"])
        .stdout("true\n")
        .stderr_contains("`stop` was not sent: it is not allowed here")
        .status(1);
    shell(&["--read-only", "--allow", "stop", "stop"]).stdout("{}\n").status(0);
    shell(&["--deny", "st*", "-k", "-c", "{'execute':'st\\u006fp'}", "-c", "cont"]).stdout("{}\n").status(1);
    shell(&["--deny", "stop", ".hmp", "stop"]).stderr_contains("not allowed").status(1);
}
