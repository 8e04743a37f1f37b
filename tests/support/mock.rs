//! A QMP server that plays a script: what it expects, what it sends, and what goes wrong.
//!
//! ```ignore
//! let mock = Mock::new().negotiate().expect_execute("query-status").reply(r#"{"status":"running"}"#).unix();
//! qmpsh().arg(mock.socket()).arg("query-status").run().status(0);
//! mock.finish();
//! ```
//!
//! It answers nothing by itself. The test fails in [`Played::finish`], or when it drops [`Played`], if something came that the script
//! does not expect, or something expected did not come. [`Mock::interactive`] also answers what the interactive shell asks by itself.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::player::{Listener, Player};
use super::{DEADLINE, poll_until, temporary_directory};

/// QEMU 7.2's greeting.
pub const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \
     \"package\": \"Debian 1:7.2+dfsg-7+deb12u18\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// The answer, as a member, to a query that the interactive shell sends by itself (`src/bin/qmpsh/session/queries.rs`). It is that of
/// a VM that runs, and has no name, no devices and no schema.
pub fn shell_answer(query: &str) -> Option<&'static str> {
    const UNKNOWN: &str = r#""error": {"class": "CommandNotFound", "desc": "no such command"}"#;
    Some(match query {
        "guest-info" | "query-qmp-schema" | "x-debug-query-block-graph" => UNKNOWN,
        "human-monitor-command" | "qom-get" => r#""return": """#,
        "qom-list"
        | "query-block"
        | "query-block-exports"
        | "query-block-jobs"
        | "query-blockstats"
        | "query-chardev"
        | "query-cpus-fast"
        | "query-hotpluggable-cpus"
        | "query-jobs"
        | "query-machines"
        | "query-memdev"
        | "query-memory-devices"
        | "query-migrate-capabilities"
        | "query-named-block-nodes"
        | "query-pci"
        | "trace-event-get-state" => r#""return": []"#,
        "query-balloon" | "query-memory-size-summary" | "query-migrate" | "query-name" => r#""return": {}"#,
        "query-status" => r#""return": {"status": "running", "singlestep": false, "running": true}"#,
        _ => return None,
    })
}

/// One thing that the server does.
#[derive(Clone, Debug)]
pub enum Step {
    Accept,
    Send(Vec<u8>),
    /// Sends what the function makes of 0, 1, … up to the count.
    SendMany(u64, fn(u64) -> String),
    Expect(Expected),
    ExpectSilence,
    /// Sends this, and the `id` of the oldest or the latest command without a reply.
    Reply {
        text: String,
        latest: bool,
    },
    Pause,
    HoldWithoutReading,
    FinishSending,
    Close,
    Reset,
}

#[derive(Clone, Debug)]
pub enum Expected {
    /// This document; its `id` counts only if it is given.
    Json(Value),
    Text(String),
    Command(String),
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(document) => document.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Command(name) => write!(f, "the command {name}"),
        }
    }
}

/// In a text that is expected: an id that is another one in each session, as that of the negotiation is.
pub const ANY_ID: &str = r#""id":ANY"#;

/// A script. [`Mock::unix`] and [`Mock::tcp`] start a server that plays it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Mock {
    steps: Vec<Step>,
    answers_shell: bool,
}

impl Mock {
    /// An empty script: it accepts a client, and stays silent.
    pub fn new() -> Self {
        Self { steps: vec![Step::Accept], answers_shell: false }
    }

    /// An empty script for the interactive shell. The server answers by itself as [`shell_answer`] says, unless the script expects
    /// this query at that moment. [`Seen::answered`] has their names.
    pub fn interactive() -> Self {
        Self { answers_shell: true, ..Self::new() }
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub fn greeting(self) -> Self {
        self.send(GREETING)
    }

    /// Greets, and answers a negotiation, whatever capabilities that asks for.
    pub fn negotiate(self) -> Self {
        self.greeting().expect_execute("qmp_capabilities").reply("{}")
    }

    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    pub fn send_one_by_one(self, bytes: impl AsRef<[u8]>) -> Self {
        bytes.as_ref().iter().fold(self, |mock, byte| mock.send([*byte]))
    }

    /// Expects this document, compared as JSON; its `id` counts only if it is given here.
    pub fn expect(self, json: &str) -> Self {
        let document = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e} in {json}"));
        self.step(Step::Expect(Expected::Json(document)))
    }

    /// Expects exactly this text; [`ANY_ID`] stands for any id.
    pub fn expect_text(self, text: &str) -> Self {
        self.step(Step::Expect(Expected::Text(text.to_owned())))
    }

    pub fn expect_execute(self, command: &str) -> Self {
        self.step(Step::Expect(Expected::Command(command.to_owned())))
    }

    pub fn refuse_schema(self) -> Self {
        self.expect_execute("query-qmp-schema").error("CommandNotFound", "no such command")
    }

    /// Expects that nothing more has come until now: a client does not speak before the greeting.
    pub fn expect_silence(self) -> Self {
        self.step(Step::ExpectSilence)
    }

    /// Answers the oldest command without a reply, with its `id`: `return` is this JSON.
    pub fn reply(self, json: &str) -> Self {
        self.answer("return", json)
    }

    /// Answers as [`Self::reply`], with this member in place of `return`.
    pub fn answer(self, member: &str, json: &str) -> Self {
        self.step(Step::Reply { text: format!("{{\"{member}\": {json}"), latest: false })
    }

    pub fn reply_latest(self, json: &str) -> Self {
        self.step(Step::Reply { text: format!("{{\"return\": {json}"), latest: true })
    }

    pub fn error(self, class: &str, desc: &str) -> Self {
        self.answer("error", &error(class, desc))
    }

    pub fn error_latest(self, class: &str, desc: &str) -> Self {
        self.step(Step::Reply { text: format!("{{\"error\": {}", error(class, desc)), latest: true })
    }

    pub fn event(self, name: &str, data: &str) -> Self {
        self.send(event(name, data))
    }

    /// Sends this many events `FLOOD`, their data `{"n": 0}` and up.
    pub fn events(self, count: u64) -> Self {
        self.step(Step::SendMany(count, |n| event("FLOOD", &format!("{{\"n\": {n}}}"))))
    }

    /// Answers with a string of this many `x`. It is never in memory as a whole.
    pub fn reply_string_of(self, bytes: u64) -> Self {
        const PIECE: usize = 65536;
        let rest = usize::try_from(bytes % PIECE as u64).expect("less than a piece");
        let pieces = Step::SendMany(bytes / PIECE as u64, |_| "x".repeat(PIECE));
        self.send("{\"return\": \"").step(pieces).step(Step::Reply { text: "x".repeat(rest) + "\"", latest: false })
    }

    /// Answers with a list of `{"n": 0}` and up. It is never in memory as a whole.
    pub fn reply_list_of(self, objects: u64) -> Self {
        let pieces =
            Step::SendMany(objects, |n| if n == 0 { "{\"n\": 0}".to_owned() } else { format!(", {{\"n\": {n}}}") });
        self.send("{\"return\": [").step(pieces).step(Step::Reply { text: "]".to_owned(), latest: false })
    }

    pub fn pause(self) -> Self {
        self.step(Step::Pause)
    }

    /// From here on neither reads nor writes, and keeps the connection open until the test ends. The last step.
    pub fn hold_without_reading(self) -> Self {
        self.step(Step::HoldWithoutReading)
    }

    pub fn finish_sending(self) -> Self {
        self.step(Step::FinishSending)
    }

    /// Closes the connection. A script without it expects the client to close.
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Resets the connection. A Unix socket needs something unread for that: there it waits for the
    /// client to send, so it stands in the place of an `expect`.
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    pub fn next_connection(self) -> Self {
        self.close().step(Step::Accept)
    }

    /// Starts a server on a Unix socket in a directory of its own.
    pub fn unix(self) -> Played {
        let directory = temporary_directory();
        let socket = directory.path().join("mock.sock");
        let listener = UnixListener::bind(&socket).expect("a Unix socket to listen on");
        listener.set_nonblocking(true).expect("a socket");
        self.play(Listener::Unix(listener), directory, socket, None)
    }

    pub fn tcp(self) -> Played {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a TCP socket to listen on");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("its address");
        self.play(Listener::Tcp(listener), temporary_directory(), PathBuf::new(), Some(address))
    }

    fn play(self, listener: Listener, directory: TempDir, socket: PathBuf, tcp: Option<SocketAddr>) -> Played {
        let shared = Arc::new(Shared::default());
        let player = Player::new(listener, Arc::clone(&shared), self.answers_shell);
        let thread = thread::spawn(move || player.play(self.steps));
        Played { socket, tcp, _directory: directory, shared, thread: Some(thread) }
    }
}

fn event(name: &str, data: &str) -> String {
    let time = r#"{"seconds": 1700000000, "microseconds": 5}"#;
    format!("{{\"timestamp\": {time}, \"event\": \"{name}\", \"data\": {data}}}\r\n")
}

fn error(class: &str, desc: &str) -> String {
    serde_json::json!({"class": class, "desc": desc}).to_string()
}

/// What the player and the test have in common.
#[derive(Debug, Default)]
pub struct Shared {
    seen: Mutex<Seen>,
    pub go_on: Notify,
    pub stop: CancellationToken,
}

impl Shared {
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

#[derive(Debug, Default)]
pub struct Seen {
    pub transcript: Vec<String>,
    /// The documents that the script expected, as they came.
    pub documents: Vec<String>,
    /// The names of the shell's own queries that were answered without the script.
    pub answered: Vec<String>,
    pub bytes: Vec<u8>,
    /// What was expected and did not come, or came unexpected.
    pub failure: Option<String>,
    /// Every step is done: only the end of the connection is left.
    pub done: bool,
    pub paused: bool,
}

/// A mock server at work, on a thread of its own.
#[derive(Debug)]
pub struct Played {
    socket: PathBuf,
    tcp: Option<SocketAddr>,
    _directory: TempDir,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Played {
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub fn tcp(&self) -> SocketAddr {
        self.tcp.expect("`Mock::tcp` has the server listen on TCP")
    }

    /// Waits until the next pause is reached. What was sent before it is in the socket then.
    #[track_caller]
    pub fn wait_for_pause(&self) {
        poll_until(DEADLINE, || {
            let seen = self.shared.seen();
            (seen.paused || seen.failure.is_some()).then_some(())
        });
        let paused = self.shared.seen().paused;
        assert!(paused, "the pause was not reached:\n{}", self.transcript());
    }

    #[track_caller]
    pub fn go_on(&self) {
        self.wait_for_pause();
        self.shared.seen().paused = false;
        self.shared.go_on.notify_one();
    }

    /// Waits until the script is at its end, checks it, and returns what came.
    #[track_caller]
    pub fn finish(mut self) -> Seen {
        self.end_and_check();
        std::mem::take(&mut *self.shared.seen())
    }

    /// Ends it where it stands, and checks nothing: for a client that leaves while the server sends.
    pub fn abandon(mut self) {
        self.end(false);
    }

    /// Checks that no client has connected.
    #[track_caller]
    pub fn finish_without_connection(mut self) {
        assert_eq!(self.end(false).as_deref(), Some("waited in vain for a connection"), "{}", self.transcript());
    }

    fn transcript(&self) -> String {
        self.shared.seen().transcript.join("\n")
    }

    #[track_caller]
    fn end_and_check(&mut self) {
        if let Some(failure) = self.end(true) {
            panic!("the mock server {failure}\n{}", self.transcript());
        }
    }

    /// Ends the player: after the script if there is time for it, else where it stands.
    fn end(&mut self, after_script: bool) -> Option<String> {
        let thread = self.thread.take()?;
        if after_script {
            poll_until(DEADLINE, || (self.shared.seen().done || thread.is_finished()).then_some(()));
        }
        self.shared.stop.cancel();
        if thread.join().is_err() { Some("broke".to_owned()) } else { self.shared.seen().failure.clone() }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        if !thread::panicking() {
            return self.end_and_check();
        }
        self.end(false);
        #[allow(clippy::print_stderr, reason = "the test has failed; this is a part of why")]
        {
            eprintln!("the mock server saw:\n{}", self.transcript());
        }
    }
}
