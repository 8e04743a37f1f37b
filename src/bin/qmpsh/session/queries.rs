//! The queries that the shell sends by itself, such as for completion, the prompt and hints. [`ask`] sends only a [`Query`].
//!
//! None of these queries can harm a VM: QEMU makes no object for it, loads no module, and ends nothing. These commands can:
//!
//! - `device-list-properties` and `qom-list-properties` make an object of the type, which for some types aborts QEMU 7.2;
//! - `qom-list-types` loads all modules, and QEMU aborts if those on disk are of another build, as after an upgrade
//!   (docs/qmp.md, "Modules");
//! - `query-block` looks at every image file: a network file system that does not respond would block the VM.
//!
//! Commands of the user go through `Client::execute`, and parts of built-in commands through [`send`](super::ask::send).

use serde::Deserialize;
use serde_json::{Value, json};

use qmpsh::client::{Client, ExecuteError, Origin};
use qmpsh::language::syntax::is_refused;
use qmpsh::message::{Reply, Request};

/// A query that the shell may send by itself. Each says why it is harmless.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    /// Walks lists of block nodes in memory: no image file is looked at.
    BlockGraph,
    /// Reads counters in memory. It names each block device and its node without a look at the image file.
    BlockStats,
    /// Walks the list of block exports.
    BlockExports,
    /// Walks the list of block jobs.
    BlockJobs,
    /// Walks the list of character devices.
    Chardevs,
    /// Walks the guest agent's table of commands.
    GuestInfo,
    /// Walks the table of commands of the human monitor.
    HmpHelp,
    /// Walks the table of the `info` commands of the human monitor.
    HmpHelpInfo,
    /// Walks the list of network backends: no command of QMP names them.
    HmpInfoNetwork,
    /// Walks the list of places for CPUs, which was made with the machine.
    HotpluggableCpus,
    /// Walks the list of jobs.
    Jobs,
    /// Reads counters of the migration.
    Migration,
    /// Reads the switches of the migration.
    MigrationCapabilities,
    /// Reads the name that the VM was given.
    Name,
    /// Loads nothing, but has QEMU look at every image file, which can take long. So it is sent only when a person presses Tab
    /// where a dirty bitmap belongs, which no other query names, or a node of a peer without [`BlockGraph`](Self::BlockGraph).
    NamedBlockNodes,
    /// Walks the properties of an object that exists; their values are not read.
    QomList(QomPath),
    /// Copies a table that was made when QEMU was built.
    Schema,
    /// Reads the run state.
    Status,
    /// Walks the table of trace events, and reads the switch of each.
    TraceEvents,
}

/// A path of the object model that QEMU's parser accepts. QEMU's error for others has no id.
#[derive(Debug, Clone)]
pub(crate) struct QomPath(String);

impl QomPath {
    pub(crate) fn new(path: &str) -> Option<Self> {
        (!path.chars().any(is_refused)).then(|| Self(path.to_owned()))
    }
}

impl Query {
    pub(crate) fn request(&self) -> Request {
        let (command, arguments) = match self {
            Self::BlockGraph => ("x-debug-query-block-graph", None),
            Self::BlockStats => ("query-blockstats", None),
            Self::BlockExports => ("query-block-exports", None),
            Self::BlockJobs => ("query-block-jobs", None),
            Self::Chardevs => ("query-chardev", None),
            Self::GuestInfo => ("guest-info", None),
            Self::HmpHelp => ("human-monitor-command", Some(json!({ "command-line": "help" }))),
            Self::HmpHelpInfo => ("human-monitor-command", Some(json!({ "command-line": "help info" }))),
            Self::HmpInfoNetwork => ("human-monitor-command", Some(json!({ "command-line": "info network" }))),
            Self::HotpluggableCpus => ("query-hotpluggable-cpus", None),
            Self::Jobs => ("query-jobs", None),
            Self::Migration => ("query-migrate", None),
            Self::MigrationCapabilities => ("query-migrate-capabilities", None),
            Self::Name => ("query-name", None),
            Self::NamedBlockNodes => ("query-named-block-nodes", Some(json!({ "flat": true }))),
            Self::QomList(QomPath(path)) => ("qom-list", Some(json!({ "path": path }))),
            Self::Schema => ("query-qmp-schema", None),
            Self::Status => ("query-status", None),
            Self::TraceEvents => ("trace-event-get-state", Some(json!({ "name": "*" }))),
        };
        match arguments {
            None => Request::new(command),
            Some(arguments) => request(command, &arguments),
        }
    }
}

/// Makes a command with these arguments.
pub(crate) fn request(command: &str, arguments: &Value) -> Request {
    Request { text: format!(r#"{{"execute":"{command}","arguments":{arguments}}}"#), ..Request::new(command) }
}

/// Sends a query on the shell's own behalf, and waits for its reply. Cancel safe: a late reply is dropped.
#[expect(clippy::disallowed_methods, reason = "a query is harmless")]
pub(crate) async fn ask(client: &Client, query: &Query) -> Result<Reply, ExecuteError> {
    client.start_as(query.request(), Origin::Program).await?.await
}

/// One thing that `qom-list` lists. Source: `ObjectPropertyInfo` in QEMU's `qapi/qom.json`.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_arguments_that_the_query_needs() {
        let check = |query: Query, command: &str, text: &str| {
            let request = query.request();
            assert_eq!((request.command.as_str(), request.text.as_str()), (command, text));
        };
        check(Query::Status, "query-status", r#"{"execute":"query-status"}"#);
        check(
            Query::QomList(QomPath::new(r#"/a"b"#).unwrap()),
            "qom-list",
            r#"{"execute":"qom-list","arguments":{"path":"/a\"b"}}"#,
        );
        check(
            Query::HmpHelpInfo,
            "human-monitor-command",
            r#"{"execute":"human-monitor-command","arguments":{"command-line":"help info"}}"#,
        );
        assert!(QomPath::new("/a\u{fffe}").is_none());
    }
}
