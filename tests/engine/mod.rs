//! The protocol engine, over a line protocol and a null protocol; each test's name starts with the behavior's number.

mod accept;
mod codec;
mod connect;
mod disconnect;
mod drain;
mod lines;
mod link;
pub(crate) mod logs;
mod messages;
mod model;
mod peers;
mod sharing;
mod states;
mod tls;
mod transports;

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll, Waker};

use bytes::BytesMut;
use qmpsh::protocol::{
    Context, End, LineError, Lines, OpenError, Protocol, Runstate, Session, SessionOptions, StateWatcher, Wire,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

#[derive(Debug, thiserror::Error)]
pub(crate) enum LineProtocolError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("unexpected: {0}")]
    Unexpected(String),
    /// A cause without text.
    #[error("")]
    Wordless,
}

/// What a [`LineProtocol`] does besides passing lines on.
#[derive(Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a thing of its own that a test asks for")]
pub(crate) struct Plan {
    /// Await `hello` and answer `welcome` before the session starts; `wordless` fails it without a text.
    pub(crate) hello: bool,
    /// Let records be as long as they may, where there are any.
    pub(crate) whole: bool,
    /// Mark what passes the hooks: `<received>`, `[sent]`.
    pub(crate) mark: bool,
    /// Room for messages, closed and opened by the test.
    pub(crate) gate: Option<Gate>,
    /// Make `on_end` panic.
    pub(crate) panic_at_end: bool,
}

/// Lines, both ways. What it receives and how it ends, it tells the test.
pub(crate) struct LineProtocol {
    lines: Lines,
    plan: Plan,
    tell: mpsc::UnboundedSender<Heard>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Line(String),
    End(String),
}

impl Protocol for LineProtocol {
    const NAME: &'static str = "LineProtocol";
    type In = String;
    type Out = String;
    type Error = LineProtocolError;

    fn decode(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<String>, LineProtocolError> {
        let line = self.lines.next(buffer, eof)?;
        Ok(line.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    fn encode(&mut self, message: String, buffer: &mut BytesMut) -> Result<(), LineProtocolError> {
        if message == "unspeakable" {
            return Err(LineProtocolError::Unexpected(message));
        }
        buffer.extend_from_slice(message.as_bytes());
        buffer.extend_from_slice(b"\n");
        Ok(())
    }

    fn inbound(&mut self, message: String) -> Result<String, LineProtocolError> {
        Ok(if self.plan.mark { format!("<{message}>") } else { message })
    }

    fn outbound(&mut self, message: String) -> Result<String, LineProtocolError> {
        Ok(if self.plan.mark { format!("[{message}]") } else { message })
    }

    async fn establish(&mut self, wire: &mut Wire<'_>) -> Result<(), LineProtocolError> {
        wire.one_byte_records(!self.plan.whole);
        if !self.plan.hello {
            return Ok(());
        }
        let line = wire.recv(self).await?;
        match line.trim_matches(['<', '>']) {
            "hello" => wire.send(self, "welcome".to_owned()).await,
            "wordless" => Err(LineProtocolError::Wordless),
            _ => Err(LineProtocolError::Unexpected(line)),
        }
    }

    fn on_message(&mut self, message: String, context: &mut Context<'_, Self>) -> Result<(), LineProtocolError> {
        let _ = self.tell.send(Heard::Line(message.clone()));
        match message.split_once(' ').unwrap_or((&message, "")) {
            ("echo", text) => context.send(text.to_owned()),
            ("bye", _) => context.schedule_disconnect(),
            ("fail", text) => return Err(LineProtocolError::Unexpected(text.to_owned())),
            ("panic", text) => panic!("{text}"),
            _ => {}
        }
        Ok(())
    }

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        self.plan.gate.as_ref().map_or(Poll::Ready(()), |gate| gate.poll(context))
    }

    fn on_end(&mut self, end: &End<LineProtocolError>) {
        let _ = self.tell.send(Heard::End(shown(end)));
        assert!(!self.plan.panic_at_end, "as planned");
    }
}

/// Takes everything and does nothing.
pub(crate) struct NullProtocol;

impl Protocol for NullProtocol {
    const NAME: &'static str = "NullProtocol";
    type In = Infallible;
    type Out = Infallible;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut, _eof: bool) -> io::Result<Option<Infallible>> {
        buffer.clear();
        Ok(None)
    }

    fn encode(&mut self, message: Infallible, _buffer: &mut BytesMut) -> io::Result<()> {
        match message {}
    }

    fn on_message(&mut self, message: Infallible, _context: &mut Context<'_, Self>) -> io::Result<()> {
        match message {}
    }
}

/// How a session ended, in one line.
pub(crate) fn shown<E: std::error::Error>(end: &End<E>) -> String {
    match end {
        Ok(()) => "ok".to_owned(),
        Err(error) => match std::error::Error::source(&**error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// A gate that the test closes and opens.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<GateState>>);

#[derive(Default)]
struct GateState {
    closed: bool,
    waiting: Option<Waker>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.0.lock().expect("the gate").closed = true;
    }

    pub(crate) fn open(&self) {
        let mut state = self.0.lock().expect("the gate");
        state.closed = false;
        if let Some(waker) = state.waiting.take() {
            waker.wake();
        }
    }

    pub(crate) fn poll(&self, context: &mut task::Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().expect("the gate");
        if !state.closed {
            return Poll::Ready(());
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

pub(crate) type Lined = Session<LineProtocol>;

/// A session of lines, and what it hears.
pub(crate) fn lined(plan: &Plan) -> (Lined, Hearing) {
    lined_with(SessionOptions::default(), plan)
}

pub(crate) fn lined_with(options: SessionOptions, plan: &Plan) -> (Lined, Hearing) {
    let (tell, hear) = mpsc::unbounded_channel();
    let plan = plan.clone();
    let make = move || LineProtocol { lines: Lines::new(1_000_000), plan: plan.clone(), tell: tell.clone() };
    (Session::new(options, make), Hearing(hear))
}

pub(crate) fn null() -> Session<NullProtocol> {
    Session::new(SessionOptions::default(), || NullProtocol)
}

pub(crate) fn hello() -> Plan {
    Plan { hello: true, ..Plan::default() }
}

/// What a [`LineProtocol`] hears.
pub(crate) struct Hearing(mpsc::UnboundedReceiver<Heard>);

impl Hearing {
    pub(crate) async fn next(&mut self) -> Heard {
        self.0.recv().await.expect("the session is there")
    }

    pub(crate) async fn line(&mut self) -> String {
        match self.next().await {
            Heard::Line(line) => line,
            Heard::End(end) => panic!("the session ended: {end}"),
        }
    }

    /// Messages that arrived and were not taken yet.
    pub(crate) fn rest(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// A running session of lines over memory: the session, what it hears, the peer's end.
pub(crate) async fn running(plan: &Plan) -> (Lined, Hearing, DuplexStream) {
    running_with(SessionOptions::default(), plan, 64).await
}

/// A pair with room for `room` bytes in each direction.
pub(crate) async fn running_with(options: SessionOptions, plan: &Plan, room: usize) -> (Lined, Hearing, DuplexStream) {
    let (session, hearing) = lined_with(options, plan);
    let (ours, theirs) = tokio::io::duplex(room);
    session.open_with_socket(ours).expect("idle");
    session.accept().await.expect("established");
    (session, hearing, theirs)
}

/// Runs a test, but not for ever.
pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(2 * crate::support::DEADLINE, test).await.expect("the test hangs")
}

/// The transitions seen so far, and none after them.
pub(crate) fn seen(watcher: &mut StateWatcher) -> Vec<Runstate> {
    std::iter::from_fn(|| watcher.try_changed()).collect()
}

/// Waits until the session gets to a state.
pub(crate) async fn until(watcher: &mut StateWatcher, state: Runstate) {
    while watcher.changed().await.expect("the session is there") != state {}
}

/// Tasks of this test's runtime, without the test itself.
pub(crate) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

pub(crate) fn error_text<T: Debug, E: std::error::Error>(result: Result<T, OpenError<E>>) -> String {
    result.expect_err("it fails").to_string()
}

pub(crate) async fn say(peer: &mut (impl AsyncWriteExt + Unpin), text: &str) {
    peer.write_all(text.as_bytes()).await.expect("the session reads");
}

/// Reads just as much as `text` is long.
pub(crate) async fn expect(peer: &mut (impl AsyncReadExt + Unpin), text: &str) {
    let mut bytes = vec![0; text.len()];
    peer.read_exact(&mut bytes).await.expect("the session writes");
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// Everything until the session closes.
pub(crate) async fn read_to_end(peer: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    peer.read_to_string(&mut text).await.expect("the session writes text");
    text
}
