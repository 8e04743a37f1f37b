//! Waiting for one thing while everything else goes on.

use std::pin::Pin;

use tokio::time::Instant;

use super::{Flow, Repl, piped};
use crate::output::printer::sleep_until_or_never;
use crate::status::{Status, Stop};
use qmpsh::protocol::Runstate;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Done,
    Interrupted,
    TimedOut,
}

/// Who says that the connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The wait, which ends with it.
    IsAnError,
    /// The work itself: a command ends with its session.
    EndsTheWork,
}

impl Repl<'_> {
    /// Waits for `work`. Meanwhile it shows events and late replies, and heeds signals, the pipeline and the end of the connection.
    pub(super) async fn wait_for(
        &mut self,
        mut work: Pin<&mut (dyn Future<Output = ()> + '_)>,
        limit: Option<Instant>,
        loss: Loss,
    ) -> Flow<Waited> {
        let is_command = loss == Loss::EndsTheWork;
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
                change = piped::changed(&mut self.redirected) => self.on_pipeline(change),
                () = sleep_until_or_never(limit) => return Ok(Waited::TimedOut),
            }
        }
    }
}
