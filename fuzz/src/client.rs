//! The client against a peer that does anything.
//!
//! The first byte chooses the kind of session, and the rest is what the peer sends: traffic as it was recorded is a script. Control
//! characters that no traffic has stand for what else happens, see [`Step`], and `@` for the id of the negotiation.

use std::collections::{HashMap, HashSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use qmpsh::client::{Client, ExecuteError, Observer, Origin};
use qmpsh::events::{Delivery, EventStream};
use qmpsh::json::Document;
use qmpsh::message::{Reply, Request};
use qmpsh::protocol::{Dial, Link, Runstate, SessionError};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;

/// How many commands a session runs at most.
const COMMANDS: usize = 64;

/// How long nothing may take: no time passes but where all wait for it.
const FOREVER: Duration = Duration::from_secs(3600);

const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "capabilities": ["oob"]}}"#;

/// What happens at a place of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A command is sent.
    Start,
    /// The caller drops the oldest command.
    Cancel,
    /// All that came is read before more comes.
    Cut,
    /// The peer stops reading, or goes on.
    Reading,
    /// The peer sends no more, but reads on.
    Shutdown,
    /// The peer is gone.
    Close,
    Disconnect,
    Abort,
    /// Time passes.
    Wait,
    /// The events are taken.
    Events,
}

impl Step {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0x00 => Self::Start,
            0x01 => Self::Cancel,
            0x02 => Self::Cut,
            0x03 => Self::Reading,
            0x04 => Self::Shutdown,
            0x05 => Self::Close,
            0x06 => Self::Disconnect,
            0x07 => Self::Abort,
            0x08 => Self::Wait,
            0x0b => Self::Events,
            _ => return None,
        })
    }
}

/// Plays a script. Each command has one outcome, which is its own, nothing hangs, and nothing is left.
pub fn check(bytes: &[u8]) {
    let Some((&mode, script)) = bytes.split_first() else { return };
    let used = allocation_counter::measure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(play(mode, script));
    });
    // The commands, the session, and what has come, which may be in the buffer, in events, and in this test.
    let bound = (1 << 20) + 16 * bytes.len() as u64;
    assert!(used.bytes_max < bound, "{} bytes for {}", used.bytes_max, bytes.len());
}

async fn play(mode: u8, script: &[u8]) {
    let watch = Arc::new(Watch::default());
    let is_watched = mode & 8 == 0;
    let client = Client::builder()
        .negotiate(mode & 3 != 2)
        .guest_agent(mode & 3 == 3)
        .max_message(if mode & 4 == 0 { 1 << 20 } else { 200 })
        .observer(is_watched.then(|| Arc::clone(&watch) as Arc<dyn Observer>))
        .build();
    let delivery = if is_watched { Delivery::Newest { room: 300 } } else { Delivery::Lossless { room: 300 } };
    let mut states = client.session().watch();
    let (ours, theirs) = tokio::io::duplex(4096);
    let mut stage = Stage {
        events: Some(client.events_with(delivery, |_| true)),
        connecting: tokio::spawn({
            let client = client.clone();
            async move { client.open(Memory(ours)).await.map_err(|error| error.to_string()) }
        }),
        client,
        peer: Some(theirs),
        reads: true,
        heard: String::new(),
        commands: Vec::new(),
        cancelled: 0,
        ends: Vec::new(),
    };
    if mode & 3 == 1 {
        stage.run(GREETING.as_bytes()).await;
        stage.run(b"{\"return\": {}, \"id\": @}").await;
    }
    stage.run(script).await;
    stage.end(&watch, is_watched).await;

    let mut last = Runstate::Idle;
    while let Some(next) = states.try_changed() {
        let is_legal = matches!(
            (last, next),
            (Runstate::Idle, Runstate::Connecting | Runstate::Disconnecting)
                | (Runstate::Connecting, Runstate::Running | Runstate::Disconnecting)
                | (Runstate::Running, Runstate::Disconnecting)
                | (Runstate::Disconnecting, Runstate::Idle)
        );
        assert!(is_legal, "from {last} to {next}");
        last = next;
    }
    assert_eq!(last, Runstate::Idle);
}

/// The client, its peer, and what they do.
struct Stage {
    client: Client,
    connecting: JoinHandle<Result<(), String>>,
    peer: Option<DuplexStream>,
    /// The peer reads.
    reads: bool,
    /// What it has read.
    heard: String,
    commands: Vec<(String, JoinHandle<Result<Reply, ExecuteError>>)>,
    /// How many of them were given up.
    cancelled: usize,
    ends: Vec<JoinHandle<bool>>,
    events: Option<EventStream>,
}

impl Stage {
    async fn run(&mut self, script: &[u8]) {
        let mut rest = script;
        while !rest.is_empty() {
            let length = rest.iter().position(|&byte| byte == b'@' || Step::of(byte).is_some()).unwrap_or(rest.len());
            let (text, after) = rest.split_at(length);
            self.say(text).await;
            let Some((&byte, after)) = after.split_first() else { return };
            rest = after;
            match Step::of(byte) {
                Some(step) => self.step(step).await,
                None => {
                    self.settle().await;
                    let id = self.id();
                    self.say(id.as_bytes()).await;
                }
            }
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Start if self.commands.len() < COMMANDS => {
                let client = self.client.clone();
                let name = format!("c{}", self.commands.len());
                let request = Request::new(&name);
                self.commands.push((name, tokio::spawn(async move { client.execute(request).await })));
                tokio::task::yield_now().await;
            }
            Step::Cancel if self.cancelled < self.commands.len() => {
                self.commands[self.cancelled].1.abort();
                self.cancelled += 1;
            }
            Step::Cut => self.settle().await,
            Step::Reading => self.reads = !self.reads,
            Step::Shutdown => {
                if let Some(peer) = &mut self.peer {
                    peer.shutdown().await.expect("memory");
                }
            }
            Step::Close => self.peer = None,
            Step::Disconnect if self.ends.len() < COMMANDS => {
                let client = self.client.clone();
                self.ends.push(tokio::spawn(async move { client.disconnect().await.is_ok() }));
                tokio::task::yield_now().await;
            }
            Step::Start | Step::Cancel | Step::Disconnect => {}
            Step::Abort => self.client.session().abort(),
            Step::Wait => tokio::time::sleep(Duration::from_secs(1)).await,
            Step::Events => {
                self.settle().await;
                if let Some(events) = &mut self.events {
                    drop(events.try_batch());
                }
            }
        }
    }

    /// Sends what the client reads. It does not read while it has no room for events.
    async fn say(&mut self, text: &[u8]) {
        for piece in text.chunks(1000) {
            let Some(peer) = &mut self.peer else { return };
            if !matches!(tokio::time::timeout(Duration::from_millis(10), peer.write_all(piece)).await, Ok(Ok(()))) {
                self.settle().await;
            }
        }
    }

    /// Waits until all have done what they can.
    async fn settle(&mut self) {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if !self.reads || !self.hear().await {
                return;
            }
        }
    }

    /// Reads what is there. Returns true if there was something.
    async fn hear(&mut self) -> bool {
        let Some(peer) = &mut self.peer else { return false };
        let mut chunk = [0; 4096];
        let mut buffer = ReadBuf::new(&mut chunk);
        std::future::poll_fn(|context| {
            let _ = Pin::new(&mut *peer).poll_read(context, &mut buffer);
            Poll::Ready(())
        })
        .await;
        self.heard +=
            std::str::from_utf8(&buffer.filled().iter().filter(|byte| byte.is_ascii()).copied().collect::<Vec<_>>())
                .expect("ASCII");
        !buffer.filled().is_empty()
    }

    /// The id of the command that the peer heard last: digits after `"id":`.
    fn id(&self) -> String {
        let after = self.heard.rsplit("\"id\":").find(|after| after.starts_with(|c: char| c.is_ascii_digit()));
        // A synchronization has the number that is asked back before its own id.
        let after = match self.heard.rfind("\"arguments\":{\"id\":") {
            Some(at) => Some(&self.heard[at + 18..]),
            None => after,
        };
        after.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect()
    }

    /// Ends the session, and checks what became of each command.
    async fn end(mut self, watch: &Watch, is_watched: bool) {
        self.settle().await;
        self.peer = None;
        // While it is full, nothing is read, and so no end of file.
        drop(self.events.take());
        let connected = within("connect()", self.connecting).await.expect("it does not panic");
        if let Err(error) = connected {
            super::text::is_safe(&error);
        }
        let end = within("disconnect()", self.client.disconnect()).await;
        if let Err(error) = end {
            assert!(!matches!(*error, SessionError::DriverLost(_)), "{error}");
            super::text::is_safe(&error.to_string());
        }
        for end in self.ends {
            within("an earlier disconnect()", end).await.expect("it does not panic");
        }
        for (number, (name, command)) in self.commands.into_iter().enumerate() {
            match within(&name, command).await {
                Err(error) => assert!(error.is_cancelled() && number < self.cancelled, "{name}: {error}"),
                Ok(outcome) if is_watched => watch.is_its_own(&name, &outcome),
                Ok(_) => {}
            }
        }
        assert_eq!(self.client.session().state(), Runstate::Idle);
        // Tasks that have ended are gone a moment later.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0, "a task is left");
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(FOREVER, work).await.unwrap_or_else(|_| panic!("{what} hangs"))
}

/// A connection in memory, to connect to.
struct Memory(DuplexStream);

impl Dial for Memory {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(self.0))
    }
}

/// Sees each message, and knows which ids are in use.
#[derive(Debug, Default)]
struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    in_use: HashSet<u64>,
    /// The id of each command.
    ids: HashMap<String, u64>,
}

impl Watch {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no panic under the lock")
    }

    /// The outcome of a command belongs to it.
    fn is_its_own(&self, name: &str, outcome: &Result<Reply, ExecuteError>) {
        let id = self.seen().ids.get(name).copied();
        let reply = match outcome {
            Ok(reply) | Err(ExecuteError::Server { reply, .. }) => reply,
            Err(error @ (ExecuteError::NotSent { .. } | ExecuteError::State(_))) => {
                assert_eq!(id, None, "{name} was sent: {error}");
                return;
            }
            Err(error) => {
                assert!(id.is_some(), "{name} was not sent: {error}");
                super::text::is_safe(&error.to_string());
                return;
            }
        };
        assert!(reply.id().is_none() || reply.id() == id, "{name} has the id {id:?}, and its reply is {reply:?}");
    }
}

impl Observer for Watch {
    fn sent(&self, message: &[u8], _: &Request, by: Origin) {
        let value: Value = serde_json::from_slice(message).expect("a message is JSON");
        let name = value["execute"].as_str().expect("a command has a name").to_owned();
        let mut seen = self.seen();
        if name.starts_with("guest-sync") && by == Origin::Program {
            // All before it were given up, and its own answer is told by another number.
            seen.in_use.clear();
            return;
        }
        let id = value["id"].as_u64().expect("a command has an id");
        let is_new = seen.in_use.insert(id);
        let is_first = seen.ids.insert(name.clone(), id).is_none();
        drop(seen);
        assert!(is_new, "{name} has the id {id}, which is in use");
        assert!(is_first || by == Origin::Program, "{name} was sent twice");
    }

    fn received(&self, message: &Document) {
        let mut seen = self.seen();
        match message.get("id").and_then(|id| std::str::from_utf8(id).ok()?.parse().ok()) {
            Some(id) => drop(seen.in_use.remove(&id)),
            None if seen.in_use.len() == 1 => seen.in_use.clear(),
            None => {}
        }
    }
}
