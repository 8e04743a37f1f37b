//! A QMP server that plays what a test wrote down: what it expects, what it says, and what goes wrong.
//!
//! ```ignore
//! let mock = Mock::qmp().expect_execute("query-status").reply(r#"{"status":"running"}"#).unix();
//! qmpsh().arg(mock.socket()).arg("query-status").run().status(0);
//! mock.finish();
//! ```
//!
//! It reads documents, not lines. What comes unexpected, and what was expected and does not come, fails the test: in
//! [`Mock::finish`](Played::finish), or when it is dropped.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;
use tempfile::TempDir;

use super::play::{Listener, Player};
use super::{DEADLINE, poll_until, temporary_directory};

/// QEMU 7.2's greeting.
pub const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \
     \"package\": \"Debian 1:7.2+dfsg-7+deb12u18\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// One thing that the server does.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Vec<u8>),
    SendOneByOne(Vec<u8>),
    Expect(Value),
    ExpectText(String),
    ExpectExecute(String),
    ExpectQuiet,
    Answer(Answer),
    AnswerLatest(Answer),
    Events(u64),
    BigString(u64),
    BigList(u64),
    Pause,
    HoldWithoutReading,
    FinishSending,
    Close,
    Reset,
    NextConnection,
}

/// What a command is answered: the name of the member, and its JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    pub member: String,
    pub json: String,
}

/// A script; [`Mock::unix`] or [`Mock::tcp`] puts it on stage.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Mock {
    steps: Vec<Step>,
}

impl Mock {
    /// An empty script: the client connects, and is met by silence.
    pub fn new() -> Self {
        Self::default()
    }

    /// A script that begins with the greeting and a negotiation, whatever capabilities that asks for.
    pub fn qmp() -> Self {
        Self::new().greeting().expect_execute("qmp_capabilities").reply("{}")
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Says hello as QEMU does.
    pub fn greeting(self) -> Self {
        self.send(GREETING)
    }

    /// Sends these bytes in one write.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends these bytes in a write each.
    pub fn send_one_by_one(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::SendOneByOne(bytes.into()))
    }

    /// Expects this document, compared as JSON; its `id` only if it is given here.
    pub fn expect(self, json: &str) -> Self {
        let document = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e} in {json}"));
        self.step(Step::Expect(document))
    }

    /// Expects exactly this text.
    pub fn expect_text(self, text: &str) -> Self {
        self.step(Step::ExpectText(text.to_owned()))
    }

    /// Expects this command, with any arguments.
    pub fn expect_execute(self, command: &str) -> Self {
        self.step(Step::ExpectExecute(command.to_owned()))
    }

    /// Nothing has come that was not expected, at this moment: a client does not speak before the greeting.
    pub fn expect_quiet(self) -> Self {
        self.step(Step::ExpectQuiet)
    }

    /// Answers the oldest command not answered yet, with its `id`: `return` is this JSON.
    pub fn reply(self, json: &str) -> Self {
        self.answer("return", json)
    }

    /// The same with another member than `return`: its name, and its JSON, are sent as they are.
    pub fn answer(self, member: &str, json: &str) -> Self {
        self.step(Step::Answer(Answer { member: member.to_owned(), json: json.to_owned() }))
    }

    /// Answers the latest command, as an out-of-band one may overtake.
    pub fn reply_latest(self, json: &str) -> Self {
        self.step(Step::AnswerLatest(Answer { member: "return".to_owned(), json: json.to_owned() }))
    }

    /// Refuses the oldest command not answered yet.
    pub fn error(self, class: &str, desc: &str) -> Self {
        self.answer("error", &serde_json::json!({"class": class, "desc": desc}).to_string())
    }

    /// Refuses the latest command.
    pub fn error_latest(self, class: &str, desc: &str) -> Self {
        let json = serde_json::json!({"class": class, "desc": desc}).to_string();
        self.step(Step::AnswerLatest(Answer { member: "error".to_owned(), json }))
    }

    /// Sends an event; `data` is JSON.
    pub fn event(self, name: &str, data: &str) -> Self {
        let time = r#"{"seconds": 1700000000, "microseconds": 5}"#;
        self.send(format!("{{\"timestamp\": {time}, \"event\": \"{name}\", \"data\": {data}}}\r\n"))
    }

    /// Sends so many events `FLOOD`, their data `{"n": 0}` and up.
    pub fn events(self, count: u64) -> Self {
        self.step(Step::Events(count))
    }

    /// Answers with a string of so many `x`; it is never in memory as a whole.
    pub fn reply_string_of(self, bytes: u64) -> Self {
        self.step(Step::BigString(bytes))
    }

    /// Answers with a list of `{"n": 0}` and up; it is never in memory as a whole.
    pub fn reply_list_of(self, objects: u64) -> Self {
        self.step(Step::BigList(objects))
    }

    /// Stops here until [`Played::go_on`].
    pub fn pause(self) -> Self {
        self.step(Step::Pause)
    }

    /// From here on it neither reads nor writes: the connection stays until the client closes it. The last step.
    pub fn hold_without_reading(self) -> Self {
        self.step(Step::HoldWithoutReading)
    }

    /// The client sees the end of file; what it sends still arrives.
    pub fn finish_sending(self) -> Self {
        self.step(Step::FinishSending)
    }

    /// Closes the connection. Without it the client is to close.
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Resets the connection. A Unix socket needs something unread for that: there it waits for the
    /// client to send, so it stands in the place of an `expect`.
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Closes the connection, and takes the next one.
    pub fn next_connection(self) -> Self {
        self.step(Step::NextConnection)
    }

    /// Listens on a Unix socket in a directory of its own, and plays.
    pub fn unix(self) -> Played {
        let directory = temporary_directory();
        let path = directory.path().join("mock.sock");
        let listener = UnixListener::bind(&path).expect("a Unix socket to listen on");
        self.play(Listener::Unix(listener), Address::Unix(path, directory))
    }

    /// Listens on a free port of the loopback interface, and plays.
    pub fn tcp(self) -> Played {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a TCP socket to listen on");
        let address = listener.local_addr().expect("its address");
        self.play(Listener::Tcp(listener), Address::Tcp(address))
    }

    fn play(self, listener: Listener, address: Address) -> Played {
        let shared = Arc::new(Shared::default());
        let player = Player::new(listener, Arc::clone(&shared));
        let thread = thread::spawn(move || player.play(self.steps));
        Played { address, shared, thread: Some(thread) }
    }
}

/// What the player and the test have in common.
#[derive(Debug, Default)]
pub struct Shared {
    pub seen: Mutex<Seen>,
    /// Told when a pause is reached, and when it is over.
    pub pauses: Condvar,
    pub stop: AtomicBool,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Both directions, shortened, for messages.
    pub transcript: Vec<String>,
    /// The documents that came, as they came.
    pub documents: Vec<String>,
    /// All bytes that came, documents or not.
    pub bytes: Vec<u8>,
    /// What was expected and did not come, or came unexpected.
    pub failure: Option<String>,
    /// Every step is done: only the end of the connection is left.
    pub done: bool,
    pub paused: bool,
}

#[derive(Debug)]
enum Address {
    Unix(PathBuf, #[allow(dead_code, reason = "kept for its drop")] TempDir),
    Tcp(SocketAddr),
}

/// A mock server at work, on a thread of its own.
#[derive(Debug)]
pub struct Played {
    address: Address,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Played {
    /// The path of the Unix socket.
    pub fn socket(&self) -> &Path {
        match &self.address {
            Address::Unix(path, _) => path,
            Address::Tcp(_) => panic!("it was put on TCP"),
        }
    }

    /// The TCP address.
    pub fn tcp(&self) -> SocketAddr {
        match &self.address {
            Address::Tcp(address) => *address,
            Address::Unix(..) => panic!("it was put on a Unix socket"),
        }
    }

    /// Waits until the next pause is reached. What was sent before it is in the socket then.
    #[track_caller]
    pub fn wait_for_pause(&self) {
        let seen = self.shared.seen.lock().unwrap();
        let waiting = |seen: &mut Seen| !seen.paused && seen.failure.is_none();
        let (seen, _) = self.shared.pauses.wait_timeout_while(seen, DEADLINE, waiting).unwrap();
        let (paused, transcript) = (seen.paused, seen.transcript.join("\n"));
        drop(seen);
        assert!(paused, "the pause was not reached:\n{transcript}");
    }

    /// Waits for the pause, and ends it.
    #[track_caller]
    pub fn go_on(&self) {
        self.wait_for_pause();
        self.shared.seen.lock().unwrap().paused = false;
        self.shared.pauses.notify_all();
    }

    /// The documents that came until now, as they came.
    pub fn received(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().documents.clone()
    }

    /// Waits until the script is at its end, checks it, and returns what came.
    #[track_caller]
    pub fn finish(mut self) -> Seen {
        let failure = self.end(true);
        let seen = std::mem::take(&mut *self.shared.seen.lock().unwrap());
        if let Some(failure) = failure {
            panic!("the mock server {failure}\n{}", seen.transcript.join("\n"));
        }
        seen
    }

    /// Ends it where it stands, and checks nothing: for a client that is killed in the middle.
    pub fn abandon(mut self) -> Seen {
        self.end(false);
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }

    /// Ends the player: after the script if there is time for it, else where it stands.
    fn end(&mut self, patient: bool) -> Option<String> {
        let thread = self.thread.take()?;
        if patient {
            poll_until(DEADLINE, || (self.shared.seen.lock().unwrap().done || thread.is_finished()).then_some(()));
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.pauses.notify_all();
        let panicked = thread.join().is_err();
        let seen = self.shared.seen.lock().unwrap();
        if panicked { Some("broke".to_owned()) } else { seen.failure.clone() }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        let panicking = thread::panicking();
        let failure = self.end(!panicking);
        let Ok(seen) = self.shared.seen.lock() else {
            return;
        };
        let transcript = seen.transcript.join("\n");
        drop(seen);
        if panicking {
            #[allow(clippy::print_stderr, reason = "the test has failed; this is a part of why")]
            {
                eprintln!("the mock server saw:\n{transcript}");
            }
        } else if let Some(failure) = failure {
            panic!("the mock server {failure}\n{transcript}");
        }
    }
}
