//! What a batch asks the peer for its own sake.

use bytes::Bytes;

use super::{Batch, LostCommand};
use crate::input::lines::Line;
use crate::session::eval::{self, Action, Parsed, Read, Sources, Text};
use crate::session::queries::{self, Query};
use crate::session::schema::{Peer, SessionSchema, resolve_types};
use crate::status::Failure;
use qmpsh::client::ExecuteError;

impl Batch<'_, '_> {
    /// What a statement asks for, with what must be asked from the peer to know.
    pub(super) async fn typed(&mut self, parsed: Parsed, text: Text<'_>, sources: Sources) -> Result<Action, Failure> {
        let type_info = resolve_types(self, &parsed.needs()).await?;
        eval::action_apart(parsed, text, sources, type_info).await
    }

    /// What a line asks for that was read, likewise; `None` if it is blank.
    pub(super) async fn action(
        &mut self,
        line: &Line,
        read: Result<Option<Read>, Failure>,
        sources: Sources,
    ) -> Result<Option<Action>, Failure> {
        match read? {
            None => Ok(None),
            Some(Read::Action(action)) => Ok(Some(action)),
            Some(Read::Untyped(parsed)) => {
                if !parsed.needs().is_empty() {
                    self.at = line.location.clone();
                }
                self.typed(parsed, line.as_text(), sources).await.map(Some)
            }
        }
    }
}

impl Peer for Batch<'_, '_> {
    type Stop = Failure;

    fn session_schema(&mut self) -> &mut SessionSchema {
        &mut self.session_schema
    }

    fn is_guest_agent(&self) -> bool {
        self.client.is_guest_agent()
    }

    async fn ask(&mut self, query: Query) -> Result<Option<Bytes>, Failure> {
        let (request, location) = (query.request(), self.at.clone());
        if self.has_quit {
            return Err(self.lost(LostCommand::NotSent, &request, &location).await);
        }
        match self.wait_for(queries::ask(self.client, &query)).await? {
            Some(Ok(reply)) => Ok(reply.result()),
            Some(Err(
                ExecuteError::Server { .. } | ExecuteError::Malformed(_) | ExecuteError::NoDescriptors { .. },
            )) => Ok(None),
            Some(Err(ExecuteError::Interrupted { .. })) => {
                Err(self.lost(LostCommand::Unknown, &request, &location).await)
            }
            Some(Err(ExecuteError::NotSent { .. } | ExecuteError::State(_))) => {
                Err(self.lost(LostCommand::NotSent, &request, &location).await)
            }
            None => Err(self.timed_out(&request, &location)),
        }
    }
}
