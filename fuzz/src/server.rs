//! The server's parser and the routing of `qmpsh share`, with clients that send anything.
//!
//! The first byte chooses how the clients begin, and the rest is what they send. Control characters that no request has stand for
//! what else happens, see [`Step`].

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use qmpsh::json::Document;
use qmpsh::message::{Descriptor, Greeting, Message, Request};
use qmpsh::policy::{Decision, Effect, Policy};
use qmpsh::protocol::{Link, OpenError};
use qmpsh::server::{Connection, Received, Response};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use routing::{Action, BACKLOG, ClientId, Outcome, Router, Seat, Ticket, UNANSWERED};

#[path = "../../src/bin/qmpsh/share/routing.rs"]
#[allow(dead_code, reason = "the program uses more of it")]
mod routing;

/// The clients of a script: each has its place, and each place its policy.
const PLACES: usize = 3;

/// The longest request.
const MAX_REQUEST: usize = 2048;

const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "capabilities": ["oob"]}}"#;

const NEGOTIATE: &[u8] = br#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#;

/// What happens at a place of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// What comes next is sent by the client at this place.
    Client(usize),
    /// QEMU replies to its oldest command, or to its newest, which may be out of band.
    Oldest,
    Newest,
    /// QEMU refuses its oldest command.
    Error,
    Event,
    /// The client goes, and another one comes to its place.
    Leave,
    /// The next command has an open file with it.
    File,
    /// The client sends no more, but reads on.
    Shutdown,
}

impl Step {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01..=0x03 => Self::Client(usize::from(byte) - 1),
            0x04 => Self::Oldest,
            0x05 => Self::Error,
            0x06 => Self::Event,
            0x07 => Self::Leave,
            0x08 => Self::File,
            0x0b => Self::Newest,
            0x0c => Self::Shutdown,
            _ => return None,
        })
    }
}

/// Plays a script. Each request has one answer, which is its own client's, and nothing that is forbidden goes to QEMU.
pub fn check(bytes: &[u8]) {
    let Some((&mode, script)) = bytes.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(play(mode, script));
}

async fn play(mode: u8, script: &[u8]) {
    let negotiates = mode & 1 == 0;
    let mut stage = Stage::new(negotiates);
    for place in 0..PLACES {
        stage.join(place).await;
    }
    let mut rest = script;
    while !rest.is_empty() {
        let length = rest.iter().position(|&byte| Step::of(byte).is_some()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(length);
        stage.say(text).await;
        let Some((&byte, after)) = after.split_first() else { break };
        rest = after;
        if let Some(step) = Step::of(byte) {
            stage.step(step).await;
        }
    }
    stage.end().await;
}

/// What a client waits for.
struct Expected {
    /// What goes to QEMU, if anything does.
    request: Option<String>,
    id: Option<Vec<u8>>,
    out_of_band: bool,
    ticket: Option<Ticket>,
    passes_file: bool,
    /// The whole answer, when it is known.
    answer: Option<String>,
}

/// How far a client has come, as it sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Silent,
    Greeted,
    Open,
}

struct Client {
    id: ClientId,
    stream: DuplexStream,
    opening: Option<JoinHandle<Result<Connection, OpenError<io::Error>>>>,
    connection: Option<Connection>,
    /// How many requests may be read.
    credits: usize,
    outbox: VecDeque<Response>,
    expected: VecDeque<Expected>,
    /// Events that were sent to it and have not come.
    events: VecDeque<String>,
    heard: Vec<u8>,
    phase: Phase,
}

struct Stage {
    negotiates: bool,
    greeting: Greeting,
    router: Router<()>,
    clients: BTreeMap<usize, Client>,
    current: usize,
    ids: ClientId,
    /// What QEMU has got and not answered.
    qemu: VecDeque<(Ticket, Request)>,
    /// The open files that QEMU has in its sets.
    files: HashSet<Ticket>,
    /// The commands with QEMU that pass a file.
    passing: HashSet<Ticket>,
    /// How many of them failed, each of which left it in QEMU.
    left_over: usize,
    events: usize,
    passes_file: bool,
    /// How many commands were about files. A client may have 64.
    file_commands: usize,
}

impl Stage {
    fn new(negotiates: bool) -> Self {
        Self {
            negotiates,
            greeting: match message(GREETING) {
                Message::Greeting(greeting) => *greeting,
                other => panic!("{other:?}"),
            },
            router: Router::new(BACKLOG),
            clients: BTreeMap::new(),
            current: 0,
            ids: 0,
            qemu: VecDeque::new(),
            files: HashSet::new(),
            passing: HashSet::new(),
            left_over: 0,
            events: 0,
            passes_file: false,
            file_commands: 0,
        }
    }

    async fn join(&mut self, place: usize) {
        let (stream, theirs) = tokio::io::duplex(4096);
        let greeting = self.greeting.clone();
        let link: Box<dyn Link> = Box::new(theirs);
        let opening = tokio::spawn(async move { Connection::open(link, &greeting, MAX_REQUEST).await });
        self.ids += 1;
        let client = Client {
            id: self.ids,
            stream,
            opening: Some(opening),
            connection: None,
            credits: UNANSWERED,
            outbox: VecDeque::new(),
            expected: VecDeque::new(),
            events: VecDeque::new(),
            heard: Vec::new(),
            phase: Phase::Silent,
        };
        self.clients.insert(place, client);
        self.settle().await;
        if self.negotiates {
            let before = std::mem::replace(&mut self.current, place);
            self.say(NEGOTIATE).await;
            self.current = before;
        }
    }

    /// The current client sends something. What is not taken now, because too much is unanswered, is lost.
    async fn say(&mut self, text: &[u8]) {
        for piece in text.chunks(1000) {
            let Some(client) = self.clients.get_mut(&self.current) else { return };
            let _ = tokio::time::timeout(Duration::from_millis(1), client.stream.write_all(piece)).await;
            self.settle().await;
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Client(place) => self.current = place,
            Step::Oldest => self.reply(false, false),
            Step::Newest => self.reply(true, false),
            Step::Error => self.reply(false, true),
            Step::Event => {
                self.events += 1;
                let event = format!(r#"{{"timestamp": {{"seconds": {}}}, "event": "E"}}"#, self.events);
                self.router.event(&Bytes::from(event.clone()));
                let open = self.clients.values_mut().filter(|client| client.connection.is_some());
                open.for_each(|client| client.events.push_back(event.clone()));
            }
            Step::Leave => {
                if let Some(client) = self.clients.remove(&self.current) {
                    self.router.left(client.id);
                    self.join(self.current).await;
                }
            }
            Step::File => self.passes_file = true,
            Step::Shutdown => {
                if let Some(client) = self.clients.get_mut(&self.current) {
                    client.stream.shutdown().await.expect("memory");
                }
            }
        }
        self.settle().await;
    }

    /// QEMU replies with what it was asked, so that it is seen whose reply it is.
    fn reply(&mut self, newest: bool, fails: bool) {
        // In-band ones have their order.
        let is_newest_urgent = self.qemu.back().is_some_and(|(_, request)| request.text().starts_with("{\"exec-oob\""));
        let next = if newest && is_newest_urgent { self.qemu.pop_back() } else { self.qemu.pop_front() };
        let Some((ticket, request)) = next else { return };
        self.left_over += usize::from(self.passing.remove(&ticket) && fails);
        let (request, name) = (request.text(), request.command());
        if !fails && name == "add-fd" {
            self.files.insert(ticket);
        }
        let made = format!(r#"{{"fdset-id": {ticket}, "fd": {ticket}, "asked": {request}}}"#);
        let error = format!(r#"{{"class": "GenericError", "desc": "{ticket}"}}"#);
        let text = if fails {
            format!(r#"{{"id": 0, "error": {error}}}"#)
        } else {
            format!(r#"{{"return": {made}, "id": 0}}"#)
        };
        for expected in self.clients.values_mut().flat_map(|client| &mut client.expected) {
            if expected.ticket == Some(ticket) {
                let id = expected.id.as_deref().map(|id| String::from_utf8_lossy(id).into_owned());
                expected.answer = Some(match (fails, id) {
                    (true, Some(id)) => format!(r#"{{"id": {id}, "error": {error}}}"#),
                    (true, None) => format!(r#"{{"error": {error}}}"#),
                    (false, Some(id)) => format!(r#"{{"return": {made}, "id": {id}}}"#),
                    (false, None) => format!(r#"{{"return": {made}}}"#),
                });
            }
        }
        match message(&text) {
            Message::Reply(reply) => self.router.replied(ticket, Ok(&reply)),
            other => panic!("{other:?}"),
        }
    }

    /// Lets all do what they can.
    async fn settle(&mut self) {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut is_quiet = true;
            for place in 0..PLACES {
                is_quiet &= !self.listen(place).await;
            }
            is_quiet &= !self.act();
            for client in self.clients.values_mut() {
                let (is_any, is_written) = client.carry().await;
                if is_written {
                    self.router.wrote(client.id);
                }
                is_quiet &= !is_any;
                client.judge();
            }
            if is_quiet {
                return;
            }
        }
    }

    /// Takes what a client says. Returns true if there was something.
    async fn listen(&mut self, place: usize) -> bool {
        let Some(client) = self.clients.get_mut(&place) else { return false };
        let policy = policy(place);
        if client.opening.as_ref().is_some_and(JoinHandle::is_finished) {
            let opening = client.opening.take().expect("it is there");
            if let Ok(connection) = opening.await.expect("no panic") {
                client.connection = Some(connection);
                self.router.joined(client.id, Arc::new(Seat { policy, about: () }));
            }
            return true;
        }
        let Some(connection) = client.connection.as_mut().filter(|_| client.credits > 0) else { return false };
        let soon = tokio::time::timeout(Duration::from_millis(1), connection.next()).await;
        let mut received = match soon {
            Err(_) => return false,
            Ok(Some(received)) => received,
            // It has sent its last request and has all answers.
            Ok(None) => {
                client.connection = None;
                client.outbox.clear();
                client.events.clear();
                self.router.left(client.id);
                return true;
            }
        };
        client.credits -= 1;
        let expected = match &received {
            Received::Refused { response, out_of_band } => Expected {
                request: None,
                id: None,
                out_of_band: *out_of_band,
                ticket: None,
                passes_file: false,
                answer: Some(text_of(response)),
            },
            Received::Command(command) => {
                let (name, arguments) = (command.name(), command.arguments());
                let is_allowed = policy.allows(name, arguments.as_bytes());
                assert!(!is_allowed || !is_forbidden(place, name, arguments), "{place}: {command:?}");
                let denied = command.fails("GenericError", &format!("{name}: not allowed on this socket"));
                Expected {
                    request: is_allowed.then(|| command.to_request().text().to_owned()),
                    id: command.id().map(<[u8]>::to_vec),
                    out_of_band: command.is_out_of_band(),
                    ticket: None,
                    passes_file: false,
                    answer: (!is_allowed).then(|| text_of(&denied)),
                }
            }
        };
        client.expected.push_back(expected);
        if let Received::Command(command) = &received
            && ["add-fd", "getfd"].contains(&command.name())
        {
            self.file_commands += 1;
            if std::mem::take(&mut self.passes_file) && self.file_commands < 64 {
                let file = std::fs::File::open("/dev/null").expect("a file");
                received = Received::Command(command.clone().with_descriptor(Descriptor::from(file)));
                client.expected.back_mut().expect("it was pushed").passes_file = true;
            }
        }
        self.router.said(client.id, received);
        true
    }

    /// Does what the router wants. Returns true if there was something.
    fn act(&mut self) -> bool {
        let actions = self.router.actions();
        let is_any = !actions.is_empty();
        for action in actions {
            match action {
                Action::Send(ticket, of, request) => self.send(ticket, of, request),
                Action::Respond(id, response) => {
                    if let Some(client) = self.clients.values_mut().find(|client| client.id == id) {
                        client.outbox.push_back(response);
                    }
                }
                Action::Read(id) => {
                    if let Some(client) = self.clients.values_mut().find(|client| client.id == id) {
                        client.credits += 1;
                    }
                }
                Action::CloseSlow(id) => panic!("{id} reads"),
                Action::Record(record) => {
                    let is_allowed =
                        record.seat.policy.allows(record.command.name(), record.command.arguments().as_bytes());
                    assert_eq!(record.outcome == Outcome::Denied, !is_allowed, "{:?}", record.command);
                }
            }
        }
        is_any
    }

    /// Checks what goes to QEMU: JSON of a command that a client has sent, and may send.
    fn send(&mut self, ticket: Ticket, of: Option<ClientId>, request: Request) {
        let text = request.text();
        serde_json::from_str::<&RawValue>(text).expect("JSON");
        assert!(text.starts_with("{\"execute\":\"") || text.starts_with("{\"exec-oob\":\""), "{text}");
        let is_urgent = text.starts_with("{\"exec-oob\"");
        let in_band = self.qemu.iter().filter(|(_, request)| request.text().starts_with("{\"execute\"")).count();
        assert!(is_urgent || in_band < 7, "QEMU would stop reading");
        // Two clients may have sent the same.
        let client = self.clients.values_mut().find(|client| Some(client.id) == of);
        let unsent = client.and_then(|client| {
            let mut waiting = client.expected.iter_mut().filter(|one| one.request.is_some() && one.ticket.is_none());
            let first = if is_urgent {
                waiting.find(|one| one.out_of_band && one.request.as_deref() == Some(text))
            } else {
                // In-band ones keep their order.
                waiting.find(|one| !one.out_of_band)
            };
            first.filter(|one| one.request.as_deref() == Some(text))
        });
        match unsent {
            Some(expected) => {
                expected.ticket = Some(ticket);
                if expected.passes_file {
                    self.passing.insert(ticket);
                }
            }
            None => {
                let is_own = self.files.iter().any(|file| {
                    text == format!(r#"{{"execute":"remove-fd","arguments":{{"fd":{file},"fdset-id":{file}}}}}"#)
                });
                let takes = text == r#"{"execute":"add-fd"}"# && self.left_over > 0;
                self.left_over -= usize::from(takes);
                assert!(is_own || takes, "no client wants this: {text}");
            }
        }
        self.qemu.push_back((ticket, request));
    }

    /// Answers everything, and checks that nobody waits any more.
    async fn end(mut self) {
        self.settle().await;
        while !self.qemu.is_empty() {
            self.reply(false, false);
            self.settle().await;
        }
        for client in self.clients.values() {
            let answers: Vec<_> = client.expected.iter().map(|one| (&one.request, &one.answer)).collect();
            assert!(answers.is_empty(), "client {} waits for {answers:?}", client.id);
            assert!(client.events.is_empty(), "client {} waits for {:?}", client.id, client.events);
            assert!(client.heard.trim_ascii().is_empty(), "{}", client.heard.escape_ascii());
        }
        assert!(self.router.is_idle());
    }
}

impl Client {
    /// Carries responses to the client. Returns true if there was something, and true if a response was written.
    async fn carry(&mut self) -> (bool, bool) {
        let (mut is_any, mut is_written) = (false, false);
        if let Some(connection) = &self.connection
            && let Some(response) = self.outbox.front()
        {
            // If the client has not read the ones before, it is sent the next time.
            let responses = connection.responses();
            let sent = responses.send(response.clone());
            if let Ok(sent) = tokio::time::timeout(Duration::from_millis(1), sent).await {
                assert!(sent.is_ok(), "the session is there");
                self.outbox.pop_front();
                (is_any, is_written) = (true, true);
            }
        }
        let mut chunk = [0; 4096];
        if let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(1), self.stream.read(&mut chunk)).await {
            self.heard.extend_from_slice(&chunk[..count]);
            is_any |= count > 0;
        }
        (is_any, is_written)
    }

    /// Checks what has come against what is to come.
    fn judge(&mut self) {
        let mut documents = serde_json::Deserializer::from_slice(&self.heard).into_iter::<&RawValue>();
        let mut texts = Vec::new();
        let mut taken = 0;
        while let Some(document) = documents.next() {
            match document {
                Ok(document) => texts.push(document.get().to_owned()),
                Err(error) => {
                    assert!(error.is_eof(), "{error} in {}", self.heard.escape_ascii());
                    break;
                }
            }
            taken = documents.byte_offset();
        }
        self.heard.drain(..taken);
        for text in texts {
            match self.phase {
                Phase::Silent => {
                    assert!(text.starts_with("{\"QMP\": "), "{text}");
                    self.phase = Phase::Greeted;
                }
                Phase::Greeted if text.starts_with("{\"return\": {}") => self.phase = Phase::Open,
                Phase::Greeted => assert!(text.starts_with("{\"error\": ") || text.starts_with("{\"id\": "), "{text}"),
                Phase::Open => self.match_up(&text),
            }
        }
    }

    fn match_up(&mut self, text: &str) {
        if self.events.front().is_some_and(|event| event == text) {
            self.events.pop_front();
            return;
        }
        // It may have come on the way out.
        if self.opening.is_none() && self.connection.is_none() && text.starts_with("{\"timestamp\"") {
            return;
        }
        let mut has_in_band = false;
        let at = self.expected.iter().position(|one| {
            // Only the first one in-band has its turn.
            let may_be = one.out_of_band || !std::mem::replace(&mut has_in_band, true);
            may_be && one.answer.as_deref() == Some(text)
        });
        match at {
            Some(at) => drop(self.expected.remove(at)),
            None => panic!("client {} does not wait for {text}", self.id),
        }
    }
}

fn message(text: &str) -> Message {
    Message::from_document(Document::parse(text.as_bytes()).expect("JSON")).expect("a message")
}

fn text_of(response: &Response) -> String {
    String::from_utf8_lossy(response.bytes()).trim_end().to_owned()
}

/// The first client may send anything, the second look, the third all but some commands.
fn policy(place: usize) -> Policy {
    let rules = |words: &[&str]| words.iter().map(|word| word.parse().expect("a rule")).collect();
    match place {
        0 => Policy::default(),
        1 => Policy { read_only: true, allow: rules(&["hmp:info *"]), deny: Vec::new() },
        _ => Policy { read_only: false, allow: Vec::new(), deny: rules(&["stop", "block-*", "add-fd"]) },
    }
}

/// Returns true for what must not pass. Not the program's own rules.
fn is_forbidden(place: usize, name: &str, arguments: &str) -> bool {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    let is_denied = |name: &str| ["stop", "add-fd"].contains(&name) || name.starts_with("block-");
    let reads = |name: &str| Decision::on(name).is_some_and(|decision| decision.effect == Effect::Reads);
    let line = arguments["command-line"].as_str().unwrap_or_default();
    let mut actions = arguments["actions"].as_array().into_iter().flatten();
    match (place, name) {
        (0, _) | (_, "qmp_capabilities") => false,
        (1, "human-monitor-command") => !line.trim_start().starts_with("info"),
        (1, "transaction") => actions.any(|action| action["type"] != "abort"),
        (1, "qom-get") => arguments["property"] == "data",
        (1, _) => !reads(name),
        (_, "human-monitor-command") => true,
        (_, "object-add") => arguments["qom-type"].as_str().is_some_and(|name| name.starts_with("monitor-")),
        (_, "transaction") => actions.any(|action| action["type"].as_str().is_some_and(is_denied)),
        (_, name) => is_denied(name),
    }
}
