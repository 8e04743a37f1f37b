//! The handle on a client.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::unix::UCred;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::agent;
use super::builder::ClientBuilder;
use super::error::{ExecuteError, QmpError};
use super::observer::Origin;
use super::qmp::{Answer, Outgoing, Qmp};
use super::shared::{Progress, Shared};
use super::tracker::Tracker;
use crate::events::{Delivery, EventStream, EventWait, Hub, RanOver};
use crate::message::{Event, Greeting, Reply, Request};
use crate::pattern::Pattern;
use crate::policy::Policy;
use crate::protocol::{Dial, End, OpenError, Session, SessionOptions};
use crate::transport::DialTarget;

/// How many bytes of events a stream of names keeps if it is not read.
const EVENT_ROOM: usize = 8 << 20;

/// A QMP client. Clones share the session.
#[derive(Debug, Clone)]
pub struct Client {
    session: Session<Qmp>,
    guest_agent: bool,
    policy: Arc<Policy>,
    shared: Arc<Shared>,
}

impl Client {
    /// Connects to `address`, waits for the greeting, and negotiates; see [`ClientBuilder::connect`].
    ///
    /// # Errors
    ///
    /// Nothing listens there, or it is not QMP. The source says why.
    pub async fn connect(address: impl Into<DialTarget>) -> Result<Self, OpenError<QmpError>> {
        Self::builder().connect(address).await
    }

    /// Begins a client with other options than the default ones.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(super) fn new(options: ClientBuilder) -> Self {
        let shared = Arc::new(Shared::new(Hub::new(options.history, options.on_event.clone())));
        let session_options = SessionOptions {
            name: options.name.clone(),
            handshake_limit: options.handshake_limit,
            ..SessionOptions::default()
        };
        let for_sessions = Arc::clone(&shared);
        let guest_agent = options.guest_agent;
        let policy = Arc::new(options.policy.clone());
        let session = Session::new(session_options, move || Qmp::new(options.clone(), Arc::clone(&for_sessions)));
        Self { session, guest_agent, policy, shared }
    }

    /// Connects a client that is not connected, or not anymore. Dropping the future cancels it and leaves nothing behind (E9).
    ///
    /// # Errors
    ///
    /// Connecting or the handshake failed, or the client is connected. It can be tried again.
    pub async fn open(&self, to: impl Dial) -> Result<(), OpenError<QmpError>> {
        self.shared.seen().progress = Progress::Connecting;
        self.session.connect(to).await
    }

    /// Returns the session of the engine, to listen and accept, to watch the run state, and to end it.
    pub fn session(&self) -> &Session<Qmp> {
        &self.session
    }

    /// Returns the greeting of the current session, or of the last one.
    pub fn greeting(&self) -> Option<Greeting> {
        self.shared.seen().greeting.clone()
    }

    /// Returns how far the last attempt to connect has come.
    pub fn progress(&self) -> Progress {
        self.shared.seen().progress.clone()
    }

    /// Returns true if the peer is a guest agent.
    pub fn is_guest_agent(&self) -> bool {
        self.guest_agent
    }

    /// Returns true if an open file can be sent with a command: the current session, or the last one, uses a Unix socket.
    pub fn passes_descriptors(&self) -> bool {
        self.shared.seen().passes_descriptors
    }

    /// Returns which commands it may send.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the process and the user at the other end of the current session, or of the last one. Only a Unix socket tells.
    pub fn peer_credentials(&self) -> Option<UCred> {
        self.shared.seen().credentials
    }

    /// Returns a stream of the events from now on whose name matches one of the patterns: `*` is any text, `?` any character, `[ab]`
    /// one of those. A pattern that cannot be read as one means itself.
    ///
    /// The stream delivers what comes until the session ends, and then ends. It keeps up to 8 MiB of events that were not read; beyond
    /// that it drops the oldest and counts them in [`missed`](EventStream::missed). It never delays the connection.
    ///
    /// To miss no event of a session, make the stream before [`open`](Self::open).
    ///
    /// ```no_run
    /// # async fn example(client: qmpsh::client::Client) {
    /// let mut events = client.events(["BLOCK_*", "SHUTDOWN"]);
    /// while let Some(event) = events.next().await {
    ///     println!("{}", event.name());
    /// }
    /// # }
    /// ```
    pub fn events(&self, patterns: impl IntoIterator<Item: AsRef<str>>) -> EventStream {
        let pattern = |text: &str| Pattern::new(text).unwrap_or_else(|_| Pattern::literal(text));
        let patterns: Vec<_> = patterns.into_iter().map(|text| pattern(text.as_ref())).collect();
        let wanted = move |event: &Event| {
            let name = event.name();
            patterns.iter().any(|pattern| pattern.matches(&name))
        };
        self.shared.hub.stream(Delivery::Newest { room: EVENT_ROOM }, true, wanted)
    }

    /// Returns a stream of the events from now on for which `wanted` returns true, in this session and in those after it.
    pub fn events_with(
        &self,
        delivery: Delivery,
        wanted: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> EventStream {
        self.shared.hub.stream(delivery, false, wanted)
    }

    /// Waits for an event that has come already, or will come.
    ///
    /// It looks back to when the first command after the last wait was sent; before the first command, to the beginning. Commands
    /// of [`Origin::Program`] do not count. Waits in a row look at the same events, and an event ends only one wait.
    ///
    /// The end of a session does not end a wait: earlier events are still found.
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
    ///
    /// More events came than [`ClientBuilder::history`] allows, so the event may have been forgotten.
    pub fn wait(&self, wanted: impl Fn(&Event) -> bool + Send + 'static) -> Result<EventWait, RanOver> {
        self.shared.hub.wait(wanted)
    }

    /// Sends a command and reads its result as `T`. Arguments are what serde writes as an object, or `()`; the result of a command that
    /// returns nothing is `()`.
    ///
    /// It is [`execute`](Self::execute) with a request and a result of your types.
    ///
    /// ```no_run
    /// # async fn example(client: qmpsh::client::Client) -> Result<(), qmpsh::client::ExecuteError> {
    /// #[derive(serde::Deserialize)]
    /// struct Status {
    ///     running: bool,
    /// }
    /// let status: Status = client.call("query-status", ()).await?;
    /// client.call::<()>("balloon", serde_json::json!({"value": 1 << 30})).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`execute`](Self::execute); [`ExecuteError::Request`] if QEMU's parser would refuse the arguments;
    /// [`ExecuteError::Parse`] if the command succeeded with a result that is not a `T`.
    pub async fn call<T: DeserializeOwned>(&self, command: &str, arguments: impl Serialize) -> Result<T, ExecuteError> {
        let request = Request::new(command).arguments(&arguments)?;
        Ok(self.execute(request).await?.parse()?)
    }

    /// Sends a command and waits for its reply. Each command has exactly one outcome.
    ///
    /// Dropping the future cancels the command: a queued one is not sent. The late reply of one that was sent is dropped, and its
    /// id stays in use until then.
    pub async fn execute(&self, request: Request) -> Result<Reply, ExecuteError> {
        self.start(request).await?.await
    }

    /// Queues a command, waiting only for room in the queue. Returns a future of its reply.
    #[expect(clippy::disallowed_methods, reason = "the user's")]
    pub async fn start(&self, request: Request) -> Result<Execution, ExecuteError> {
        self.start_as(request, Origin::User).await
    }

    /// Queues a command like [`start`](Client::start), and tells the [`Observer`](super::Observer) who sends it.
    pub async fn start_as(&self, request: Request, origin: Origin) -> Result<Execution, ExecuteError> {
        let reads_screen = origin == Origin::Screen && self.policy.allows_screen(&request);
        if !reads_screen && !self.policy.allows_request(&request) {
            return Err(ExecuteError::NotAllowed { command: request.command().to_owned() });
        }
        request.check_name()?;
        if request.open_file().is_some() && !self.passes_descriptors() {
            return Err(ExecuteError::NoDescriptors { command: request.command().to_owned() });
        }
        let (sender, answer) = oneshot::channel();
        let mark = (origin == Origin::User).then(|| self.shared.hub.mark());
        let outgoing = Outgoing { request: request.clone(), origin, answer: Some(sender), mark };
        self.session.send(outgoing).await?;
        let is_silent = self.guest_agent && agent::is_silent(request.command());
        let silence = is_silent.then(|| Box::pin(tokio::time::sleep(agent::SILENCE)));
        Ok(Execution { request, answer, silence })
    }

    /// Returns what events and queries have told of jobs and the migration of the session.
    pub fn tracker(&self) -> &Tracker {
        &self.shared.tracker
    }

    /// Sends a command that is no command of the user: waits do not count it.
    #[expect(clippy::disallowed_methods, reason = "for a caller that waits")]
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, ExecuteError> {
        self.start_as(request, Origin::Program).await?.await
    }

    /// Sends what is queued, closes the connection, and returns how it ended (E6). After a `quit` that succeeded, QEMU closes the
    /// connection, which is `Ok` too.
    ///
    /// # Errors
    ///
    /// The session had ended by itself: the peer closed the connection, or sent what is not QMP.
    pub async fn disconnect(&self) -> End<QmpError> {
        let end = self.session.disconnect().await;
        if end.as_ref().is_err_and(|error| error.is_of_peer()) && self.shared.seen().has_quit { Ok(()) } else { end }
    }
}

impl ClientBuilder {
    /// Connects to `address`, waits for the greeting, and negotiates.
    ///
    /// Dropping the future cancels it and leaves nothing behind. It has no time limit; put `tokio::time::timeout` around it. A
    /// monitor that serves another client answers when that one leaves.
    ///
    /// # Errors
    ///
    /// Nothing listens there, or it is not QMP. The source says why.
    pub async fn connect(self, address: impl Into<DialTarget>) -> Result<Client, OpenError<QmpError>> {
        #[cfg(feature = "tls")]
        if let Some((credentials, hostname)) = self.tls.clone() {
            let client = self.build();
            client.open(credentials.dial(address, hostname)).await?;
            return Ok(client);
        }
        let client = self.build();
        client.open(address.into()).await?;
        Ok(client)
    }

    /// Makes a client that is not connected: to receive events from the first on, to listen, or to connect in another way.
    pub fn build(self) -> Client {
        Client::new(self)
    }
}

/// A queued command: a future of its reply.
#[derive(Debug)]
pub struct Execution {
    request: Request,
    answer: oneshot::Receiver<Answer>,
    /// Ends when silence means success, if it can.
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
        ExecuteError::NotSent { command: self.request.command().to_owned() }
    }
}
