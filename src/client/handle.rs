//! The handle on a client.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::agent;
use super::error::{ExecuteError, QmpError};
use super::observer::Origin;
use super::options::ClientOptions;
use super::qmp::{Answer, Outgoing, Qmp};
use super::shared::{Progress, Shared};
use crate::events::{Delivery, EventStream, EventWait, Hub, RanOver};
use crate::message::{Event, Greeting, Reply, Request};
use crate::policy::{Policy, Rule};
use crate::protocol::{Dial, End, OpenError, Session, SessionOptions};

/// A QMP client. Clones share the session.
#[derive(Debug, Clone)]
pub struct Client {
    session: Session<Qmp>,
    guest_agent: bool,
    policy: Arc<Policy>,
    shared: Arc<Shared>,
}

impl Client {
    /// Makes a client that is not connected.
    pub fn new(options: ClientOptions) -> Self {
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

    /// Connects, waits for the greeting, and negotiates. Dropping the future cancels it and leaves nothing behind (E9).
    pub async fn connect(&self, to: impl Dial) -> Result<(), OpenError<QmpError>> {
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

    /// Returns a handle of the same session that may also send what these rules are about. Rules that deny still count.
    ///
    /// ```
    /// # use qmpsh::{client::{Client, ClientOptions}, policy::Policy};
    /// let policy = Policy { read_only: true, ..Policy::default() };
    /// let client = Client::new(ClientOptions { policy, ..ClientOptions::default() });
    /// let stops = client.allowing(["stop".parse()?]);
    /// # Ok::<(), qmpsh::pattern::PatternError>(())
    /// ```
    #[must_use]
    pub fn allowing(&self, rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut policy = Policy::clone(&self.policy);
        // Without a rule all is allowed, and with the first one only that.
        if policy != Policy::default() {
            policy.allow.extend(rules);
        }
        Self { policy: Arc::new(policy), ..self.clone() }
    }

    /// Returns which commands it may send.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns a stream of the events from now on for which `wanted` returns true. To miss none, call it before connecting.
    pub fn events(&self, delivery: Delivery, wanted: impl Fn(&Event) -> bool + Send + 'static) -> EventStream {
        self.shared.hub.stream(delivery, wanted)
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
    /// More events came than [`ClientOptions::history`] allows, so the event may have been forgotten.
    pub fn wait(&self, wanted: impl Fn(&Event) -> bool + Send + 'static) -> Result<EventWait, RanOver> {
        self.shared.hub.wait(wanted)
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
    pub async fn start(&self, request: impl Into<Arc<Request>>) -> Result<Execution, ExecuteError> {
        self.start_as(request, Origin::User).await
    }

    /// Queues a command like [`start`](Client::start), and tells the [`Observer`](super::Observer) who sends it.
    pub async fn start_as(&self, request: impl Into<Arc<Request>>, origin: Origin) -> Result<Execution, ExecuteError> {
        let request = request.into();
        if !self.policy.allows_request(&request) {
            return Err(ExecuteError::NotAllowed { command: request.command().to_owned() });
        }
        request.check_name()?;
        if request.open_file().is_some() && !self.passes_descriptors() {
            return Err(ExecuteError::NoDescriptors { command: request.command().to_owned() });
        }
        let (sender, answer) = oneshot::channel();
        let mark = (origin == Origin::User).then(|| self.shared.hub.mark());
        let outgoing = Outgoing { request: Arc::clone(&request), origin, answer: Some(sender), mark };
        self.session.send(outgoing).await?;
        let is_silent = self.guest_agent && agent::is_silent(request.command());
        let silence = is_silent.then(|| Box::pin(tokio::time::sleep(agent::SILENCE)));
        Ok(Execution { request, answer, silence })
    }

    /// Sends what is queued, closes the connection, and returns how it ended (E6).
    pub async fn disconnect(&self) -> End<QmpError> {
        self.session.disconnect().await
    }
}

/// A queued command: a future of its reply.
#[derive(Debug)]
pub struct Execution {
    request: Arc<Request>,
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
