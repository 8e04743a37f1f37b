//! The mock server's thread: plays the steps of a script on one connection after the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown, sockopt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::documents::Documents;
use super::excerpt;
use super::mock::{ANY_ID, Expected, Shared, Step, shell_answer};

/// Why a script ends early: what went wrong, as the end of "the mock server …".
type Result<T = ()> = std::result::Result<T, String>;

pub enum Listener {
    Unix(net::UnixListener),
    Tcp(std::net::TcpListener),
}

pub struct Player {
    listener: Listener,
    shared: Arc<Shared>,
    answers_shell: bool,
    /// A Unix or TCP connection: the calls are those of either.
    connection: Option<UnixStream>,
    documents: Documents,
    /// The ids of the commands without a reply, as JSON, the oldest first.
    unanswered: VecDeque<Option<String>>,
}

impl Player {
    pub fn new(listener: Listener, shared: Arc<Shared>, answers_shell: bool) -> Self {
        let (documents, unanswered) = (Documents::default(), VecDeque::new());
        Self { listener, shared, answers_shell, connection: None, documents, unanswered }
    }

    pub fn play(mut self, steps: Vec<Step>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let played = runtime.block_on(async {
            for step in steps {
                self.step(step).await?;
            }
            self.shared.seen().done = true;
            self.expect_end().await
        });
        let mut seen = self.shared.seen();
        seen.failure = played.err();
        seen.done = true;
    }

    async fn step(&mut self, step: Step) -> Result {
        match step {
            Step::Accept => self.accept().await,
            Step::Send(bytes) => {
                self.note(format!("-> {}", excerpt(&bytes)));
                self.send(&bytes).await
            }
            Step::SendMany(count, piece) => {
                self.note(format!("-> {count} pieces"));
                let mut buffer = String::new();
                for n in 0..count {
                    buffer += &piece(n);
                    if buffer.len() >= 65536 || n + 1 == count {
                        self.send(buffer.as_bytes()).await?;
                        buffer.clear();
                    }
                }
                Ok(())
            }
            Step::Expect(expected) => self.expect(&expected).await,
            Step::ExpectSilence => {
                let unread = rustix::io::ioctl_fionread(self.stream()?).expect("a socket");
                if unread == 0 && self.documents.rest().is_empty() {
                    return Ok(());
                }
                self.read().await?;
                Err(format!("expected silence, and got {}", excerpt(self.documents.rest())))
            }
            Step::Reply { text, latest } => {
                let id = if latest { self.unanswered.pop_back() } else { self.unanswered.pop_front() };
                let id = id.ok_or("was told to answer, and every command is answered")?;
                let reply = format!("{text}{}}}\r\n", id_member(id));
                self.note(format!("-> {}", excerpt(reply.as_bytes())));
                self.send(reply.as_bytes()).await
            }
            Step::Pause => {
                self.note("-- paused".to_owned());
                self.shared.seen().paused = true;
                let told = unless_stopped(&self.shared, self.shared.go_on.notified()).await;
                told.ok_or_else(|| "was never told to go on after its pause".to_owned())
            }
            Step::HoldWithoutReading => {
                self.shared.seen().done = true;
                self.shared.stop.cancelled().await;
                self.close();
                Ok(())
            }
            Step::FinishSending => {
                self.note("-> end of file".to_owned());
                shutdown(self.stream()?, Shutdown::Write).map_err(|e| format!("could not finish sending: {e}"))
            }
            Step::Close => {
                self.close();
                Ok(())
            }
            Step::Reset => self.reset().await,
        }
    }

    async fn accept(&mut self) -> Result {
        let accept = async {
            match &self.listener {
                Listener::Unix(listener) => Ok(UnixListener::from_std(listener.try_clone()?)?.accept().await?.0),
                Listener::Tcp(listener) => {
                    let (stream, _) = TcpListener::from_std(listener.try_clone()?)?.accept().await?;
                    stream.set_nodelay(true)?;
                    UnixStream::from_std(OwnedFd::from(stream.into_std()?).into())
                }
            }
        };
        let accepted: io::Result<_> =
            unless_stopped(&self.shared, accept).await.ok_or("waited in vain for a connection")?;
        self.connection = Some(accepted.map_err(|e| format!("could not accept: {e}"))?);
        self.note("-- connected".to_owned());
        Ok(())
    }

    fn stream(&mut self) -> Result<&mut UnixStream> {
        self.connection.as_mut().ok_or_else(|| "was told to go on after it had closed".to_owned())
    }

    fn note(&self, line: String) {
        self.shared.seen().transcript.push(line);
    }

    fn close(&mut self) {
        self.note("-- closed".to_owned());
        self.connection = None;
        self.documents = Documents::default();
        self.unanswered.clear();
    }

    async fn reset(&mut self) -> Result {
        let shared = Arc::clone(&self.shared);
        let stream = self.stream()?;
        if stream.local_addr().is_ok() {
            unless_stopped(&shared, stream.readable()).await.ok_or("waited in vain for something not to read")?.ok();
        } else {
            let linger = Some(Duration::ZERO);
            sockopt::set_socket_linger(stream, linger).map_err(|e| format!("could not reset: {e}"))?;
        }
        self.close();
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result {
        let shared = Arc::clone(&self.shared);
        let sent = unless_stopped(&shared, self.stream()?.write_all(bytes)).await;
        let sent = sent.unwrap_or(Err(ErrorKind::TimedOut.into()));
        sent.map_err(|e| format!("could not send {}: {e}", excerpt(bytes)))
    }

    async fn expect(&mut self, expected: &Expected) -> Result {
        let text = self
            .document(Some(expected))
            .await?
            .ok_or_else(|| format!("expected {expected}, and got the end of file{}", after(self.documents.rest())))?;
        let document = serde_json::from_str::<Value>(&text);
        // The reply has the id of the command.
        let id = document.as_ref().ok().and_then(|document| document.get("id")).map(Value::to_string);
        self.unanswered.push_back(id);
        let same = match expected {
            Expected::Text(expected) => {
                let id = self.unanswered.back().and_then(Option::as_deref).unwrap_or_default();
                text == expected.replace(ANY_ID, &format!("\"id\":{id}"))
            }
            Expected::Command(name) => command(&parsed(document, &text)?) == Some(name),
            Expected::Json(expected) => {
                let mut document = parsed(document, &text)?;
                if let (None, Some(members)) = (expected.get("id"), document.as_object_mut()) {
                    members.remove("id");
                }
                document == *expected
            }
        };
        if same { Ok(()) } else { Err(format!("expected {expected}, and got {text}")) }
    }

    /// Expects that the client closes and sends nothing more, or that the test stops first.
    async fn expect_end(&mut self) -> Result {
        if self.connection.is_none() {
            return Ok(());
        }
        match self.document(None).await {
            Ok(Some(text)) => Err(format!("expected nothing more, and got {text}")),
            Ok(None) if self.documents.rest().trim_ascii().is_empty() => Ok(()),
            Ok(None) => Err(format!("was left with {}", excerpt(self.documents.rest().trim_ascii()))),
            Err(_) if self.shared.stop.is_cancelled() => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// The next document that the shell did not ask by itself, or `None` at the end of file.
    async fn document(&mut self, expected: Option<&Expected>) -> Result<Option<String>> {
        loop {
            while let Some(text) = self.documents.next() {
                self.note(format!("<- {}", excerpt(text.as_bytes())));
                if self.answers_shell && self.answer_shell(&text, expected).await {
                    continue;
                }
                self.shared.seen().documents.push(text.clone());
                return Ok(Some(text));
            }
            match self.read().await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(why) => {
                    let expected = expected.map_or("the end of file".to_owned(), ToString::to_string);
                    return Err(format!("{why} {expected}{}", after(self.documents.rest())));
                }
            }
        }
    }

    /// Answers a query of the shell that the script does not expect now.
    async fn answer_shell(&mut self, text: &str, expected: Option<&Expected>) -> bool {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let name = command(&document);
        let is_expected = match expected {
            Some(Expected::Command(expected)) => name == Some(expected),
            Some(Expected::Json(expected)) => name == command(expected),
            Some(Expected::Text(expected)) => text == expected,
            None => false,
        };
        let Some((name, answer)) = name.filter(|_| !is_expected).and_then(|name| Some((name, shell_answer(name)?)))
        else {
            return false;
        };
        self.shared.seen().answered.push(name.to_owned());
        let reply = format!("{{{answer}{}}}\r\n", id_member(document.get("id").map(Value::to_string)));
        self.note(format!("-> {}", excerpt(reply.as_bytes())));
        // The shell may have gone.
        let _ = self.send(reply.as_bytes()).await;
        true
    }

    /// Reads what has come: `false` at the end of file.
    async fn read(&mut self) -> Result<bool> {
        let shared = Arc::clone(&self.shared);
        let mut chunk = vec![0; 65536];
        match unless_stopped(&shared, self.stream()?.read(&mut chunk)).await.ok_or("waited in vain for")? {
            // A client that was killed, or that left without reading what was sent.
            Err(e) if e.kind() != ErrorKind::ConnectionReset => Err(format!("could not read ({e})")),
            Err(_) | Ok(0) => {
                self.note("<- end of file".to_owned());
                Ok(false)
            }
            Ok(n) => {
                self.shared.seen().bytes.extend_from_slice(&chunk[..n]);
                self.documents.push(&chunk[..n]);
                Ok(true)
            }
        }
    }
}

/// What the future gives, or `None` if the test ends first. What has come by then is still read.
async fn unless_stopped<T>(shared: &Shared, future: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        shared.stop.cancelled().await;
        // Lets the runtime look at the sockets once more.
        tokio::task::yield_now().await;
    };
    tokio::select! {
        biased;
        output = future => Some(output),
        () = stopped => None,
    }
}

fn command(document: &Value) -> Option<&str> {
    document.get("execute").or_else(|| document.get("exec-oob"))?.as_str()
}

fn parsed(document: serde_json::Result<Value>, text: &str) -> Result<Value> {
    document.map_err(|e| format!("got what is no JSON: {e} in {}", excerpt(text.as_bytes())))
}

fn id_member(id: Option<String>) -> String {
    id.map(|id| format!(", \"id\": {id}")).unwrap_or_default()
}

fn after(rest: &[u8]) -> String {
    if rest.is_empty() { String::new() } else { format!(" after {}", excerpt(rest)) }
}
