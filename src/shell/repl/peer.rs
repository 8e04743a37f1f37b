//! What the interactive shell asks the peer for its own sake.

use bytes::Bytes;

use super::super::eval::{self, Action, Sources, Text};
use super::super::session_schema::{Peer, SessionSchema, learn};
use super::super::status::Status;
use super::{Repl, Waited};
use crate::client::ExecuteError;
use crate::message::Request;

impl Repl<'_, '_> {
    /// What a line asks for, with what must be asked from the peer to know.
    pub(super) async fn action(&mut self, text: Text<'_>) -> Result<Option<Action>, Option<Status>> {
        let result = match eval::parse(text) {
            Ok(None) => return Ok(None),
            Ok(Some(parsed)) => {
                let knowledge = learn(self, &parsed.needs()).await?;
                eval::action(parsed, text, &mut Sources { stdin: false }, &knowledge)
            }
            Err(failure) => Err(failure),
        };
        result.map(Some).map_err(|failure| {
            self.say(&failure.message);
            None
        })
    }
}

/// A status ends the shell; without one only the line is given up.
impl Peer for Repl<'_, '_> {
    type Stop = Option<Status>;

    fn session_schema(&mut self) -> &mut SessionSchema {
        &mut self.session_schema
    }

    async fn ask(&mut self, request: Request) -> Result<Option<Bytes>, Option<Status>> {
        let Ok(execution) = self.client.start(request).await else {
            self.say(&format!("not sent: there is no connection to {}", self.entrance.shown()));
            return Err(None);
        };
        let why = match self.wait_for(&mut Box::pin(execution)).await? {
            Waited::Answered(answer) => match *answer {
                Ok(reply) => return Ok(reply.result()),
                Err(ExecuteError::Server { .. } | ExecuteError::Malformed(_)) => return Ok(None),
                // The loss of the connection is told by itself.
                Err(_) => return Err(None),
            },
            Waited::Interrupted => "interrupted".to_owned(),
            Waited::TimedOut => self.too_late(),
        };
        self.say(&format!("{why}: the peer has not said what it can do"));
        Err(None)
    }
}
