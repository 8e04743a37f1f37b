//! The tools, on a real QEMU.

use std::fs;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Agent;
use crate::support::Qemu;

#[test]
fn an_agent_finds_out_what_a_vm_is_and_why_a_command_failed() {
    let disk = "driver=null-co,node-name=disk0,size=1048576";
    let qemu = Qemu::none().name("web1").args(["-blockdev", disk]).start();
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "block_resize"]);
    assert_eq!(agent.run("query-name", json!({})), json!({ "name": "web1" }));
    assert!(agent.call("list_vms", json!({})).ok().contains(&format!("\"pid\":{}", qemu.pid())));
    assert!(agent.call("show", json!({})).ok().contains("block"));
    assert!(agent.call("show", json!({ "view": "block" })).ok().contains("disk0"));
    assert!(agent.call("show", json!({ "view": "blok" })).error().contains("did you mean block?"));
    assert!(agent.call("help", json!({ "name": "block_resize" })).ok().contains("node-name"));
    assert!(agent.call("search", json!({ "query": "resize" })).ok().contains("block_resize"));
    // It is there also where the words are the name of a command.
    assert!(agent.call("search", json!({ "query": "block_resize" })).ok().contains("block_resize"));
    assert!(agent.call("search", json!({ "query": "nosuchword" })).error().contains("nosuchword"));
    let mut check = |command: &str, arguments: Value, expected: &str| {
        let error = agent.call("run_command", json!({ "command": command, "arguments": arguments })).error();
        assert!(error.contains(expected), "{error}");
    };
    check("query-sttus", json!({}), "did you mean `query-status`?");
    check("block_resize", json!({ "node-name": "disk0" }), "'size'");
    check("block_resize", json!({ "node-nme": "disk0", "size": 1 }), "did you mean `node-name`?");
    check("block_resize", json!({ "node-name": "none", "size": 1 }), "GenericError: Cannot find device");
}

#[test]
fn an_agent_waits_for_a_job_which_stays_unless_it_may_dismiss() {
    let node = |name: &str| format!("driver=null-co,node-name={name},size=1048576,read-zeroes=on");
    let qemu = Qemu::none().args(["-blockdev", &node("a"), "-blockdev", &node("b")]).start();
    let backup =
        |id: &str| json!({ "job-id": id, "device": "a", "target": "b", "sync": "full", "auto-dismiss": false });
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "blockdev-backup"]);
    agent.run("blockdev-backup", backup("b1"));
    let done: Value = serde_json::from_str(&agent.call("wait_job", json!({ "id": "b1" })).ok()).unwrap();
    assert_eq!(done["id"], "b1", "{done}");
    let jobs: Value = serde_json::from_str(&agent.call("list_jobs", json!({})).ok()).unwrap();
    assert_eq!((&jobs[0]["id"], &jobs[0]["status"]), (&json!("b1"), &json!("concluded")), "{jobs}");
    assert!(agent.call("wait_job", json!({ "id": "none" })).error().contains("no job `none` found"));
    drop(agent);
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "job-dismiss"]);
    agent.call("wait_job", json!({ "id": "b1" })).ok();
    assert_eq!(agent.run("query-jobs", json!({})), json!([]));
}

#[test]
fn an_agent_sees_the_screen_and_presses_keys_if_it_may() {
    let qemu = Qemu::q35().args(["-vga", "std"]).start();
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "send-key"]);
    agent.call("wait_screen", json!({ "pattern": "No bootable device", "timeout": 60 })).ok();
    let text = agent.call("screen", json!({})).ok();
    assert!(text.contains("SeaBIOS") && text.contains("No bootable device"), "{text}");
    assert_eq!(agent.call("screen", json!({ "as": "text" })).ok(), text);
    let image = agent.call("screen", json!({ "as": "image" }));
    let block = &image.0["content"][0];
    assert_eq!((&block["type"], &block["mimeType"]), (&json!("image"), &json!("image/png")), "{block}");
    assert!(BASE64.decode(block["data"].as_str().unwrap().as_bytes()).unwrap().starts_with(b"\x89PNG"));
    assert!(image.ok().ends_with("pixels"), "{}", image.ok());
    assert!(agent.call("wait_screen", json!({ "pattern": "login:", "timeout": 0.1 })).error().contains("login:"));
    assert_eq!(agent.call("type", json!({ "text": "a|b \"c\" # \\ d\n" })).ok(), "done");
    assert_eq!(agent.call("keys", json!({ "keys": ["ctrl-alt-delete", "ret"] })).ok(), "done");
    assert!(agent.call("keys", json!({ "keys": ["ctrll"] })).error().contains("did you mean `ctrl`?"));
    // Nothing of it is left in QEMU.
    assert_eq!(agent.run("query-fdsets", json!({})), json!([]));
}

#[test]
fn events_are_a_resource_that_can_be_subscribed_to() {
    let qemu = Qemu::none().start();
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "stop", "--allow", "cont"]);
    let listed = agent.request("resources/list", json!({}));
    let uri = listed["result"]["resources"][0]["uri"].clone();
    agent.request("resources/subscribe", json!({ "uri": uri }));
    agent.run("stop", json!({}));
    let updated =
        |message: &Value| message["method"] == "notifications/resources/updated" && message["params"]["uri"] == uri;
    if !agent.notifications.iter().any(updated) {
        let message = agent.read();
        assert!(updated(&message), "{message}");
    }
    let read = agent.request("resources/read", json!({ "uri": uri }));
    let text = read["result"]["contents"][0]["text"].as_str().unwrap();
    assert!(text.lines().count() == 1 && text.contains("\"STOP\""), "{text}");
    agent.request("resources/unsubscribe", json!({ "uri": uri }));
    agent.call("wait_event", json!({ "events": ["STOP"] })).ok();
    agent.run("cont", json!({}));
    let event: Value =
        serde_json::from_str(&agent.call("wait_event", json!({ "events": ["RES*", "STOP"] })).ok()).unwrap();
    assert_eq!(event["event"], "RESUME");
    let late = agent.call("wait_event", json!({ "events": ["RESUME"], "timeout": 0 })).error();
    assert!(late.contains("RESUME"), "{late}");
}

#[test]
fn secrets_are_masked_in_the_log() {
    let qemu = Qemu::none().start();
    let log = qemu.file("log.jsonl");
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "object-add", "-l", log.to_str().unwrap()]);
    agent.run("object-add", json!({ "qom-type": "secret", "id": "s", "data": "planted" }));
    agent.process.wait().status(0);
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("object-add") && !log.contains("planted"), "{log}");
}
