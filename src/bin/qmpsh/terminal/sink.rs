//! Where everything that is shown goes in.

use std::sync::Arc;

use bytes::Bytes;

use super::state::Shared;

/// Takes what is to be shown on the terminal, from any thread, and never blocks.
///
/// What is shown comes out in the order of the calls: above the line being typed, or directly while none is. It must
/// have been made safe to show (see [`qmpsh::text`]). A newline that is missing at the end is added. After the
/// console was closed, or its terminal has gone, what comes is forgotten.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    shared: Arc<Shared>,
}

impl Sink {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Shows a line, or several. It waits in memory until it was printed; for what can come in any number there is
    /// [`Sink::event`].
    pub(crate) fn line(&self, text: impl Into<String>) {
        self.shared.line(text.into());
    }

    /// Shows a line that may be dropped when they come faster than the terminal takes them. The oldest go first; how
    /// many of each name is shown in their place: `… 8,431 more BLOCK_IO_ERROR`.
    pub(crate) fn event(&self, name: &str, text: impl Into<String>) {
        self.shared.event(name, text.into());
    }

    /// Shows a result, of any length, without copying it. No event comes between its lines unless a line is being
    /// typed. Wait for [`Sink::flushed`] before making the next long one.
    pub(crate) fn output(&self, text: impl Into<Bytes>) {
        self.shared.result(text.into());
    }

    /// Shows that events were dropped before they came here, as [`Sink::event`] does for its own.
    pub(crate) fn missed(&self, name: &str, count: u64) {
        self.shared.missed(name, count);
    }

    /// Shows a line that stays below everything else and that the next one replaces, such as a progress bar; none: takes it
    /// away. It must be narrower than the terminal. The next prompt takes it away too.
    ///
    /// It must not be used where [`can_edit`](super::can_edit) is false.
    pub(crate) fn transient(&self, text: Option<String>) {
        self.shared.set_transient(text);
    }

    /// Forgets what is left of the results, for a person who has seen enough. The line that is being shown ends where it
    /// is.
    pub(crate) fn cut_output(&self) {
        self.shared.cut_results();
    }

    /// Changes the prompt, of the line being typed too. If the new one is not as wide that line is begun anew with what was
    /// typed, which forgets what could be undone.
    pub(crate) fn set_prompt(&self, prompt: impl Into<String>) {
        self.shared.set_prompt(prompt.into());
    }

    /// Waits until everything that was given to the console before was printed, or forgotten.
    ///
    /// Cancel safe: it changes nothing.
    pub(crate) async fn flushed(&self) {
        if let Some(printed) = self.shared.flushed() {
            // An error means that the console is gone, and all it had with it.
            let _ = printed.await;
        }
    }
}
