//! What the shell's own commands find in a batch.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::waiting::disconnecting;
use super::{Batch, about};
use crate::builtins::{Connection, Display, EventFilter, Host};
use crate::cli::OutputMode;
use crate::input::lines::Lines;
use crate::output::messages::Notifier;
use crate::output::pipeline;
use crate::output::printer::sleep_until_or_never;
use crate::output::render::{Pieces, Renderer};
use crate::output::wire_log::WireLog;
use crate::session::eval::Action;
use crate::session::eval::Sources;
use crate::session::job_memory::JobMemory;
use crate::session::schema::SessionSchema;
use crate::status::{Failure, Status};
use qmpsh::client::Client;
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::language::syntax::Dialect;
use qmpsh::message::Event;

impl Host for Batch<'_, '_> {
    fn client(&self) -> &Client {
        self.client
    }

    fn renderer(&mut self) -> &mut Renderer {
        self.printer.renderer()
    }

    fn set_output(&mut self, output: OutputMode) {
        self.printer.set_output(output);
    }

    fn display(&mut self) -> &mut Display {
        &mut self.display
    }

    fn log(&self) -> &WireLog {
        &self.log
    }

    fn human_monitor(&mut self) -> &mut HumanMonitor {
        &mut self.human_monitor
    }

    /// Whoever puts the lines together has seen it.
    fn speak(&mut self, _: Dialect) {}

    fn time_limit(&self) -> Option<Duration> {
        self.options.timeout
    }

    fn connection(&self) -> Connection<'_> {
        Connection { address: self.connector.shown(), is_there: !self.has_quit, unanswered: 0 }
    }

    fn jobs(&self) -> Arc<JobMemory> {
        Arc::clone(&self.jobs)
    }

    fn progress_width(&self) -> Option<usize> {
        self.printer.progress_width()
    }

    fn show_progress(&mut self, line: Option<String>) {
        self.printer.show_progress(line);
    }

    async fn run(&mut self, action: Action) -> Result<(), Failure> {
        let location = self.at.clone();
        Box::pin(self.run_action(action, &location)).await
    }

    async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<Option<T>, Failure> {
        tokio::select! {
            biased;
            done = work => return Ok(Some(done)),
            failed = self.printer.print_meanwhile() => return Err(failed.into()),
            () = disconnecting(&mut self.state) => {}
            () = sleep_until_or_never(limit) => return Ok(None),
        }
        let (status, why) = self.reason().await;
        Err(about(&self.at, status, format!("the connection was lost while waiting for {what}: {why}")))
    }

    async fn print(&mut self, result: Pieces) -> Result<(), Failure> {
        self.printer.result(result).await
    }

    async fn pipe(&mut self, action: Action, pipeline: String) -> Result<(), Failure> {
        self.run_piped(action, pipeline).await
    }

    fn runs_until_interrupted(&mut self) {
        pipeline::set_goes_on(self.printer.is_piped());
    }

    async fn begin_pipeline(&mut self) -> Result<(), Failure> {
        self.begin_piped().await
    }

    async fn print_event(&mut self, event: &Event) -> Result<(), Failure> {
        self.printer.event_result(event).await
    }

    async fn print_events(&mut self, events: VecDeque<Event>, limit: Option<Instant>) -> Result<bool, Failure> {
        tokio::select! {
            biased;
            printed = self.printer.events_now(events) => Ok(printed.map(|()| true)?),
            () = sleep_until_or_never(limit) => Ok(false),
        }
    }

    fn event_filter(&self) -> &EventFilter {
        &self.event_filter
    }

    fn set_event_filter(&mut self, event_filter: EventFilter) {
        self.printer.set_event_filter(self.client, &event_filter);
        self.event_filter = event_filter;
    }

    fn shows_among_results(&self) -> bool {
        self.printer.shows_on_stdout()
    }

    fn is_piped(&self) -> bool {
        self.printer.is_piped()
    }

    fn show_beside(&mut self, events: VecDeque<Event>) {
        self.printer.show(events);
    }

    fn say(&mut self, message: &str) {
        self.printer.show_progress(None);
        self.messages.say(message);
    }

    fn quote(&mut self, text: &str) {
        self.printer.show_progress(None);
        self.messages.quote(text);
    }

    fn fail(&mut self, status: Status, message: String) -> Failure {
        about(&self.at, status, message)
    }

    async fn report_and_continue(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.status != Status::CommandFailed {
            return Err(failure);
        }
        self.printer.print_all().await?;
        self.messages.tell(&failure);
        Ok(())
    }

    async fn source(&mut self, path: PathBuf) -> Result<(), Failure> {
        if self.printer.piped().is_none() || std::mem::replace(&mut self.in_file, true) {
            self.included.push(path);
            return Ok(());
        }
        // All of it is for the pipeline, so it is run before that ends.
        let mut lines = Lines::new(Vec::new(), Dialect::Qmp);
        lines.include(path, &self.at).map_err(|message| about(&self.at, Status::Usage, message))?;
        let done = Box::pin(self.run_lines(&mut lines, Sources { stdin: false })).await;
        self.in_file = false;
        done
    }

    fn leave(&mut self) -> Result<(), Failure> {
        self.leaves = true;
        Ok(())
    }

    fn detach(&mut self) -> Result<(), Failure> {
        match self.connector.detach() {
            Ok(warning) => {
                if let Some(warning) = warning {
                    self.messages.say(&warning);
                }
                self.leave()
            }
            Err(failure) => Err(about(&self.at, failure.status, failure.message)),
        }
    }

    async fn reconnect(&mut self) -> Result<(), Failure> {
        self.printer.print_all().await?;
        // How the old session ends says nothing about the new one.
        let _ = self.client.disconnect().await;
        self.has_quit = false;
        self.session_schema = SessionSchema::default();
        self.human_monitor = HumanMonitor::default();
        self.jobs.clear();
        self.connector.open(self.client, &Notifier::Stderr(self.messages)).await?;
        while self.state.try_changed().is_some() {}
        Ok(())
    }
}
