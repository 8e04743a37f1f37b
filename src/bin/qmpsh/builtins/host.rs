//! What the shell's own commands need of the session in which they run.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Connection, Display, EventFilter};
use crate::cli::OutputMode;
use crate::output::render::{Pieces, Renderer};
use crate::output::wire_log::WireLog;
use crate::session::eval::Action;
use crate::session::job_memory::JobMemory;
use crate::session::schema::Peer;
use crate::status::Status;
use qmpsh::client::Client;
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::language::syntax::Dialect;
use qmpsh::message::Event;

/// A batch, or the interactive shell.
///
/// Whatever waits here takes care of everything else meanwhile: events are shown, signals are heard, the end of the connection is told.
/// An error ends the command, and has been told or will be: it is only to be handed on.
pub(crate) trait Host: Peer {
    fn client(&self) -> &Client;

    /// How results are formed.
    fn renderer(&mut self) -> &mut Renderer;

    /// From now on they are formed like this, but for those that a pipeline gets.
    fn set_output(&mut self, output: OutputMode);

    /// What can be changed about what is shown.
    fn display(&mut self) -> &mut Display;

    /// Where the messages of the wire are recorded.
    fn log(&self) -> &WireLog;

    /// What the session of the human monitor remembers.
    fn human_monitor(&mut self) -> &mut HumanMonitor;

    /// Lines are of this dialect from now on.
    fn speak(&mut self, dialect: Dialect);

    /// How long to wait for what is waited for, unless the command says.
    fn time_limit(&self) -> Option<Duration>;

    /// What there is to tell about the connection.
    fn connection(&self) -> Connection<'_>;

    /// What is known of jobs and of the migration.
    fn jobs(&self) -> Arc<JobMemory>;

    /// How many columns a line may have that shows how far something has come; nothing if there is no place for one.
    fn progress_width(&self) -> Option<usize>;

    /// Shows such a line in place of the one before, or takes it away. It must be safe for a terminal.
    fn show_progress(&mut self, line: Option<String>);

    /// Does what a line asks for, as if it were the user's own line.
    async fn run(&mut self, action: Action) -> Result<(), Self::Stop>;

    /// Waits for `work`; `None` when `limit` comes first. Ctrl-C and the loss of the connection end the command. `what` says in
    /// a sentence what was waited for, such as "an event".
    async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<Option<T>, Self::Stop>;

    /// Prints a result, after all that came before it.
    async fn print(&mut self, result: Pieces) -> Result<(), Self::Stop>;

    /// Prints a result that is text, safe for the terminal if it goes to one.
    async fn print_text(&mut self, text: &str) -> Result<(), Self::Stop> {
        let result = self.renderer().text(text);
        self.print(result).await
    }

    /// Prints an event as a result. If events are shown where results are, it stands where it came among them, and once; one that was
    /// shown before is shown again.
    async fn print_event(&mut self, event: &Event) -> Result<(), Self::Stop>;

    /// Prints events as they are shown, at once; `false` when `limit` comes before all of them are written.
    async fn print_events(&mut self, events: VecDeque<Event>, limit: Option<Instant>) -> Result<bool, Self::Stop>;

    /// Which events are shown.
    fn event_filter(&self) -> &EventFilter;

    /// From now on these are shown.
    fn set_event_filter(&mut self, event_filter: EventFilter);

    /// Whether events are shown where results are, if they do not go to a pipeline.
    fn shows_among_results(&self) -> bool;

    /// Whether results go to a pipeline.
    fn is_piped(&self) -> bool;

    /// Shows events as those that come by themselves.
    fn show_beside(&mut self, events: VecDeque<Event>);

    /// Does what a line asks for, with its results as the stdin of a pipeline, whose failure is that of the command.
    async fn pipe(&mut self, action: Action, pipeline: String) -> Result<(), Self::Stop>;

    /// The command goes on until Ctrl-C, which ends it also if a pipeline that it feeds goes on.
    fn runs_until_interrupted(&mut self);

    /// Starts the pipeline to which results go, if there is one, before the first of them is there.
    async fn begin_pipeline(&mut self) -> Result<(), Self::Stop>;

    /// Says something to the person, at once: on stderr, or above the line being typed.
    fn say(&mut self, message: &str);

    /// Shows there what a program wrote. It is not wrapped.
    fn quote(&mut self, text: &str);

    /// The failure of this command, with a sentence about it.
    fn fail(&mut self, status: Status, message: String) -> Self::Stop;

    /// Tells a command's refusal, or that what it waited for has failed, and forgets it; any other end stays one.
    async fn report_and_continue(&mut self, stop: Self::Stop) -> Result<(), Self::Stop>;

    /// Runs the lines of a file, now or next.
    async fn source(&mut self, path: PathBuf) -> Result<(), Self::Stop>;

    /// Ends the session in peace.
    fn leave(&mut self) -> Result<(), Self::Stop>;

    /// Leaves, and lets a QEMU go on that was started here.
    fn detach(&mut self) -> Result<(), Self::Stop>;

    /// Connects again; a connection that is there is given up first.
    async fn reconnect(&mut self) -> Result<(), Self::Stop>;
}
