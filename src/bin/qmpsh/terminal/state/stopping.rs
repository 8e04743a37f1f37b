//! The program stops, and goes on: meanwhile no line begins, because that changes the settings of the terminal.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Phase, Shared, State};

/// How long a program that is to stop waits for a line that is just beginning or ending.
const TRANSITION: Duration = Duration::from_millis(100);

impl Shared {
    /// Until [`Shared::end_stop`] the editor thread leaves the settings of the terminal as they are.
    pub(crate) fn begin_stop(&self) {
        let changes = |state: &mut State| matches!(state.phase, Phase::Typing { painted: false } | Phase::Ending);
        let waited = self.changed.wait_timeout_while(self.lock(), TRANSITION, changes);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopping = true;
    }

    /// The program goes on; the line being typed is painted again.
    pub(crate) fn end_stop(&self) {
        self.lock().stopping = false;
        self.changed.notify_all();
        self.repaint();
    }
}
