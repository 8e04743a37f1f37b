//! The client under any commands, replies and faults, in any order. Each command has exactly one outcome, which is its own, and
//! the smallest id that is not in use. More cases run with `PROPTEST_CASES=100000`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use qmpsh::client::{Client, ExecuteError, Execution};
use qmpsh::events::Delivery;
use qmpsh::message::Request;
use qmpsh::protocol::Runstate;
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::{Line, Server, connect, within};
use crate::engine::tasks;

/// What the server says of a command.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Return,
    /// An out-of-band one comes as soon as any other.
    Error,
    /// It has the id, and is no reply.
    Malformed,
    /// With white space as of a pretty monitor, and the members in another order.
    Pretty,
}

#[derive(Debug, Clone)]
enum Step {
    Start,
    /// Several at once, some of which are given up before they are sent.
    StartMany(Vec<bool>),
    Cancel(Index),
    /// The server answers a command that it has heard, in any order.
    Reply(Index, Answer),
    /// Something that is for no command.
    Say(&'static str),
    /// The first part of an event, and later the rest.
    Split(Index),
    Disconnect,
    Close,
    Garbage,
}

const NOISE: &[&str] = &[
    "{\"event\":\"A\",\"timestamp\":{\"seconds\":1,\"microseconds\":2},\"data\":{\"id\":1,\"return\":1}}",
    "{\"return\":{},\"id\":4096}",
    "{\"return\":{},\"id\":\"1\"}",
    "{\"return\":{},\"id\":1.0}",
    "{\"return\":{},\"id\":-1}",
    "{\"return\":{},\"id\":null}",
    "{\"return\":{},\"id\":18446744073709551616}",
    "{\"error\":{\"class\":\"GenericError\",\"desc\":\"x\"},\"id\":0}",
    "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":0,\"major\":1},\"package\":\"\"},\"capabilities\":[]}}",
    "\r\n  \n",
    "\u{a0}",
];

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        4 => Just(Answer::Return), 2 => Just(Answer::Error), 1 => Just(Answer::Malformed), 1 => Just(Answer::Pretty)
    ];
    prop_oneof![
        8 => Just(Step::Start),
        2 => prop::collection::vec(any::<bool>(), 1..6).prop_map(Step::StartMany),
        4 => any::<Index>().prop_map(Step::Cancel),
        10 => (any::<Index>(), answer).prop_map(|(index, answer)| Step::Reply(index, answer)),
        // The last of them ends the session.
        3 => prop::sample::select(&NOISE[..NOISE.len() - 1]).prop_map(Step::Say),
        2 => any::<Index>().prop_map(Step::Split),
        1 => prop_oneof![Just(Step::Disconnect), Just(Step::Close), Just(Step::Garbage)],
    ]
}

/// The client, its server, and what each command must come to.
struct World {
    client: Client,
    server: Option<Server>,
    /// The commands whose callers wait.
    waiting: Vec<(String, Execution)>,
    /// The names of those that the server has heard and not answered, by id.
    heard: BTreeMap<u64, String>,
    started: usize,
    outcomes: usize,
    cancelled: usize,
}

impl World {
    async fn start(&mut self) {
        let name = format!("c{}", self.started);
        self.started += 1;
        match within(self.client.start(Request::new(&name))).await {
            Ok(execution) => {
                assert_eq!(self.client.session().state(), Runstate::Running);
                self.waiting.push((name, execution));
            }
            Err(error) => {
                assert!(matches!(error, ExecuteError::State(_)), "{error}");
                assert_ne!(self.client.session().state(), Runstate::Running);
                self.outcomes += 1;
            }
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Start => self.start().await,
            Step::StartMany(kept) => {
                for keep in kept {
                    let before = self.waiting.len();
                    self.start().await;
                    if !keep && self.waiting.len() > before {
                        drop(self.waiting.pop());
                        self.cancelled += 1;
                    }
                }
            }
            Step::Cancel(index) => {
                if !self.waiting.is_empty() {
                    drop(self.waiting.remove(index.index(self.waiting.len())));
                    self.cancelled += 1;
                }
            }
            Step::Reply(index, answer) => {
                if let Some((&id, _)) = self.heard.iter().nth(index.index(self.heard.len().max(1)))
                    && self.server.is_some()
                {
                    let name = self.heard.remove(&id).unwrap();
                    self.say(&text(&name, id, answer)).await;
                    self.settle().await;
                    // It has come, to the one that waits for it and to no other.
                    let at = self.waiting.iter().position(|(waiting, _)| *waiting == name);
                    if let Some(at) = at
                        && self.client.session().state() == Runstate::Running
                    {
                        let (name, mut execution) = self.waiting.remove(at);
                        let outcome = poll(&mut execution).await.unwrap_or_else(|| panic!("{name} has no outcome"));
                        check(&name, id, answer, outcome);
                        self.outcomes += 1;
                    }
                }
            }
            Step::Say(noise) => self.say(noise).await,
            Step::Split(index) => {
                let event = "{\"event\":\"B\",\"timestamp\":{\"seconds\":1,\"microseconds\":2}}";
                let (first, rest) = event.split_at(index.index(event.len()));
                self.say(first).await;
                self.settle().await;
                self.say(rest).await;
            }
            Step::Disconnect => {
                let client = self.client.clone();
                let end = tokio::spawn(async move { client.disconnect().await });
                self.settle().await;
                assert!(end.is_finished(), "disconnect() hangs");
                let _ = end.await.unwrap();
                assert_eq!(self.client.session().state(), Runstate::Idle);
                self.over().await;
                // A session after it has nothing of the one before.
                self.server = Some(connect(&self.client).await);
            }
            Step::Close => self.server = None,
            Step::Garbage => self.say("garbage").await,
        }
        self.settle().await;
        if self.client.session().state() == Runstate::Running {
            for (name, execution) in &mut self.waiting {
                assert!(poll(execution).await.is_none(), "{name} has an outcome, and no reply");
            }
        } else {
            self.over().await;
        }
    }

    async fn say(&mut self, text: &str) {
        if let Some(server) = &mut self.server {
            // The client may have closed.
            let _ = server.stream.write_all(text.as_bytes()).await;
        }
    }

    /// Waits until the client has done all it can, and hears what it sends: each command with the smallest free id.
    async fn settle(&mut self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let Some(server) = &mut self.server else { return };
        loop {
            let hearing = std::pin::pin!(server.hear_or_end());
            // What is there is read before time passes.
            let Ok(Some(text)) = tokio::time::timeout(Duration::from_millis(1), hearing).await else { return };
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let (name, id) = (value["execute"].as_str().unwrap(), value["id"].as_u64().unwrap());
            let free = (1..=u64::MAX).find(|id| !self.heard.contains_key(id));
            assert_eq!(Some(id), free, "{name} has not the smallest free id");
            assert_eq!(text, format!("{{\"execute\":\"{name}\",\"id\":{id}}}"));
            self.heard.insert(id, name.to_owned());
        }
    }

    /// The session has ended: so have all commands.
    async fn over(&mut self) {
        for (name, mut execution) in std::mem::take(&mut self.waiting) {
            let outcome =
                poll(&mut execution).await.unwrap_or_else(|| panic!("{name} has no outcome, and the session is over"));
            let was_heard = self.heard.values().any(|heard| *heard == name);
            match outcome {
                Err(ExecuteError::Interrupted { command, .. }) => assert_eq!(command, name),
                Err(ExecuteError::NotSent { command }) => assert!(command == name && !was_heard, "{name} was sent"),
                other => panic!("{name}: {other:?}"),
            }
            self.outcomes += 1;
        }
        self.heard.clear();
    }
}

fn text(name: &str, id: u64, answer: Answer) -> String {
    match answer {
        Answer::Return => format!("{{\"return\": {{\"name\": \"{name}\"}}, \"id\": {id}}}\r\n"),
        Answer::Error => format!("{{\"id\": {id}, \"error\": {{\"class\": \"GenericError\", \"desc\": \"{name}\"}}}}"),
        Answer::Malformed => format!("{{\"id\": {id}, \"x\": \"{name}\"}}"),
        Answer::Pretty => {
            format!("{{\r\n    \"id\": {id},\r\n    \"return\": {{\r\n        \"name\": \"{name}\"\r\n    }}\r\n}}\r\n")
        }
    }
}

fn check(name: &str, id: u64, answer: Answer, outcome: Result<qmpsh::message::Reply, ExecuteError>) {
    match (answer, outcome) {
        (Answer::Return | Answer::Pretty, Ok(reply)) => {
            assert_eq!(reply.id(), Some(id));
            assert!(
                reply.result().unwrap().windows(name.len() + 2).any(|part| part == format!("\"{name}\"").as_bytes())
            );
        }
        (Answer::Error, Err(ExecuteError::Server { desc, .. })) => assert_eq!(desc, name),
        (Answer::Malformed, Err(ExecuteError::Malformed(malformed))) => assert_eq!(malformed.id, Some(id)),
        (_, other) => panic!("{name}: {other:?}"),
    }
}

/// Returns the outcome of a command if it has one.
async fn poll(execution: &mut Execution) -> Option<Result<qmpsh::message::Reply, ExecuteError>> {
    match std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *execution).poll(context))).await {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_command_has_exactly_one_outcome_its_own(steps in prop::collection::vec(step(), 1..60)) {
        runtime().block_on(async {
            let client = Client::builder().build();
            let server = Some(connect(&client).await);
            let heard = BTreeMap::new();
            let mut world = World { client, server, waiting: Vec::new(), heard, started: 0, outcomes: 0, cancelled: 0 };
            for step in steps {
                world.step(step).await;
            }
            world.server = None;
            world.settle().await;
            world.over().await;
            let _ = world.client.disconnect().await;
            assert_eq!(world.started, world.outcomes + world.cancelled);
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(tasks(), 0);
        });
    }
}

/// Plays a stream of messages to a client that runs one command, and returns the most bytes that were in use.
fn peak(stream: Arc<[u8]>, pieces: Vec<usize>) -> u64 {
    let used = allocation_counter::measure(|| {
        runtime().block_on(async {
            let client = Client::builder().history(None).build();
            let mut events = client.events_with(Delivery::Lossless { room: 1 }, |_| true);
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let server = Server { stream: theirs, documents: crate::support::documents::Documents::default() };
            let mut server = welcomed(&client, Line(ours), server).await;
            let execution = super::start(&client, "a").await;
            assert_eq!(server.hear_command().await.1, 1);
            let server = tokio::spawn(async move { write(&mut server.stream, &stream, &pieces).await });
            let mut reply = std::pin::pin!(within(execution));
            loop {
                tokio::select! {
                    reply = &mut reply => break drop(reply.unwrap()),
                    events = events.batch() => drop(events),
                }
            }
            server.await.unwrap();
            drop(events);
            let _ = client.disconnect().await;
        });
    });
    used.bytes_max
}

async fn welcomed(client: &Client, line: Line, mut server: Server) -> Server {
    let (connected, ()) = tokio::join!(within(client.open(line)), server.welcome());
    connected.unwrap();
    server
}

async fn write(stream: &mut DuplexStream, bytes: &[u8], pieces: &[usize]) {
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        let (first, after) = rest.split_at((*piece).min(rest.len()));
        stream.write_all(first).await.unwrap();
        tokio::task::yield_now().await;
        rest = after;
        if rest.is_empty() {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 16, ..ProptestConfig::default() })]

    /// A buffer that grows is counted twice here while it moves, which makes it three times the message.
    #[test]
    fn memory_is_bounded_by_the_largest_message(
        sizes in prop::collection::vec(1_usize..1 << 19, 1..8),
        pieces in prop::collection::vec(1_usize..1 << 16, 1..8),
        kind in 0..3,
    ) {
        let mut stream = Vec::new();
        for size in &sizes {
            let data = match kind {
                0 => format!("\"{}\"", "x".repeat(*size)),
                1 => format!("[{}1]", "1,".repeat(size / 2)),
                _ => format!("{{\"a\":{}0{}}}", "[".repeat(size / 2), "]".repeat(size / 2)),
            };
            stream.extend_from_slice(format!("{{\"event\":\"A\",\"data\":{data}}}\r\n").as_bytes());
        }
        stream.extend_from_slice(b"{\"return\":{},\"id\":1}");
        let largest = *sizes.iter().max().unwrap() as u64;
        let peak = peak(stream.into(), pieces);
        prop_assert!(peak <= 3 * largest + (1 << 19), "{} bytes for a message of {}", peak, largest);
    }
}
