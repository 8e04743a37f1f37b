//! Waits for one thing and handles everything else meanwhile.

use std::pin::Pin;

use tokio::time::Instant;

use super::redirected::Redirected;
use super::{Flow, Repl};
use crate::output::pipeline::Pipeline;
use crate::output::printer::sleep_until_or_never;
use crate::signals::or_never;
use crate::status::{Status, Stop};
use qmpsh::protocol::Runstate;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Done,
    Interrupted,
    TimedOut,
}

impl Repl<'_> {
    /// Waits for `work`. Meanwhile shows events and late replies, and reacts to signals, the pipeline and the end of the connection.
    /// A command ends with the connection by itself; other work ends with an error then.
    pub(super) async fn wait_for(
        &mut self,
        mut work: Pin<&mut (dyn Future<Output = ()> + '_)>,
        limit: Option<Instant>,
        is_command: bool,
    ) -> Flow<Waited> {
        loop {
            if !is_command && self.is_unread() {
                return Err(Stop::silent(Status::StdoutClosed));
            }
            if self.is_interrupted() {
                return Ok(Waited::Interrupted);
            }
            tokio::select! {
                biased;
                () = &mut work => return Ok(Waited::Done),
                () = self.interrupts.next() => {
                    self.end_row();
                    return Ok(Waited::Interrupted);
                }
                status = self.ending.signal() => return Err(Stop::Leave(status)),
                batch = self.events.batch() => self.show_events(&batch),
                Some(Ok(late)) = self.late.join_next() => self.show_late(late).await?,
                Some(state) = self.state.changed(), if !is_command => {
                    self.on_state(state).await;
                    if state == Runstate::Disconnecting {
                        return Err(Stop::silent(Status::ConnectionLost));
                    }
                }
                change = or_never(self.redirected.as_mut().and_then(Redirected::pipeline).map(Pipeline::next_change)) => {
                    self.on_pipeline(change);
                }
                () = sleep_until_or_never(limit) => return Ok(Waited::TimedOut),
            }
        }
    }
}
