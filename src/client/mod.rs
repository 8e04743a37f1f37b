//! A QMP client on the engine: greeting, negotiation, commands and their replies, events.
//!
//! ```no_run
//! use qmpsh::client::{Client, ClientOptions};
//! use qmpsh::message::Request;
//! use qmpsh::transport::Unix;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ClientOptions::default());
//! client.connect(Unix::path("/tmp/qmp.sock")).await?;
//! let reply = client.execute(Request::new("query-status")).await?;
//! println!("{}", String::from_utf8_lossy(&reply.result().unwrap_or_default()));
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```

mod agent;
mod error;
mod negotiation;
mod observer;
mod pending;
mod qmp;
mod received;

pub use error::{ExecuteError, NonQmpPeer, QmpError};
pub use observer::{Observer, Origin};
pub use qmp::{Outgoing, Qmp};
pub use received::Received;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::events::{Delivery, EventStream, EventWait, HistoryBounds, Hub, OnEvent, RanOver};
use crate::message::{Event, Greeting, Reply, Request};
use crate::protocol::{Dial, End, OpenError, Session, SessionOptions};
use qmp::{Answer, Shared};

/// The longest message accepted if nothing else is said: 256 MiB.
pub const MAX_MESSAGE: usize = 256 << 20;

/// How a client is set up.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The connection's name, for the log (E18).
    pub name: Option<String>,
    /// The longest message accepted, in bytes; a longer one ends the session.
    pub max_message: usize,
    /// Whether to enable out-of-band execution where the server offers it.
    pub out_of_band: bool,
    /// Whether to await the greeting and negotiate; without, commands go out at once.
    pub negotiate: bool,
    /// Whether the peer is a guest agent: no greeting, a synchronization in its place.
    pub guest_agent: bool,
    /// For accepting: how long one peer may take for its greeting and negotiation.
    pub handshake_limit: Option<Duration>,
    /// Sees all messages; without one, that costs nothing.
    pub observer: Option<Arc<dyn Observer>>,
    /// Called with every event, in the order in which they come, before any stream or wait gets it.
    pub on_event: Option<OnEvent>,
    /// How many events [`Client::wait`] can look back on; without it, only on those that come while it waits.
    pub history: Option<HistoryBounds>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            name: None,
            max_message: MAX_MESSAGE,
            out_of_band: true,
            negotiate: true,
            guest_agent: false,
            handshake_limit: None,
            observer: None,
            on_event: None,
            history: Some(HistoryBounds::default()),
        }
    }
}

/// How far an attempt to connect has come; it tells what to say when it takes too long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Progress {
    /// The connection is not there yet.
    #[default]
    Connecting,
    /// Connected; the greeting has not come.
    AwaitingGreeting {
        /// The beginning of what has come so far, if anything.
        seen: Vec<u8>,
    },
    /// Connected; the guest agent has not answered the synchronization.
    Synchronizing,
    /// The greeting has come; the answer to the negotiation has not.
    Negotiating,
    /// The session is there.
    Established,
}

/// A QMP client; clones share the session.
#[derive(Debug, Clone)]
pub struct Client {
    session: Session<Qmp>,
    guest_agent: bool,
    shared: Arc<Shared>,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(options: ClientOptions) -> Self {
        let shared =
            Arc::new(Shared { hub: Hub::new(options.history, options.on_event.clone()), seen: Mutex::default() });
        let session_options = SessionOptions {
            name: options.name.clone(),
            handshake_limit: options.handshake_limit,
            ..SessionOptions::default()
        };
        let for_sessions = Arc::clone(&shared);
        let guest_agent = options.guest_agent;
        let session = Session::new(session_options, move || Qmp::new(options.clone(), Arc::clone(&for_sessions)));
        Self { session, guest_agent, shared }
    }

    /// Connects, awaits the greeting, and negotiates. Dropping the future gives it up and leaves nothing behind (E9).
    pub async fn connect(&self, to: impl Dial) -> Result<(), OpenError<QmpError>> {
        // What an earlier attempt had come to says nothing about this one.
        self.shared.update(|seen| seen.progress = Progress::Connecting);
        self.session.connect(to).await
    }

    /// The session below: to listen and accept, to watch the run state, to end it.
    pub fn session(&self) -> &Session<Qmp> {
        &self.session
    }

    /// The greeting of the current session, or of the last one.
    pub fn greeting(&self) -> Option<Greeting> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).greeting.clone()
    }

    /// How far the last attempt to connect has come.
    pub fn progress(&self) -> Progress {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).progress.clone()
    }

    /// Whether the peer is a guest agent.
    pub fn is_guest_agent(&self) -> bool {
        self.guest_agent
    }

    /// Whether an open file can be sent with a command: the current session, or the last one, is over a Unix socket.
    pub fn passes_descriptors(&self) -> bool {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).passes_descriptors
    }

    /// A stream of the events that `wanted` lets through, from now on; to miss none, ask before connecting.
    pub fn events(&self, delivery: Delivery, wanted: impl Fn(&Event) -> bool + Send + 'static) -> EventStream {
        self.shared.hub.stream(delivery, wanted)
    }

    /// Waits for an event that has come already, or will come.
    ///
    /// It looks back to when the first command after the last wait was sent: what came before is forgotten, and so is what has
    /// ended a wait. Waits in a row look at the same events. What [`Origin::Program`] asks does not count. Before the first
    /// command it looks back to the beginning.
    ///
    /// The end of a session does not end a wait: what came before it is still found.
    ///
    /// ```no_run
    /// # use qmpsh::{client::Client, message::Request};
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// client.execute(Request::new("stop")).await?;
    /// let event = client.wait(|event| event.name() == "STOP")?.await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// More events came than [`ClientOptions::history`] allows, so the one waited for may be among the forgotten.
    pub fn wait(&self, wanted: impl Fn(&Event) -> bool + Send + 'static) -> Result<EventWait, RanOver> {
        self.shared.hub.wait(wanted)
    }

    /// Sends a command and waits for its reply: exactly one outcome for each.
    ///
    /// Dropping the future gives the command up: it is not sent if it still waits for its turn; if it was sent, its
    /// late reply is dropped, and its id stays taken until then.
    pub async fn execute(&self, request: Request) -> Result<Reply, ExecuteError> {
        self.start(request).await?.await
    }

    /// Queues a command, waiting for room in the queue only; the result is a future of its reply.
    #[expect(clippy::disallowed_methods, reason = "the user's")]
    pub async fn start(&self, request: impl Into<Arc<Request>>) -> Result<Execution, ExecuteError> {
        self.start_as(request, Origin::User).await
    }

    /// Queues a command like [`start`](Client::start), and tells the [`Observer`] on whose behalf it is sent.
    pub async fn start_as(&self, request: impl Into<Arc<Request>>, origin: Origin) -> Result<Execution, ExecuteError> {
        let request = request.into();
        if request.descriptor.is_some() && !self.passes_descriptors() {
            return Err(ExecuteError::NoDescriptors { command: request.command.clone() });
        }
        let (sender, answer) = oneshot::channel();
        let mark = (origin == Origin::User).then(|| self.shared.hub.mark());
        let outgoing = Outgoing { request: Arc::clone(&request), origin, answer: Some(sender), mark };
        match self.session.send(outgoing).await {
            Ok(()) => {
                let is_silent = self.guest_agent && agent::is_silent(&request.command);
                let silence = is_silent.then(|| Box::pin(tokio::time::sleep(agent::SILENCE)));
                Ok(Execution { request, answer, silence })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends what is queued, closes the connection, and says how it ended (E6).
    pub async fn disconnect(&self) -> End<QmpError> {
        self.session.disconnect().await
    }
}

/// A command that was queued: a future of its reply.
#[derive(Debug)]
pub struct Execution {
    request: Arc<Request>,
    answer: oneshot::Receiver<Answer>,
    /// When silence is success, if it ever is.
    silence: Option<Pin<Box<Sleep>>>,
}

impl Future for Execution {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        if let Poll::Ready(answer) = Pin::new(&mut self.answer).poll(context) {
            // The session ended with the command still in the queue.
            return Poll::Ready(answer.unwrap_or_else(|_| Err(self.not_sent())));
        }
        let silence = self.silence.as_mut();
        if silence.is_none_or(|silence| silence.as_mut().poll(context).is_pending()) {
            return Poll::Pending;
        }
        Poll::Ready(agent::silent_reply().ok_or_else(|| self.not_sent()))
    }
}

impl Execution {
    fn not_sent(&self) -> ExecuteError {
        ExecuteError::NotSent { command: self.request.command.clone() }
    }
}
