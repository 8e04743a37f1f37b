//! `qmpsh mcp`: a JSON-RPC client on its stdin and stdout, as an agent's.

mod policies;
mod protocol;
mod tools;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::program::Process;
use crate::support::qmpsh;

/// An agent's client, and the server that it has started.
struct Agent {
    process: Process,
    last: u64,
    /// Messages that are no answers.
    notifications: Vec<Value>,
}

impl Agent {
    /// Starts `qmpsh mcp MONITOR ARGS...` and initializes the protocol.
    fn start(monitor: &Path, args: &[&str]) -> Self {
        let process = qmpsh().arg("mcp").arg(monitor).args(args).start();
        let mut agent = Self { process, last: 0, notifications: Vec::new() };
        let about = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
        let answer = agent.request("initialize", about);
        assert_eq!(answer["result"]["serverInfo"]["name"], "qmpsh", "{answer}");
        agent.process.line(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        agent
    }

    /// Sends a request and returns its id.
    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params });
        self.process.line(&request.to_string());
        self.last
    }

    /// Reads a message; stdout has nothing else.
    fn read(&mut self) -> Value {
        let line = self.process.read_line();
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        message
    }

    /// Reads the answer to a request.
    fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.read();
            if message["id"] == id {
                return message;
            }
            assert!(message.get("id").is_none(), "not the answer to {id}: {message}");
            self.notifications.push(message);
        }
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// Calls a tool and returns its result.
    fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer["error"].is_null(), "{tool}: {answer}");
        Called(answer["result"].clone())
    }

    /// Runs a command and returns what it returns.
    fn run(&mut self, command: &str, arguments: Value) -> Value {
        let text = self.call("run_command", json!({ "command": command, "arguments": arguments })).ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
    }

    fn tools(&mut self) -> Vec<String> {
        let answer = self.request("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().expect("tools").iter();
        tools.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// The result of a tool.
struct Called(Value);

impl Called {
    fn texts(&self) -> Vec<String> {
        let content = self.0["content"].as_array().expect("content").iter();
        content.filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
    }

    #[track_caller]
    fn ok(&self) -> String {
        assert_ne!(self.0["isError"], true, "{}", self.0);
        self.texts().remove(0)
    }

    #[track_caller]
    fn error(&self) -> String {
        assert_eq!(self.0["isError"], true, "{}", self.0);
        self.texts().remove(0)
    }
}
