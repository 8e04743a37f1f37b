//! The way to the monitor, which is tried again at each call.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::results::MOST;
use crate::cli::Options;
use crate::connect::Connector;
use crate::output::messages::{Messages, Notifier};
use crate::output::wire_log::WireLog;
use crate::session::schema::SessionSchema;
use crate::session::{Connection, Peer, SeenEvents, Session, SharedDialect, outcome};
use crate::status::Status;
use qmpsh::address::Address;
use qmpsh::client::{Client, ClientBuilder};
use qmpsh::events::{Delivery, EventStream, HistoryBounds};
use qmpsh::language::syntax::Dialect;
use qmpsh::protocol::Runstate;

/// A VM, connected or not.
pub(super) struct Vm {
    options: &'static Options,
    client_builder: ClientBuilder,
    client: Client,
    seen: Arc<SeenEvents>,
    address: Address,
    /// Locked while it connects.
    connector: Mutex<Connector<'static>>,
    schema: RefCell<Arc<SessionSchema>>,
    log: Arc<WireLog>,
    pub(super) notifier: Notifier,
    shown: String,
}

impl Vm {
    pub(super) fn new(
        address: Address,
        options: &'static Options,
        connector: Connector<'static>,
        log: Arc<WireLog>,
        messages: Messages,
    ) -> Self {
        let client_builder = Client::builder()
            .max_message(options.max_message)
            .handshake_limit(options.connect_timeout)
            .observer(log.observer(true))
            .policy(options.policy())
            .history(Some(HistoryBounds::default()));
        let Peer { client, connector, seen } = Peer::new(connector, client_builder.clone());
        Self {
            address,
            options,
            client_builder,
            client,
            seen,
            shown: connector.shown().to_owned(),
            connector: Mutex::new(connector),
            schema: RefCell::default(),
            log,
            notifier: Notifier::Stderr(messages),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns a stream of all events, of this session and those after it.
    pub(super) fn events(&self) -> EventStream {
        self.client.events_with(Delivery::Newest { room: MOST }, |_| true)
    }

    /// Returns what the agent should know first.
    pub(super) fn instructions(&self) -> String {
        let rules = |option: &str, rules: &[qmpsh::policy::Rule]| -> String {
            rules.iter().map(|rule| format!(" {option} {rule}")).collect::<Vec<_>>().concat()
        };
        let policy = self.client.policy();
        format!(
            "The monitor of a QEMU virtual machine ({}). Commands that only read are allowed; others only if the person who \
             started `qmpsh mcp` allowed them. Options now:{}{}. Begin with show, list_jobs and run_command query-status; `help` \
             describes a command and its arguments, `search` finds one. Hints in errors that name `.job`, `.wait`, `.show` or \
             `.help` mean the tools wait_job, wait_event, show and help. {} has the newest events.",
            self.shown,
            if policy.allow.is_empty() { " --read-only".to_owned() } else { rules("--allow", &policy.allow) },
            rules("--deny", &policy.deny),
            super::URI,
        )
    }

    /// Connects, unless it is connected. The error is a sentence.
    pub(super) async fn connect(&self) -> Result<(), String> {
        let mut connector = self.connector.lock().await;
        if self.client.session().state() == Runstate::Running {
            return Ok(());
        }
        // Why the last session ended was said by the call that lost it.
        let _ = self.client.disconnect().await;
        self.schema.replace(Arc::default());
        connector.open(&self.client, &self.notifier).await.map_err(|failure| {
            let message = failure.message;
            format!("{message}\nThe VM cannot be reached now; the next call tries again.")
        })
    }

    /// Returns a session on the connection, for one call.
    pub(super) async fn session(&self) -> Session {
        let connector = self.connector.lock().await.to(self.address.clone(), |_| {});
        let peer = Peer { client: self.client.clone(), connector, seen: Arc::clone(&self.seen) };
        let (log, dialect) = (Arc::clone(&self.log), SharedDialect::new(Dialect::Qmp));
        let mut session = Session::new(peer, self.client_builder.clone(), self.options, log, dialect, false);
        session.schema = Arc::clone(&self.schema.borrow());
        session.connection = Connection::Open;
        session
    }

    /// Returns how the session ended.
    pub(super) async fn end(&self) -> (Status, String) {
        let _connecting = self.connector.lock().await;
        if self.client.session().state() == Runstate::Running {
            // Another call has connected again, and told it.
            return (Status::ConnectionLost, "the connection was closed".to_owned());
        }
        outcome::reason(&self.client).await
    }

    /// Ends the session. If the work is not done, it does not wait until the peer has read everything.
    pub(super) async fn close(&self, is_done: bool) {
        // While it connects there is nothing to close.
        if let Ok(mut connector) = self.connector.try_lock() {
            connector.close(&self.notifier, is_done).await;
        }
    }
}
