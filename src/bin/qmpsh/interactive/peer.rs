//! What the interactive shell asks the peer for its own sake.

use bytes::Bytes;
use tokio::time::Instant;

use super::command::{Execution, Waited};
use super::{Repl, Stop};
use crate::builtins::Host as _;
use crate::session::queries::{self, Query};
use crate::session::schema::{Peer, SessionSchema};
use qmpsh::client::ExecuteError;

impl Peer for Repl<'_, '_> {
    type Stop = Stop;

    fn session_schema(&mut self) -> &mut SessionSchema {
        &mut self.session_schema
    }

    fn is_guest_agent(&self) -> bool {
        self.client.is_guest_agent()
    }

    async fn coming_schema(&mut self) -> Result<(), Stop> {
        let Some(mut coming) = self.coming.take_if(|coming| coming.is_asked()) else { return Ok(()) };
        let limit = self.options.timeout.map(|limit| Instant::now() + limit);
        let schema = self.attend(coming.schema(), limit, "the peer's schema").await;
        match schema {
            Ok(Some(schema)) => {
                self.on_schema(schema);
                Ok(())
            }
            Ok(None) => {
                self.coming = Some(coming);
                self.say(&format!("{}: the peer has not sent its schema", self.too_late()));
                Err(Stop::Interrupted)
            }
            // It may still come.
            Err(stop) => {
                self.coming = self.connected.then_some(coming);
                Err(stop)
            }
        }
    }

    async fn ask(&mut self, query: Query) -> Result<Option<Bytes>, Stop> {
        let client = self.client.clone();
        let mut execution: Execution = Box::pin(async move { queries::ask(&client, &query).await });
        let why = match self.wait_for(&mut execution).await? {
            Waited::Answered(answer) => {
                return match *answer {
                    Ok(reply) => Ok(reply.result()),
                    // Without a session the line fails by itself, and says so.
                    Err(ExecuteError::Server { .. } | ExecuteError::Malformed(_) | ExecuteError::State(_)) => Ok(None),
                    // The loss of the connection is told by itself.
                    Err(_) => Err(Stop::Failed),
                };
            }
            Waited::Interrupted => {
                self.end_row();
                "interrupted".to_owned()
            }
            Waited::TimedOut => self.too_late(),
        };
        self.say(&format!("{why}: the peer has not answered"));
        Err(Stop::Interrupted)
    }
}
