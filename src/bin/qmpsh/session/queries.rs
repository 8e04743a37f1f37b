//! What the shell may ask a peer by itself: queries that create nothing there, and end nothing.
//!
//! Completion, hints, the prompt and explanations ask without being told to, so whatever they send must be harmless on any machine. Never
//! among them: `device-list-properties` and `qom-list-properties` make an object of the type in question, and for some types
//! that aborts a running QEMU. Source: SPEC 5; tried on QEMU 7.2 with virtio-gpu-gl-pci.

use serde::Deserialize;

use qmpsh::language::syntax::is_refused;
use qmpsh::message::Request;

/// Every command that may be sent on the shell's own behalf.
pub(crate) const HARMLESS: &[&str] = &[
    "guest-info",
    "query-block",
    "query-block-exports",
    "query-block-jobs",
    "query-chardev",
    "query-jobs",
    "query-migrate",
    "query-name",
    "query-named-block-nodes",
    "query-qmp-schema",
    "query-status",
    "qom-list",
    "qom-list-types",
    // With the lines in `HMP` only.
    "human-monitor-command",
];

/// Lines of the human monitor that only tell something.
pub(crate) const HMP: &[&str] = &["help", "help info", "info network"];

/// A query without arguments.
pub(crate) fn query(command: &str) -> Request {
    debug_assert!(HARMLESS.contains(&command), "{command} is not a query that the shell may ask by itself");
    Request::new(command)
}

/// A query with arguments, which are an object of JSON.
pub(crate) fn query_with(command: &str, arguments: &serde_json::Value) -> Request {
    Request { text: format!(r#"{{"execute":"{command}","arguments":{arguments}}}"#), ..query(command) }
}

/// What is at a path of the object model; none for a path that QEMU would refuse, without the id of the message.
pub(crate) fn qom_list(path: &str) -> Option<Request> {
    (!path.chars().any(is_refused)).then(|| query_with("qom-list", &serde_json::json!({ "path": path })))
}

/// One thing that `qom-list` lists. Source: `ObjectPropertyInfo` in QEMU's `qapi/qom.json`.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: String,
}

/// A line of the human monitor.
pub(crate) fn hmp(line: &str) -> Request {
    debug_assert!(HMP.contains(&line), "{line} is not a line that the shell may send by itself");
    query_with("human-monitor-command", &serde_json::json!({ "command-line": line }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Commands that are sent because a person asked for it, and by whom.
    const ASKED_FOR: [(&str, &str); 2] = [("builtins/jobs.rs", "job-dismiss"), ("connect/run.rs", "quit")];

    fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn whatever_the_shell_sends_by_itself_is_among_them() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/qmpsh"), &mut files);
        let mut found = 0;
        for (file, text) in &files {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in ["Request::new(", "query(", "query_with("] {
                for after in code.split(call).skip(1) {
                    // A name that is not written out here comes from a call that is looked at itself.
                    let Some(command) = after.strip_prefix('"').and_then(|after| after.split('"').next()) else {
                        continue;
                    };
                    let asked_for = ASKED_FOR.iter().any(|(by, name)| file.ends_with(by) && *name == command);
                    assert!(HARMLESS.contains(&command) || asked_for, "{file} sends {command}");
                    found += 1;
                }
            }
            for forbidden in ["device-list-properties", "qom-list-properties"] {
                assert!(!code.contains(&format!("\"{forbidden}\"")), "{file} names {forbidden}");
            }
        }
        assert!(found > 15, "found only {found} commands");
    }

    #[test]
    fn nothing_among_them_creates_or_changes_anything() {
        for command in HARMLESS {
            let asks = ["query-", "guest-info", "qom-list"].iter().any(|start| command.starts_with(start));
            assert!(asks || *command == "human-monitor-command", "{command}");
            assert!(!command.ends_with("-properties"), "{command} makes an object of the type");
        }
        for line in HMP {
            assert!(line.starts_with("help") || line.starts_with("info "), "{line}");
        }
    }
}
