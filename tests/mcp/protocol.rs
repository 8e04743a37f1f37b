//! The protocol: bad input, long results, several calls, the end.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::Agent;
use crate::support::{Mock, Qemu, qmpsh};

#[test]
fn bad_input_loses_nothing() {
    let qemu = Qemu::none().start();
    let mut agent = Agent::start(&qemu.socket(), &[]);
    for line in ["not JSON", "", "{", "\u{feff}", "[]", "{\"jsonrpc\":\"2.0\""] {
        agent.process.line(line);
    }
    let id = agent.send("tools/call", json!({ "name": "stop", "arguments": {} }));
    let answer = loop {
        let answer = agent.read();
        if answer["id"] == id {
            break answer;
        }
        // What is JSON and no message gets an error without an id.
        assert!(answer["error"].is_object(), "{answer}");
    };
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("no tool `stop`: there are run_command, help"),
        "{answer}"
    );
    let answer = agent.request("no/such", json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    let mut check = |tool: &str, arguments: Value, expected: &str| {
        let error = agent.call(tool, arguments).error();
        assert!(error.contains(expected), "{error}");
    };
    check("run_command", json!({}), "`command` of run_command is missing");
    check("run_command", json!({ "command": 1 }), "`command` of run_command must be a string");
    check("run_command", json!({ "command": "query-status", "arguments": "x" }), "must be an object");
    check("run_command", json!({ "command": "query-status", "argument": {} }), "did you mean `arguments`?");
    check("wait_job", json!({ "id": "j", "timeout": "soon" }), "must be a number of seconds");
    check("list_jobs", json!({ "all": true }), "list_jobs has no parameter `all`");
    let answer = agent.request("resources/read", json!({ "uri": "file:///etc/passwd" }));
    assert!(answer["error"]["message"].as_str().unwrap().contains("there is qmpsh://events"), "{answer}");
    assert_eq!(agent.run("query-status", json!({}))["status"], "running");
}

#[test]
fn a_long_result_is_cut_and_the_rest_comes_without_the_command() {
    const BYTES: usize = 200_000;
    let mock = Mock::new().negotiate().expect_execute("query-name").reply_string_of(BYTES as u64).unix();
    let mut agent = Agent::start(mock.socket(), &[]);
    let (mut text, mut offset) = (String::new(), 0);
    loop {
        let called = agent.call("run_command", json!({ "command": "query-name", "offset": offset }));
        let part = called.ok();
        assert!(part.len() <= 64 << 10);
        text += &part;
        let Some(note) = called.texts().get(1).cloned() else { break };
        assert!(note.contains(&format!("\"offset\": {})", text.len())), "{note}");
        offset = text.len();
    }
    assert_eq!(serde_json::from_str::<String>(&text).unwrap().len(), BYTES);
    let error = agent.call("run_command", json!({ "command": "query-uuid", "offset": 5 })).error();
    assert!(error.contains("without `offset`"), "{error}");
    drop(agent);
    mock.finish();
}

#[test]
fn calls_run_at_the_same_time() {
    let qemu = Qemu::none().start();
    let mut agent = Agent::start(&qemu.socket(), &["--allow", "stop"]);
    let wait =
        agent.send("tools/call", json!({ "name": "wait_event", "arguments": { "events": ["STOP"], "timeout": 60 } }));
    let stop = agent.send("tools/call", json!({ "name": "run_command", "arguments": { "command": "stop" } }));
    let mut answers = [agent.read(), agent.read()];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(wait), &json!(stop)));
    let event = answers[0]["result"]["content"][0]["text"].as_str().unwrap();
    assert!(event.contains("\"STOP\""), "{event}");
}

#[test]
fn a_call_can_be_canceled() {
    let qemu = Qemu::none().start();
    let mut agent = Agent::start(&qemu.socket(), &[]);
    let id =
        agent.send("tools/call", json!({ "name": "wait_event", "arguments": { "events": ["STOP"], "timeout": 3000 } }));
    let canceled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    agent.process.line(&canceled.to_string());
    assert_eq!(agent.run("query-status", json!({}))["status"], "running");
    // It does not hold up the end.
    agent.process.wait().status(0);
}

#[test]
fn the_end_of_stdin_and_a_signal_end_it() {
    let qemu = Qemu::none().start();
    for (signal, status) in [(None, 0), (Some(Signal::TERM), 143), (Some(Signal::INT), 130)] {
        let mut agent = Agent::start(&qemu.socket(), &[]);
        assert_eq!(agent.run("query-status", json!({}))["status"], "running");
        if let Some(signal) = signal {
            agent.process.signal(signal);
            assert_eq!(agent.process.wait_status().code(), Some(status));
        }
        agent.process.wait().stderr("").status(status);
    }
    // Also before the protocol begins.
    qmpsh().arg("mcp").arg(qemu.socket()).run().stdout("").status(0);
}

#[test]
fn a_vm_that_is_not_there_is_an_error_of_each_call() {
    let home = qmpsh();
    let socket = home.home().join("none.sock");
    let mut agent = Agent::start(&socket, &[]);
    for _ in 0..2 {
        let error = agent.call("run_command", json!({ "command": "query-status" })).error();
        assert!(error.contains("no such socket") && error.contains("the next call tries again"), "{error}");
    }
    assert!(agent.tools().contains(&"run_command".to_owned()));
    assert!(agent.call("list_vms", json!({})).ok().starts_with('['));
}

#[test]
fn a_lost_qemu_is_an_error_and_the_next_call_connects_again() {
    let first = Mock::new().negotiate().expect_execute("query-name").close().next_connection();
    let mock = first.negotiate().expect_execute("query-status").reply(r#"{"status": "running"}"#).unix();
    let mut agent = Agent::start(mock.socket(), &[]);
    let error = agent.call("run_command", json!({ "command": "query-name" })).error();
    assert!(error.contains("the connection was lost before the reply to `query-name` came"), "{error}");
    assert_eq!(agent.run("query-status", json!({}))["status"], "running");
    drop(agent);
    mock.finish();
    let mut qemu = Qemu::none().start();
    let mut agent = Agent::start(&qemu.socket(), &[]);
    assert_eq!(agent.run("query-status", json!({}))["status"], "running");
    let wait =
        agent.send("tools/call", json!({ "name": "wait_event", "arguments": { "events": ["STOP"], "timeout": 3000 } }));
    // Calls begin in their order, so the wait has begun when a later one is answered.
    assert_eq!(agent.run("query-status", json!({}))["status"], "running");
    qemu.signal(Signal::KILL);
    qemu.wait();
    let answer = agent.answer(wait);
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("the connection was lost"), "{answer}");
    let error = agent.call("run_command", json!({ "command": "query-status" })).error();
    assert!(error.contains("cannot connect to"), "{error}");
}

#[test]
fn what_mcp_does_not_take() {
    let check = |args: &[&str], expected: &str| {
        qmpsh().arg("mcp").args(args).run().stderr_contains(expected).stdout("").status(2);
    };
    check(&[], "no address");
    check(&["q.sock", "query-name"], "`mcp` does not take commands, such as `query-name`");
    check(&["q.sock", "-c", "stop"], "`mcp` does not take -c or -f");
    check(&["q.sock", "--qga"], "its tools are for a monitor");
    check(&["q.sock", "--reconnect", "1"], "connects again at the next call");
    check(&["q.sock", "--listen", "s.sock"], "works only with `qmpsh share`");
    check(&["fd:3"], "takes an address to connect to");
}
