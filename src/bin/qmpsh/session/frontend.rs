//! What differs between a batch and the interactive shell.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::{Pin, pin};

use async_trait::async_trait;
use tokio::time::Instant;

use super::action::Action;
use super::event_filter::EventFilter;
use super::state::{Peer, Session};
use crate::output::messages::Notifier;
use crate::output::render::{Pieces, Renderer};
use crate::status::{Failure, Stop};
use qmpsh::language::typing::Resend;
use qmpsh::message::{Event, Request};

/// A batch, or the interactive shell.
///
/// Each method that waits handles events, signals, and the end of the connection meanwhile.
#[async_trait(?Send)]
pub(crate) trait Frontend {
    fn session(&mut self) -> &mut Session;

    /// Returns how results are formatted on stdout or on the terminal.
    fn renderer(&mut self) -> &mut Renderer;

    /// Sends a command of the user and prints its result.
    async fn execute(&mut self, request: Request, resend: Option<Box<Resend>>) -> Result<(), Stop>;

    /// Waits for `work`; `false` when `limit` comes first. Ctrl-C and the end of the connection are errors. `what` names the work
    /// in their messages. Use [`attend`], which returns the output of `work`.
    async fn wait(
        &mut self,
        work: Pin<&mut (dyn Future<Output = ()> + '_)>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<bool, Stop>;

    /// Prints a result, after everything that came before it.
    async fn print(&mut self, result: Pieces) -> Result<(), Stop>;

    /// Prints an event as a result. If events are shown among the results, it keeps its place and is printed once.
    async fn print_event(&mut self, event: &Event) -> Result<(), Stop>;

    /// Prints events and waits until they are written; `false` when `limit` comes first. Those that `results` accepts are results;
    /// the others are shown as if they had just come.
    async fn print_events(
        &mut self,
        events: VecDeque<Event>,
        results: &EventFilter,
        limit: Option<Instant>,
    ) -> Result<bool, Stop>;

    /// Shows events as if they had just come.
    fn show_events(&mut self, events: VecDeque<Event>);

    /// Sets which events are shown.
    fn set_event_filter(&mut self, event_filter: EventFilter);

    /// Replaces the line that shows progress, or removes it. `line` gets the columns that it may have, and must be safe for a
    /// terminal. Returns false if the line cannot be shown.
    fn show_progress(&mut self, line: Option<&dyn Fn(usize) -> String>) -> bool;

    /// Returns where messages to the user go: to stderr, or above the line being typed.
    fn notifier(&mut self) -> Notifier;

    /// Takes text that the user typed while something else read the terminal. It begins the next line; a batch reads none.
    fn typed_ahead(&mut self, _text: String) {}

    /// Shows a failure.
    async fn report(&mut self, failure: &Failure) -> Result<(), Stop>;

    /// Runs an action and feeds its results to a pipeline. If the pipeline fails, the action fails.
    async fn pipe(&mut self, action: Action, pipeline: String) -> Result<(), Stop>;

    /// Prepares for results that come until Ctrl-C, which ends the action even if the pipeline goes on. `at_once` starts the
    /// pipeline before the first result.
    async fn begin_stream(&mut self, at_once: bool) -> Result<(), Stop>;

    /// Runs the lines of a file, now or next.
    async fn source(&mut self, path: PathBuf) -> Result<(), Stop>;

    /// Connects again; drops the current connection first.
    async fn reconnect(&mut self) -> Result<(), Stop>;

    /// Opens the last line in the user's editor.
    async fn edit(&mut self) -> Result<(), Stop>;

    /// Connects to another peer, then leaves this one. If that fails, this one is kept.
    async fn connect(&mut self, peer: Peer) -> Result<(), Stop>;
}

/// Waits for `work` and returns its output; `None` when `limit` comes first.
///
/// # Errors
/// Ctrl-C, a signal that ends the program, or the end of the connection. `what` names the work in their messages.
pub(crate) async fn attend<T>(
    frontend: &mut dyn Frontend,
    work: impl Future<Output = T>,
    limit: Option<Instant>,
    what: &str,
) -> Result<Option<T>, Stop> {
    let mut output = None;
    {
        let work = pin!(async { output = Some(work.await) });
        frontend.wait(work, limit, what).await?;
    }
    Ok(output)
}
