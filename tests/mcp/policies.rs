//! What an agent may do, and what is never sent.

use serde_json::json;

use super::Agent;
use crate::support::{Mock, Qemu};

#[test]
fn what_the_policy_refuses_is_never_on_the_wire() {
    // The mock fails if anything comes that is not in its script.
    let mock = Mock::new().negotiate().refuse_schema().expect_execute("query-name").reply(r#"{"name": "web1"}"#).unix();
    let mut agent = Agent::start(mock.socket(), &["--deny", "query-uuid"]);
    for command in ["stop", "quit", "device_del", "query-uuid", "s\u{74}op"] {
        let error = agent.call("run_command", json!({ "command": command })).error();
        assert!(error.contains("the policy does not allow") && error.contains("nothing was sent"), "{error}");
    }
    let line = json!({ "command": "human-monitor-command", "arguments": { "command-line": "quit" } });
    assert!(agent.call("run_command", line).error().contains("`--allow 'hmp:quit'`"));
    let secret = json!({ "command": "qom-get", "arguments": { "path": "/objects/s", "property": "data" } });
    assert!(agent.call("run_command", secret).error().contains("does not allow `qom-get`"));
    for (tool, arguments) in [("type", json!({ "text": "a" })), ("keys", json!({ "keys": ["ret"] }))] {
        assert!(agent.call(tool, arguments).error().contains("--allow send-key"), "{tool}");
    }
    assert_eq!(agent.run("query-name", json!({})), json!({ "name": "web1" }));
    drop(agent);
    mock.finish();
}

#[test]
fn the_vm_cannot_be_stopped_unless_the_policy_allows_it() {
    let qemu = Qemu::none().start();
    let mut agent = Agent::start(&qemu.socket(), &[]);
    assert!(agent.call("run_command", json!({ "command": "stop" })).error().contains("`--allow stop`"));
    assert_eq!(agent.run("query-status", json!({}))["status"], "running");
    drop(agent);
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "stop"]);
    assert_eq!(agent.run("stop", json!({})), json!({}));
    // It adds to what reads.
    assert_eq!(agent.run("query-status", json!({}))["status"], "paused");
    assert!(agent.call("run_command", json!({ "command": "cont" })).error().contains("does not allow"));
    drop(agent);
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "*", "--deny", "stop"]);
    assert_eq!(agent.run("cont", json!({})), json!({}));
    assert!(agent.call("run_command", json!({ "command": "stop" })).error().contains("does not allow"));
}

#[test]
fn a_tool_that_is_not_allowed_is_not_offered() {
    let qemu = Qemu::q35().args(["-vga", "std"]).start();
    let check = |args: &[&str], expected: &[&str]| {
        let tools = Agent::start(&qemu.socket(), args).tools();
        for (tool, needs) in [("screen", 0), ("wait_screen", 0), ("type", 1), ("keys", 1)] {
            assert_eq!(
                tools.contains(&tool.to_owned()),
                expected.contains(&["screen", "keys"][needs]),
                "{args:?} {tool}"
            );
        }
    };
    check(&[], &["screen"]);
    check(&["--allow", "send-key"], &["screen", "keys"]);
    for rule in ["screendump", "add-fd", "remove-fd", "human-monitor-command", "hmp:xp *"] {
        check(&["--deny", rule], &[]);
    }
    let mut agent = Agent::start(&qemu.socket(), &["--deny", "screendump"]);
    let error = agent.call("screen", json!({})).error();
    assert!(error.contains("turned off: a rule of --deny is about `screendump`"), "{error}");
}
