//! The mock server's thread: plays the steps of a script on one connection after the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::documents::Documents;
use super::mock::{Answer, Shared, Step};
use super::stream::Stream;
use super::{DEADLINE, excerpt};

/// How long it waits before it looks whether the test has ended.
const LOOK: Duration = Duration::from_millis(20);

/// What the interactive shell asks by itself.
const SCHEMA: &str = "query-qmp-schema";

pub enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

/// Why a script ends early: what went wrong, as the end of "the mock server …".
type Played = Result<(), String>;

pub struct Player {
    listener: Listener,
    shared: Arc<Shared>,
    connection: Option<Stream>,
    documents: Documents,
    prompt: Prompt,
    /// The ids of the commands not answered yet, as JSON, the oldest first.
    unanswered: VecDeque<Option<String>>,
}

/// What the interactive shell has asked on this connection for its prompt.
#[derive(PartialEq, Eq)]
enum Prompt {
    NotAsked,
    /// The first question of two.
    Status,
    Asked,
}

impl Player {
    pub fn new(listener: Listener, shared: Arc<Shared>) -> Self {
        Self {
            listener,
            shared,
            connection: None,
            documents: Documents::default(),
            prompt: Prompt::NotAsked,
            unanswered: VecDeque::new(),
        }
    }

    pub fn play(mut self, steps: Vec<Step>) {
        let played = self.accept().and_then(|()| steps.into_iter().try_for_each(|step| self.step(step)));
        let played = played.and_then(|()| {
            self.shared.seen.lock().unwrap().done = true;
            self.expect_the_end()
        });
        let mut seen = self.shared.seen.lock().unwrap();
        seen.failure = played.err();
        seen.done = true;
        self.shared.pauses.notify_all();
    }

    fn step(&mut self, step: Step) -> Played {
        match step {
            Step::Send(bytes) => self.send(&bytes),
            Step::SendOneByOne(bytes) => bytes.iter().try_for_each(|byte| self.send(&[*byte])),
            Step::Expect(expected) => self.expect(&expected),
            Step::ExpectText(expected) => {
                let text = self.document(&expected)?;
                if text == expected { Ok(()) } else { Err(format!("expected {expected}, and got {text}")) }
            }
            Step::ExpectExecute(command) => {
                let text = self.document(&command)?;
                let document: Value = parse(&text)?;
                let name = document.get("execute").or_else(|| document.get("exec-oob"));
                let same = name.and_then(Value::as_str) == Some(&command);
                if same { Ok(()) } else { Err(format!("expected the command {command}, and got {text}")) }
            }
            Step::ExpectQuiet => self.expect_quiet(),
            Step::Answer(answer) => self.answer(&answer, VecDeque::pop_front),
            Step::AnswerLatest(answer) => self.answer(&answer, VecDeque::pop_back),
            Step::Events(count) => self.send_many(count, &mut |n, out| {
                let time = r#"{"seconds": 1700000000, "microseconds": 5}"#;
                write!(out, "{{\"timestamp\": {time}, \"event\": \"FLOOD\", \"data\": {{\"n\": {n}}}}}\r\n")
            }),
            Step::BigString(bytes) => self.around("\"", "\"", |player| {
                let chunk = vec![b'x'; 65536];
                let whole = chunk.len() as u64;
                player.send_many(bytes / whole, &mut |_, out| out.write_all(&chunk))?;
                player.send_many(bytes % whole, &mut |_, out| out.write_all(b"x"))
            }),
            Step::BigList(count) => self.around("[", "]", |player| {
                player.send_many(count, &mut |n, out| {
                    let comma = if n == 0 { "" } else { ", " };
                    write!(out, "{comma}{{\"n\": {n}}}")
                })
            }),
            Step::Pause => self.pause(),
            Step::HoldWithoutReading => {
                self.shared.seen.lock().unwrap().done = true;
                // However it ends, what the client sent stays unread, so there is nothing to check.
                let _ = self.wait_for(PollFlags::HUP | PollFlags::RDHUP, "the end of the connection");
                self.close();
                Ok(())
            }
            Step::FinishSending => {
                self.note("-> end of file".to_owned());
                self.stream()?.shutdown(Shutdown::Write).map_err(|e| format!("could not finish sending: {e}"))
            }
            Step::Close => {
                self.close();
                Ok(())
            }
            Step::Reset => self.reset(),
            Step::NextConnection => {
                self.close();
                self.accept()
            }
        }
    }

    fn accept(&mut self) -> Played {
        wait(&self.listener, PollFlags::IN, &self.shared, "a connection")?;
        let stream = match &self.listener {
            Listener::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
            Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
        };
        let stream = stream.and_then(|stream| stream.set_timeout(LOOK).map(|()| stream));
        self.connection = Some(stream.map_err(|e| format!("could not accept: {e}"))?);
        self.note("-- connected".to_owned());
        Ok(())
    }

    fn stream(&mut self) -> Result<&mut Stream, String> {
        self.connection.as_mut().ok_or_else(|| "was told to go on after it had closed".to_owned())
    }

    fn note(&self, line: String) {
        self.shared.seen.lock().unwrap().transcript.push(line);
    }

    fn close(&mut self) {
        self.note("-- closed".to_owned());
        self.connection = None;
        self.documents = Documents::default();
        self.prompt = Prompt::NotAsked;
        self.unanswered.clear();
    }

    fn reset(&mut self) -> Played {
        if let Stream::Tcp(stream) = self.stream()? {
            let linger = Some(Duration::ZERO);
            rustix::net::sockopt::set_socket_linger(stream, linger).map_err(|e| format!("could not reset: {e}"))?;
        } else {
            self.wait_for(PollFlags::IN, "something not to read")?;
        }
        self.close();
        Ok(())
    }

    /// Sends all of it, also to a client that reads slowly, as long as the test goes on.
    fn send(&mut self, bytes: &[u8]) -> Played {
        self.note(format!("-> {}", excerpt(bytes)));
        self.send_quietly(bytes)
    }

    fn send_quietly(&mut self, mut bytes: &[u8]) -> Played {
        let shared = Arc::clone(&self.shared);
        let stream = self.stream()?;
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if not_yet(&e) && !shared.stop.load(Ordering::Relaxed) => {}
                Err(e) => return Err(format!("could not send {}: {e}", excerpt(bytes))),
            }
        }
        Ok(())
    }

    /// Sends `count` pieces that `write` makes, a buffer full at a time.
    fn send_many(&mut self, count: u64, write: &mut dyn FnMut(u64, &mut Vec<u8>) -> io::Result<()>) -> Played {
        let mut buffer = Vec::with_capacity(2 * 65536);
        for n in 0..count {
            write(n, &mut buffer).expect("memory takes it");
            if buffer.len() >= 65536 || n + 1 == count {
                self.send_quietly(&buffer)?;
                buffer.clear();
            }
        }
        self.note(format!("-> {count} pieces, the last of them {}", excerpt(&buffer)));
        Ok(())
    }

    /// An answer to the oldest command whose `return` is streamed between `open` and `close`.
    fn around(&mut self, open: &str, close: &str, middle: impl FnOnce(&mut Self) -> Played) -> Played {
        let id = self.next_id(VecDeque::pop_front)?;
        self.send(format!("{{\"return\": {open}").as_bytes())?;
        middle(self)?;
        self.send(format!("{close}{id}}}\r\n").as_bytes())
    }

    fn answer(&mut self, answer: &Answer, take: fn(&mut VecDeque<Option<String>>) -> Option<Option<String>>) -> Played {
        let id = self.next_id(take)?;
        self.send(format!("{{\"{}\": {}{id}}}\r\n", answer.member, answer.json).as_bytes())
    }

    /// The `id` member of an answer, with the comma before it.
    fn next_id(&mut self, take: fn(&mut VecDeque<Option<String>>) -> Option<Option<String>>) -> Result<String, String> {
        let id = take(&mut self.unanswered).ok_or("was told to answer, and every command is answered")?;
        Ok(id.map(|id| format!(", \"id\": {id}")).unwrap_or_default())
    }

    fn expect(&mut self, expected: &Value) -> Played {
        let text = self.document(&expected.to_string())?;
        let mut document = parse(&text)?;
        if expected.get("id").is_none() {
            document.as_object_mut().map(|members| members.remove("id"));
        }
        if document == *expected { Ok(()) } else { Err(format!("expected {expected}, and got {text}")) }
    }

    /// Nothing is in the socket now, and nothing is left over.
    fn expect_quiet(&mut self) -> Played {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let stream = self.stream()?;
        let ready = poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&now)).unwrap_or(0);
        let rest = self.documents.rest();
        if ready == 0 && rest.is_empty() { Ok(()) } else { Err(format!("expected silence, and got {}", self.peek())) }
    }

    /// What is there to read, for a message.
    fn peek(&mut self) -> String {
        let mut chunk = [0; 1024];
        let n = self.connection.as_mut().and_then(|stream| stream.read(&mut chunk).ok()).unwrap_or(0);
        self.documents.push(&chunk[..n]);
        excerpt(self.documents.rest())
    }

    /// The next document, its id kept for the answer.
    fn document(&mut self, expected: &str) -> Result<String, String> {
        let Some(text) = self.read_document(expected)? else {
            let rest = excerpt(self.documents.rest());
            return Err(format!("expected {expected}, and got the end of file{}", after(&rest)));
        };
        let id = parse(&text).ok().and_then(|document| document.get("id").map(Value::to_string));
        self.unanswered.push_back(id);
        Ok(text)
    }

    /// The client is to close, and to send nothing more. When the test stops first, that is as good.
    fn expect_the_end(&mut self) -> Played {
        if self.connection.is_none() {
            return Ok(());
        }
        match self.read_document("the end of file") {
            Ok(Some(text)) => Err(format!("expected nothing more, and got {text}")),
            Ok(None) if self.documents.rest().trim_ascii().is_empty() => Ok(()),
            Ok(None) => Err(format!("was left with {}", excerpt(self.documents.rest().trim_ascii()))),
            Err(_) if self.shared.stop.load(Ordering::Relaxed) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// The next document, or the end of file.
    fn read_document(&mut self, expected: &str) -> Result<Option<String>, String> {
        let start = Instant::now();
        let mut chunk = vec![0; 65536];
        loop {
            if let Some(text) = self.documents.next() {
                self.note(format!("<- {}", excerpt(text.as_bytes())));
                if self.asked_for_prompt(&text, expected) || (!expected.contains(SCHEMA) && self.refuse_schema(&text)) {
                    continue;
                }
                self.shared.seen.lock().unwrap().documents.push(text.clone());
                return Ok(Some(text));
            }
            match self.stream()?.read(&mut chunk) {
                Ok(0) => {
                    self.note("<- end of file".to_owned());
                    return Ok(None);
                }
                Ok(n) => {
                    self.shared.seen.lock().unwrap().bytes.extend_from_slice(&chunk[..n]);
                    self.documents.push(&chunk[..n]);
                }
                Err(e) if not_yet(&e) => {
                    if self.shared.stop.load(Ordering::Relaxed) || start.elapsed() > DEADLINE {
                        let rest = excerpt(self.documents.rest());
                        return Err(format!("waited in vain for {expected}{}", after(&rest)));
                    }
                }
                // A client that was killed, or that left without reading what was sent.
                Err(e) if e.kind() == ErrorKind::ConnectionReset => {
                    self.note("<- reset".to_owned());
                    return Ok(None);
                }
                Err(e) => return Err(format!("could not read {expected}: {e}")),
            }
        }
    }

    /// The interactive shell asks for what its prompt shows when nobody waits for it: `query-status`, with `query-name` behind it at
    /// first. A server whose script does not say otherwise has a VM that runs and has no name.
    fn asked_for_prompt(&mut self, text: &str, expected: &str) -> bool {
        let document = parse(text).unwrap_or_default();
        let result = match document.get("execute").and_then(Value::as_str) {
            Some("query-status") if !expected.contains("query-status") => {
                self.prompt = match self.prompt {
                    Prompt::NotAsked => Prompt::Status,
                    _ => Prompt::Asked,
                };
                r#"{"status": "running", "singlestep": false, "running": true}"#
            }
            Some("query-name") if self.prompt == Prompt::Status => {
                self.prompt = Prompt::Asked;
                "{}"
            }
            _ => return false,
        };
        let id = document.get("id").map(|id| format!(", \"id\": {id}")).unwrap_or_default();
        // Who has asked may have gone.
        let _ = self.send(format!("{{\"return\": {result}{id}}}\r\n").as_bytes());
        true
    }

    /// It also asks what the peer can do; a server whose script does not expect that does not say.
    fn refuse_schema(&mut self, text: &str) -> bool {
        let document = parse(text).unwrap_or_default();
        if document.get("execute").and_then(Value::as_str) != Some(SCHEMA) {
            return false;
        }
        let id = document.get("id").map(|id| format!(", \"id\": {id}")).unwrap_or_default();
        let error = r#""error": {"class": "CommandNotFound", "desc": "it does not tell"}"#;
        let _ = self.send(format!("{{{error}{id}}}\r\n").as_bytes());
        true
    }

    fn pause(&mut self) -> Played {
        self.note("-- paused".to_owned());
        let mut seen = self.shared.seen.lock().unwrap();
        seen.paused = true;
        self.shared.pauses.notify_all();
        while seen.paused {
            if self.shared.stop.load(Ordering::Relaxed) {
                return Err("was never told to go on after its pause".to_owned());
            }
            seen = self.shared.pauses.wait_timeout(seen, LOOK).unwrap().0;
        }
        Ok(())
    }

    fn wait_for(&mut self, what: PollFlags, name: &str) -> Played {
        let shared = Arc::clone(&self.shared);
        wait(self.stream()?, what, &shared, name)
    }
}

/// Waits until `what` is true of the descriptor.
fn wait(fd: &impl AsFd, what: PollFlags, shared: &Shared, name: &str) -> Played {
    let start = Instant::now();
    let look = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
    loop {
        let mut fds = [PollFd::new(fd, what)];
        match poll(&mut fds, Some(&look)) {
            Ok(n) if n > 0 => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(format!("could not wait for {name}: {e}")),
        }
        if shared.stop.load(Ordering::Relaxed) || start.elapsed() > DEADLINE {
            return Err(format!("waited in vain for {name}"));
        }
    }
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("got what is no JSON: {e} in {}", excerpt(text.as_bytes())))
}

/// The read or write had a short time limit, so that the thread can be stopped.
fn not_yet(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn after(rest: &str) -> String {
    if rest.is_empty() { String::new() } else { format!(" after {rest}") }
}
