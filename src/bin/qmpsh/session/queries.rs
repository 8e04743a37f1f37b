//! The queries that the shell sends by itself, such as for completion, the prompt and hints. [`ask`] sends only a [`Query`].
//!
//! None of these queries can harm a VM: QEMU makes no object for it, loads no module, and ends nothing. These commands can:
//!
//! - `device-list-properties` and `qom-list-properties` make an object of the type, which for some types aborts QEMU 7.2;
//! - `qom-list-types` loads all modules, and QEMU aborts if those on disk are of another build, as after an upgrade
//!   (docs/qmp.md, "Modules");
//! - `query-block` looks at every image file: a network file system that does not respond would block the VM. Only `.show block`
//!   sends it, because a person asked for that.
//!
//! Commands of the user go through `Client::execute`, and parts of built-in commands through [`send`](super::ask::send).

use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use qmpsh::client::{Client, ExecuteError, Origin};
use qmpsh::json::is_noncharacter;
use qmpsh::message::{Reply, Request};

/// A query that the shell may send by itself. Each says why it is harmless.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    /// Reads a size that the balloon keeps.
    Balloon,
    /// Loads nothing, but has QEMU look at every image file, which can take long. Only `.show block` sends it.
    Block,
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
    /// Walks the list of CPUs. None of them is stopped for it, which `query-cpus` of older versions did.
    Cpus,
    /// Walks the guest agent's table of commands.
    GuestInfo,
    /// Walks the table of commands of the human monitor.
    HmpHelp,
    /// Walks the table of the `info` commands of the human monitor.
    HmpHelpInfo,
    /// Walks the list of network backends: no command of QMP names them.
    HmpInfoNetwork,
    /// Walks the table of places for CPUs that the machine made when it started. It makes no CPU.
    HotpluggableCpus,
    /// Walks the list of jobs.
    Jobs,
    /// Walks the table of machine types. It makes no machine.
    Machines,
    /// Walks the list of memory backends.
    MemoryBackends,
    /// Walks the list of memory devices.
    MemoryDevices,
    /// Adds up sizes.
    MemorySize,
    /// Reads counters of the migration.
    Migration,
    /// Reads the switches of the migration.
    MigrationCapabilities,
    /// Reads the name that the VM was given.
    Name,
    /// Loads nothing, but has QEMU look at every image file, which can take long. So it is sent only when a person presses Tab
    /// where a dirty bitmap belongs, which no other query names, or a node of a peer without [`BlockGraph`](Self::BlockGraph), and
    /// by `.show block`.
    NamedBlockNodes,
    /// Reads the configuration space of PCI devices from memory. No device runs code for it.
    Pci,
    /// Walks the properties of an object that exists; their values are not read.
    QomList(QomPath),
    /// Reads where a link leads, or the name of the backend in a property such as `chardev`. QEMU only copies a text. Other
    /// properties run code of the object, and may be secret.
    QomReference(QomPath, QomName),
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
        (!path.chars().any(is_noncharacter)).then(|| Self(path.to_owned()))
    }
}

/// The name of a property that refers to another object: a link, or one of [`REFERENCES`].
#[derive(Debug, Clone)]
pub(crate) struct QomName(String);

/// The properties with the name of a backend.
const REFERENCES: [&str; 2] = ["chardev", "memory-backend"];

impl QomName {
    /// Returns the name if the type is that of a link, or if the property is known to hold the name of a backend.
    pub(crate) fn of(name: &str, ty: &str) -> Option<Self> {
        let refers = ty.starts_with("link<") || REFERENCES.contains(&name);
        (refers && !name.chars().any(is_noncharacter)).then(|| Self(name.to_owned()))
    }
}

impl Query {
    pub(crate) fn request(&self) -> Request {
        let (command, arguments) = match self {
            Self::Balloon => ("query-balloon", None),
            Self::Block => ("query-block", None),
            Self::BlockGraph => ("x-debug-query-block-graph", None),
            Self::BlockStats => ("query-blockstats", None),
            Self::BlockExports => ("query-block-exports", None),
            Self::BlockJobs => ("query-block-jobs", None),
            Self::Chardevs => ("query-chardev", None),
            Self::Cpus => ("query-cpus-fast", None),
            Self::GuestInfo => ("guest-info", None),
            Self::HmpHelp => ("human-monitor-command", Some(json!({ "command-line": "help" }))),
            Self::HmpHelpInfo => ("human-monitor-command", Some(json!({ "command-line": "help info" }))),
            Self::HmpInfoNetwork => ("human-monitor-command", Some(json!({ "command-line": "info network" }))),
            Self::HotpluggableCpus => ("query-hotpluggable-cpus", None),
            Self::Jobs => ("query-jobs", None),
            Self::Machines => ("query-machines", None),
            Self::MemoryBackends => ("query-memdev", None),
            Self::MemoryDevices => ("query-memory-devices", None),
            Self::MemorySize => ("query-memory-size-summary", None),
            Self::Migration => ("query-migrate", None),
            Self::MigrationCapabilities => ("query-migrate-capabilities", None),
            Self::Name => ("query-name", None),
            Self::NamedBlockNodes => ("query-named-block-nodes", Some(json!({ "flat": true }))),
            Self::Pci => ("query-pci", None),
            Self::QomList(QomPath(path)) => ("qom-list", Some(json!({ "path": path }))),
            Self::QomReference(QomPath(path), QomName(property)) => {
                ("qom-get", Some(json!({ "path": path, "property": property })))
            }
            Self::Schema => ("query-qmp-schema", None),
            Self::Status => ("query-status", None),
            Self::TraceEvents => ("trace-event-get-state", Some(json!({ "name": "*" }))),
        };
        let request = Request::new(command);
        // QEMU takes all of these arguments: paths and names were checked.
        request.clone().arguments(&arguments).unwrap_or(request)
    }
}

/// How long leaving waits for late replies.
const LATE: Duration = Duration::from_millis(200);

/// The queries without a reply, also those that were given up.
static UNANSWERED_QUERIES: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Waits a short time for late replies. QEMU would give them to the next client (docs/qmp.md, "Transports").
pub(crate) async fn settle() {
    UNANSWERED_QUERIES.close();
    // A peer that does not answer must not hold up the end.
    let _ = timeout(LATE, UNANSWERED_QUERIES.wait()).await;
}

/// Sends a query on the shell's own behalf, and waits for its reply. Cancel safe: a late reply is dropped.
pub(crate) async fn ask(client: &Client, query: &Query) -> Result<Reply, ExecuteError> {
    start(client, query).await?.await
}

/// Runs work that must not end halfway. It goes on if the future is dropped, and leaving waits a short time for it.
pub(crate) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    UNANSWERED_QUERIES.spawn(work).await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// Sends a query, and returns the future of its reply.
#[expect(clippy::disallowed_methods, reason = "a query is harmless")]
async fn start(
    client: &Client,
    query: &Query,
) -> Result<impl Future<Output = Result<Reply, ExecuteError>> + use<>, ExecuteError> {
    let execution = client.start_as(query.request(), Origin::Program).await?;
    let answer = UNANSWERED_QUERIES.spawn(execution);
    Ok(async { answer.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())) })
}

/// How many queries may be unanswered at once. QEMU stops reading at 8, and out-of-band commands would wait then.
const UNANSWERED: usize = 7;

/// Sends queries on the shell's own behalf, several at a time, and waits for their replies. Cancel safe: late replies are dropped.
pub(crate) async fn ask_all(client: &Client, queries: &[Query]) -> Vec<Result<Reply, ExecuteError>> {
    let mut replies = Vec::with_capacity(queries.len());
    for queries in queries.chunks(UNANSWERED) {
        let mut started = Vec::with_capacity(queries.len());
        for query in queries {
            started.push(start(client, query).await);
        }
        for execution in started {
            replies.push(match execution {
                Ok(execution) => execution.await,
                Err(error) => Err(error),
            });
        }
    }
    replies
}

/// One thing that `qom-list` lists. Source: `ObjectPropertyInfo` in QEMU's `qapi/qom.json`.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: String,
}

/// Returns the type of the object in the type of a property, which is `child<TYPE>` or `link<TYPE>`, if it is of this kind.
pub(crate) fn within<'a>(kind: &str, ty: &'a str) -> Option<&'a str> {
    ty.strip_prefix(kind)?.strip_prefix('<')?.strip_suffix('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_arguments_that_the_query_needs() {
        let check = |query: Query, command: &str, text: &str| {
            let request = query.request();
            assert_eq!((request.command(), request.text()), (command, text));
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

    #[test]
    fn only_properties_that_refer_to_objects_are_read() {
        let check = |name: &str, ty: &str, expected: bool| {
            assert_eq!(QomName::of(name, ty).is_some(), expected, "{name} {ty}");
        };
        check("parent_bus", "link<bus>", true);
        check("chardev", "str", true);
        check("data", "string", false);
        check("rtc-time", "struct tm", false);
        check("a\u{fffe}", "link<bus>", false);
    }

    #[tokio::test(start_paused = true)]
    async fn leaving_waits_for_own_queries_and_not_for_long() {
        let began = tokio::time::Instant::now();
        settle().await;
        assert_eq!(began.elapsed(), Duration::ZERO);

        let answered = UNANSWERED_QUERIES.spawn(tokio::time::sleep(LATE / 2));
        settle().await;
        assert!(began.elapsed() < LATE && answered.is_finished());

        UNANSWERED_QUERIES.spawn(std::future::pending::<()>());
        let began = tokio::time::Instant::now();
        settle().await;
        assert!(began.elapsed() >= LATE);
    }
}
