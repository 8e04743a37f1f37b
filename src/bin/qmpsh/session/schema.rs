//! The schema of the peer, which qmpsh requests at most once a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use super::queries::{self, Query};
use qmpsh::client::{Client, ExecuteError};
use qmpsh::message::Reply;
use qmpsh::schema::{Schema, SchemaError};

/// The schema of one session, or the commands that a guest agent lists. Fetched once, when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct SessionSchema {
    fetched: OnceCell<Option<Arc<Schema>>>,
    requested: AtomicBool,
}

impl SessionSchema {
    /// Returns the schema, if it was fetched and the peer has one.
    pub(crate) fn known(&self) -> Option<Arc<Schema>> {
        self.fetched.get().cloned().flatten()
    }

    /// Returns true if the peer was asked.
    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Fetches the schema, or waits for another task that does; `None` if the peer has none. Cancel safe.
    ///
    /// # Errors
    /// The session ended. The next call asks again.
    pub(crate) async fn fetch(&self, client: &Client) -> Result<Option<Arc<Schema>>, ExecuteError> {
        self.requested.store(true, Ordering::Relaxed);
        self.fetched.get_or_try_init(|| request(client)).await.cloned()
    }
}

/// Asks for the schema, or a guest agent for its list of commands.
async fn request(client: &Client) -> Result<Option<Arc<Schema>>, ExecuteError> {
    if !client.is_guest_agent() {
        if let Some(reply) = accepted(queries::ask(client, &Query::Schema).await)? {
            return Ok(parse(reply, Schema::parse).await);
        }
        // Without negotiation the peer may be a guest agent.
        if client.greeting().is_some() {
            return Ok(None);
        }
    }
    match accepted(queries::ask(client, &Query::GuestInfo).await)? {
        Some(reply) => Ok(parse(reply, Schema::parse_guest_info).await),
        None => Ok(None),
    }
}

/// Returns the reply; `None` if the peer refuses.
fn accepted(answer: Result<Reply, ExecuteError>) -> Result<Option<Reply>, ExecuteError> {
    match answer {
        Ok(reply) => Ok(Some(reply)),
        Err(ExecuteError::Server { .. } | ExecuteError::Malformed(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Parses a schema on a thread: it takes some milliseconds.
async fn parse(reply: Reply, parse: fn(&[u8]) -> Result<Schema, SchemaError>) -> Option<Arc<Schema>> {
    let bytes = reply.result()?;
    match tokio::task::spawn_blocking(move || parse(&bytes)).await.ok()? {
        Ok(schema) => Some(Arc::new(schema)),
        Err(error) => {
            tracing::warn!("{}", qmpsh::error::describe(&error));
            None
        }
    }
}
