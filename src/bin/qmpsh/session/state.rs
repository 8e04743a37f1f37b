//! The state that batch and interactive shell share.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::dialect::SharedDialect;
use super::event_filter::EventFilter;
use super::schema::SessionSchema;
use super::seen_events::SeenEvents;
use crate::cli::{EventsMode, Options};
use crate::config::Config;
use crate::connect::Connector;
use crate::output::changes::Changes;
use crate::output::pager::Pager;
use crate::output::render::Pieces;
use crate::output::wire_log::WireLog;
use qmpsh::address::Address;
use qmpsh::client::{Client, ClientBuilder};
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::message::Request;

/// A peer, connected or not.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) connector: Connector<'static>,
    pub(crate) seen: Arc<SeenEvents>,
}

impl Peer {
    /// A peer that is not connected yet.
    pub(crate) fn new(connector: Connector<'static>, builder: ClientBuilder) -> Self {
        let seen = Arc::new(SeenEvents::default());
        let observer = Arc::clone(&seen);
        let builder = builder.guest_agent(connector.options().guest_agent);
        let client = builder.on_event(move |event| observer.observe(event)).build();
        Self { client, connector, seen }
    }
}

/// The state that batch and interactive shell share.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) connector: Connector<'static>,
    pub(crate) seen: Arc<SeenEvents>,
    client_builder: ClientBuilder,
    pub(crate) options: &'static Options,
    pub(crate) log: Arc<WireLog>,
    pub(crate) schema: Arc<SessionSchema>,
    pub(crate) human_monitor: HumanMonitor,
    /// The language of the next line that is typed.
    pub(crate) dialect: SharedDialect,
    /// Which events are shown.
    pub(crate) event_filter: EventFilter,
    /// Events are shown on stderr, apart from the results.
    pub(crate) events_to_stderr: bool,
    /// Results go to a pipeline.
    pub(crate) is_piped: bool,
    pub(crate) timing: Timing,
    /// The pager of the interactive shell.
    pub(crate) pager: Pager,
    /// The last results of `.watch`, if changes are marked.
    pub(crate) watched: Option<Changes>,
    pub(crate) connection: Connection,
    /// The number of abandoned commands without a reply.
    pub(crate) unanswered: usize,
    /// Files that `.source` named, whose lines run next.
    pub(crate) included: Vec<PathBuf>,
    /// The lines of a file run.
    pub(crate) in_file: bool,
}

/// The connection to the peer, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    Closed,
    Open,
    /// A command that ends the peer succeeded, so the connection will end.
    Quitting,
    /// It has ended, and `.wait closed` waited for that.
    Ended,
}

impl Session {
    /// A session that is not connected yet. `client_builder` makes the clients of other peers.
    pub(crate) fn new(
        peer: Peer,
        client_builder: ClientBuilder,
        options: &'static Options,
        log: Arc<WireLog>,
        dialect: SharedDialect,
        is_interactive: bool,
    ) -> Self {
        let Peer { client, connector, seen } = peer;
        let shows_events = match options.events {
            Some(mode) => mode != EventsMode::Hide,
            None => is_interactive,
        };
        let shares_terminal = is_interactive && io::stderr().is_terminal();
        Self {
            client,
            connector,
            seen,
            client_builder,
            options,
            log,
            schema: Arc::default(),
            human_monitor: HumanMonitor::default(),
            dialect,
            event_filter: EventFilter::all(shows_events),
            events_to_stderr: options.events == Some(EventsMode::Stderr) && !shares_terminal,
            is_piped: false,
            timing: Timing::default(),
            pager: Pager::new(None),
            watched: None,
            connection: Connection::Closed,
            unanswered: 0,
            included: Vec::new(),
            in_file: false,
        }
    }

    /// Applies the settings of the configuration file that no option overrides.
    pub(crate) fn configure(&mut self, config: &Config) {
        if let (Some(events), None) = (&config.events, self.options.events) {
            self.event_filter = events.clone();
        }
        self.timing.is_on = config.timing.unwrap_or_default();
        self.pager = Pager::new(config.pager.as_deref());
    }

    /// Makes another peer, with the options of the connection as they are but for those that `change` sets.
    pub(crate) fn other_peer(&self, address: Address, change: impl FnOnce(&mut Options)) -> Peer {
        // It has greeted no other client.
        let builder = self.client_builder.clone().negotiate(true);
        Peer::new(self.connector.to(address, change), builder)
    }

    /// Changes to a peer that is connected, and returns the one before it, which may be connected too.
    pub(crate) fn change_to(&mut self, peer: Peer) -> Peer {
        let client = std::mem::replace(&mut self.client, peer.client);
        let connector = std::mem::replace(&mut self.connector, peer.connector);
        let seen = std::mem::replace(&mut self.seen, peer.seen);
        self.connected();
        Peer { client, connector, seen }
    }

    /// Forgets what was known of the last peer: a new session may be with another one.
    pub(crate) fn connected(&mut self) {
        self.schema = Arc::default();
        self.human_monitor = HumanMonitor::default();
        self.connection = Connection::Open;
    }

    /// Returns true if a command can be sent. A batch sends nothing after a command that ended the peer.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection == Connection::Open
    }

    /// Returns true if the peer was asked to end, and did or will.
    pub(crate) fn is_quitting(&self) -> bool {
        self.connection == Connection::Quitting
    }

    /// Marks what has changed in a result of `.watch`. Returns other results as they are.
    pub(crate) fn marked(&mut self, result: Pieces) -> Pieces {
        match &mut self.watched {
            Some(changes) if !self.is_piped => changes.mark(result),
            _ => result,
        }
    }

    /// Notes that a command succeeded.
    pub(crate) fn succeeded(&mut self, request: &Request) {
        if request.ends_peer() {
            self.connection = Connection::Quitting;
        }
    }

    /// Notes that the connection has ended, as was expected. How it ended is not collected yet.
    pub(crate) fn ended(&mut self) {
        if self.connection == Connection::Open {
            self.connection = Connection::Ended;
        }
    }

    /// Notes the end of the session.
    pub(crate) fn disconnected(&mut self) {
        self.connection = Connection::Closed;
    }
}

/// `.timing`: how long the last command took.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    pub(crate) is_on: bool,
    took: Option<Duration>,
}

impl Timing {
    /// Adds the time since `began`: a command may be sent more than once.
    pub(crate) fn add(&mut self, began: Instant) {
        if self.is_on {
            *self.took.get_or_insert_default() += began.elapsed();
        }
    }

    /// The sentence about the last command, if its reply came.
    pub(crate) fn take(&mut self) -> Option<String> {
        self.took.take().map(|took| format!("time: {:.3} ms", took.as_secs_f64() * 1000.0))
    }
}
