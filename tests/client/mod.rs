//! The QMP client of the library, against a server in memory.

mod commands;
mod events;
mod greeting;
mod handles;
mod model;
mod outcomes;
mod replies;
mod typed;
mod waits;

use std::io;
use std::time::Duration;

use qmpsh::client::{Client, ClientBuilder, ExecuteError, Execution, QmpError};
use qmpsh::message::Request;
use qmpsh::protocol::{Cause, ConnectError, Dial, Link, OpenError};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::support::DEADLINE;
use crate::support::documents::Documents;

pub(crate) const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#;

/// One end of a connection in memory, as something to connect to.
pub(crate) struct Line(DuplexStream);

impl Dial for Line {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(self.0))
    }
}

/// An address that never answers.
pub(crate) struct Never;

impl Dial for Never {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        std::future::pending().await
    }
}

/// The server's end of a connection.
pub(crate) struct Server {
    stream: DuplexStream,
    documents: Documents,
}

/// Both ends, not connected yet.
pub(crate) fn line() -> (Line, Server) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    (Line(ours), Server { stream: theirs, documents: Documents::default() })
}

impl Server {
    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    /// The next message, as it came.
    pub(crate) async fn hear(&mut self) -> String {
        self.hear_or_end().await.expect("a message, not the end of file")
    }

    pub(crate) async fn hear_or_end(&mut self) -> Option<String> {
        let mut chunk = vec![0; 65536];
        loop {
            if let Some(text) = self.documents.next() {
                return Some(text);
            }
            match within(self.stream.read(&mut chunk)).await.unwrap() {
                0 => return None,
                count => self.documents.push(&chunk[..count]),
            }
        }
    }

    /// Whether nothing has come with the last message that was heard.
    pub(crate) fn has_heard_all(&mut self) -> bool {
        self.documents.next().is_none()
    }

    /// The name and the id of the next command.
    pub(crate) async fn hear_command(&mut self) -> (String, u64) {
        let text = self.hear().await;
        let value: Value = serde_json::from_str(&text).unwrap();
        (value["execute"].as_str().unwrap_or_default().to_owned(), value["id"].as_u64().unwrap())
    }

    /// Says hello, and agrees to what is asked for.
    pub(crate) async fn welcome(&mut self) {
        self.welcome_with(GREETING).await;
    }

    pub(crate) async fn welcome_with(&mut self, greeting: &str) {
        self.say(greeting).await;
        let (name, id) = self.hear_command().await;
        assert_eq!(name, "qmp_capabilities");
        self.say(format!(r#"{{"return": {{}}, "id": {id}}}"#)).await;
    }
}

/// A client and its server, their session running.
pub(crate) async fn session() -> (Client, Server) {
    session_with(Client::builder()).await
}

pub(crate) async fn session_with(options: ClientBuilder) -> (Client, Server) {
    let client = options.build();
    let server = connect(&client).await;
    (client, server)
}

/// Connects `client` to a new server that welcomes it.
pub(crate) async fn connect(client: &Client) -> Server {
    let (line, mut server) = line();
    let (connected, ()) = tokio::join!(within(client.open(line)), server.welcome());
    connected.unwrap();
    server
}

/// A command queued, as a future of its answer.
pub(crate) async fn start(client: &Client, command: &str) -> Execution {
    within(client.start(Request::new(command))).await.unwrap()
}

/// Ends a test that would hang.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE + Duration::from_secs(30), work).await.expect("it ends")
}

/// A command's answer: its result; or its error, told with its causes.
pub(crate) async fn answer(execution: Execution) -> Result<String, String> {
    match within(execution).await {
        Ok(reply) => Ok(String::from_utf8(reply.result().unwrap().to_vec()).unwrap()),
        Err(error) => Err(told(&error)),
    }
}

pub(crate) fn told(error: &ExecuteError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Why there is no session.
pub(crate) fn cause(error: OpenError<QmpError>) -> QmpError {
    match error {
        OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. }) => error,
        other => panic!("{other:?}"),
    }
}
