//! The pipeline that gets the results in place of the terminal, and has the terminal meanwhile.

use rustix::process::Signal;

use crate::output::pipeline::{Change, Piped, Pipeline};
use crate::terminal::Handover;

/// Where results go in place of the terminal.
pub(super) struct Redirected {
    pub(super) piped: Piped,
    /// `None` before the pipeline starts.
    pub(super) handover: Option<Handover>,
    /// Ctrl-C was also for the command.
    pub(super) is_interrupted: bool,
}

impl Redirected {
    pub(super) fn new(piped: Piped) -> Self {
        Self { piped, handover: None, is_interrupted: false }
    }

    /// Returns the pipeline, if it was started.
    pub(super) fn pipeline(&mut self) -> Option<&mut Pipeline> {
        self.piped.running.as_mut()
    }

    /// Moves the terminal between qmpsh and the pipeline as that stops and ends.
    pub(super) fn follow(&mut self, change: Change) {
        let Some(handover) = &self.handover else { return };
        let group = self.piped.running.as_ref().and_then(Pipeline::own_group);
        match (change, group) {
            // It used the terminal before it had it.
            (Change::Stopped(by), Some(group)) if by == Signal::TTIN.as_raw() || by == Signal::TTOU.as_raw() => {
                handover.give_to(group);
            }
            (Change::Stopped(_), Some(group)) => handover.stop_with(group),
            (Change::Stopped(_), None) => {}
            (Change::Interrupted, _) => self.is_interrupted = true,
            // Ctrl-C is for the shell from now on.
            (Change::Ended(_), _) => handover.reclaim(),
        }
    }
}
