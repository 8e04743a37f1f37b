//! What the shell's own commands find in the interactive shell.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Repl, Stop, piped};
use crate::builtins::{Connection, Display, EventFilter, Host};
use crate::cli::OutputMode;
use crate::output::printer::sleep_until_or_never;
use crate::output::progress::width_of;
use crate::output::render::{Pieces, Renderer};
use crate::output::wire_log::WireLog;
use crate::session::eval::Action;
use crate::session::job_memory::JobMemory;
use crate::status::Status;
use crate::terminal;
use qmpsh::client::Client;
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::language::syntax::Dialect;
use qmpsh::message::Event;
use qmpsh::protocol::Runstate;

impl Host for Repl<'_, '_> {
    fn client(&self) -> &Client {
        self.client
    }

    fn renderer(&mut self) -> &mut Renderer {
        match &mut self.redirected {
            Some(redirected) => &mut redirected.piped.renderer,
            None => &mut self.renderer,
        }
    }

    fn set_output(&mut self, output: OutputMode) {
        self.renderer = self.renderer.with_output(output);
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

    fn speak(&mut self, dialect: Dialect) {
        self.dialect.set(dialect);
        self.prompt.redraw();
    }

    fn time_limit(&self) -> Option<Duration> {
        self.options.timeout
    }

    fn connection(&self) -> Connection<'_> {
        Connection { address: self.connector.shown(), is_there: self.connected, unanswered: self.late.len() }
    }

    fn jobs(&self) -> Arc<JobMemory> {
        Arc::clone(&self.jobs)
    }

    fn progress_width(&self) -> Option<usize> {
        terminal::can_edit().then(|| width_of(rustix::stdio::stdout()))
    }

    fn show_progress(&mut self, line: Option<String>) {
        self.shows_progress = line.is_some();
        self.sink.transient(line);
    }

    async fn run(&mut self, action: Action) -> Result<(), Stop> {
        Box::pin(self.run_action(action)).await
    }

    async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<Option<T>, Stop> {
        let mut work = std::pin::pin!(work);
        loop {
            if self.is_unread() {
                return Err(Stop::Unread);
            }
            if self.is_interrupted() {
                return Err(Stop::Interrupted);
            }
            tokio::select! {
                biased;
                done = &mut work => return Ok(Some(done)),
                () = self.interrupts.next() => {
                    self.end_row();
                    self.say(&format!("interrupted: stopped waiting for {what}"));
                    return Err(Stop::Interrupted);
                }
                status = self.ending.signal() => return Err(Stop::Leave(status)),
                batch = self.events.batch() => self.show_events(&batch),
                Some(Ok(late)) = self.late.join_next() => self.show_late(late).await?,
                Some(state) = self.state.changed() => {
                    self.on_state(state).await;
                    if state == Runstate::Disconnecting {
                        return Err(Stop::Failed);
                    }
                }
                change = piped::changed(&mut self.redirected) => self.on_pipeline(change),
                () = sleep_until_or_never(limit) => return Ok(None),
            }
        }
    }

    async fn print(&mut self, result: Pieces) -> Result<(), Stop> {
        self.show_events_so_far();
        self.show(result).await
    }

    async fn print_event(&mut self, event: &Event) -> Result<(), Stop> {
        let mut batch = self.events.try_batch();
        let is_it = |shown: &Event| shown.arrival() == event.arrival() && shown.bytes() == event.bytes();
        let is_shown = self.shows_among_results() && !self.is_piped();
        let place = batch.events.iter().position(is_it).filter(|_| is_shown);
        let mut after = batch.events.split_off(place.unwrap_or(batch.events.len()));
        if place.is_some() {
            after.pop_front();
        }
        self.show_events(&batch);
        let result = self.renderer().event_result(event);
        let done = self.show(result).await;
        self.show_each(&after, self.events_to_stderr);
        done
    }

    async fn print_events(&mut self, events: VecDeque<Event>, limit: Option<Instant>) -> Result<bool, Stop> {
        self.show_events_so_far();
        if self.redirected.is_none() {
            self.show_each(&events, false);
            return Ok(true);
        }
        for event in &events {
            let result = self.renderer().event_result(event);
            tokio::select! {
                biased;
                fed = self.feed(result) => fed?,
                () = sleep_until_or_never(limit) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn runs_until_interrupted(&mut self) {
        if let Some(redirected) = &mut self.redirected {
            redirected.piped.runs_until_interrupted = true;
        }
    }

    async fn begin_pipeline(&mut self) -> Result<(), Stop> {
        self.start_pipeline().await
    }

    fn event_filter(&self) -> &EventFilter {
        &self.event_filter
    }

    fn set_event_filter(&mut self, event_filter: EventFilter) {
        self.events.choose(event_filter.filter());
        self.event_filter = event_filter;
    }

    fn shows_among_results(&self) -> bool {
        !self.events_to_stderr
    }

    fn is_piped(&self) -> bool {
        self.redirected.is_some()
    }

    fn show_beside(&mut self, events: VecDeque<Event>) {
        self.show_each(&events, self.events_to_stderr);
    }

    async fn pipe(&mut self, action: Action, pipeline: String) -> Result<(), Stop> {
        self.run_piped(action, pipeline).await
    }

    fn say(&mut self, message: &str) {
        Repl::say(self, message);
    }

    fn quote(&mut self, text: &str) {
        self.notifier().quote(text);
    }

    fn fail(&mut self, _: Status, message: String) -> Stop {
        self.show_events_so_far();
        Repl::say(self, &message);
        Stop::Failed
    }

    async fn report_and_continue(&mut self, stop: Stop) -> Result<(), Stop> {
        // A failure has been told.
        if stop == Stop::Failed && self.connected { Ok(()) } else { Err(stop) }
    }

    async fn source(&mut self, path: PathBuf) -> Result<(), Stop> {
        self.run_file(path).await
    }

    fn leave(&mut self) -> Result<(), Stop> {
        Err(Stop::Leave(Status::Success))
    }

    fn detach(&mut self) -> Result<(), Stop> {
        match self.connector.detach() {
            Ok(warning) => {
                if let Some(warning) = warning {
                    Repl::say(self, &warning);
                }
                self.leave()
            }
            Err(failure) => Err(self.fail(failure.status, failure.message)),
        }
    }

    async fn reconnect(&mut self) -> Result<(), Stop> {
        Repl::reconnect(self).await
    }
}
