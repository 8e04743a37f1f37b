//! The interactive shell as the built-in commands see it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Repl;
use super::waiting::Waited;
use crate::output::messages::Notifier;
use crate::output::printer::{place_of, sleep_until_or_never};
use crate::output::progress::width_of;
use crate::output::render::{Pieces, Renderer};
use crate::session::{Action, EventFilter, Frontend, Peer, Session};
use crate::status::{Failure, Status, Stop};
use crate::terminal;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Event, Request};

#[async_trait(?Send)]
impl Frontend for Repl<'_> {
    fn session(&mut self) -> &mut Session {
        self.session.unanswered = self.late.len();
        self.session
    }

    fn renderer(&mut self) -> &mut Renderer {
        &mut self.renderer
    }

    async fn execute(&mut self, request: Request, resend: Option<Box<Resend>>) -> Result<(), Stop> {
        let mut done = self.send(request, resend).await;
        if let Some(time) = self.session.timing.take() {
            // The time stands below the failure.
            if let Err(Stop::Failed(failure)) = &mut done {
                self.report(failure).await?;
                *failure = Failure::silent(failure.status);
            }
            self.say(&time);
        }
        done
    }

    async fn wait(
        &mut self,
        work: Pin<&mut (dyn Future<Output = ()> + '_)>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<bool, Stop> {
        match self.wait_for(work, limit, false).await? {
            Waited::Done => Ok(true),
            Waited::TimedOut => Ok(false),
            Waited::Interrupted => {
                if !self.is_interrupted() {
                    self.say(&format!("interrupted: stopped waiting for {what}"));
                }
                Err(Stop::silent(Status::Interrupted))
            }
        }
    }

    async fn print(&mut self, result: Pieces) -> Result<(), Stop> {
        self.show_events_so_far();
        self.show(result).await
    }

    async fn print_event(&mut self, event: &Event) -> Result<(), Stop> {
        let mut batch = self.events.try_batch();
        let is_shown = !self.session.events_to_stderr && !self.session.is_piped;
        let place = place_of(event, &batch.events).filter(|_| is_shown);
        let mut after = batch.events.split_off(place.unwrap_or(batch.events.len()));
        if place.is_some() {
            after.pop_front();
        }
        Repl::show_events(self, &batch);
        let result = self.current_renderer().event_result(event);
        let done = self.show(result).await;
        self.show_each(&after, self.session.events_to_stderr);
        done
    }

    async fn print_events(
        &mut self,
        events: VecDeque<Event>,
        results: &EventFilter,
        limit: Option<Instant>,
    ) -> Result<bool, Stop> {
        self.show_events_so_far();
        if !self.session.is_piped {
            for event in events {
                if results.accepts(&event) {
                    self.show_whole(&event, self.renderer, false);
                } else {
                    self.show_each(&VecDeque::from([event]), false);
                }
            }
            return Ok(true);
        }
        for event in &events {
            let result = Renderer::PIPELINE.event_result(event);
            tokio::select! {
                biased;
                fed = self.feed(result) => fed?,
                () = sleep_until_or_never(limit) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn show_events(&mut self, events: VecDeque<Event>) {
        self.show_each(&events, self.session.events_to_stderr);
    }

    fn set_event_filter(&mut self, event_filter: EventFilter) {
        self.events.choose(event_filter.filter());
        self.session.event_filter = event_filter;
    }

    fn show_progress(&mut self, line: Option<&dyn Fn(usize) -> String>) -> bool {
        if !terminal::can_edit() {
            return false;
        }
        self.shows_progress = line.is_some();
        self.sink.transient(line.map(|line| line(width_of(rustix::stdio::stdout()))));
        true
    }

    fn notifier(&mut self) -> Notifier {
        Repl::notifier(self)
    }

    fn typed_ahead(&mut self, text: String) {
        let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        if !text.is_empty() {
            self.console.set_next_text(text.trim_end().to_owned());
        }
    }

    async fn report(&mut self, failure: &Failure) -> Result<(), Stop> {
        self.show_events_so_far();
        self.show_failure(failure);
        Ok(())
    }

    async fn pipe(&mut self, action: Action, pipeline: String) -> Result<(), Stop> {
        self.run_piped(action, pipeline).await
    }

    async fn begin_stream(&mut self, at_once: bool) -> Result<(), Stop> {
        self.is_streaming = true;
        if let Some(redirected) = &mut self.redirected {
            redirected.piped.runs_until_interrupted = true;
        }
        if at_once { self.start_pipeline().await } else { Ok(()) }
    }

    async fn source(&mut self, path: PathBuf) -> Result<(), Stop> {
        self.run_file(path).await
    }

    async fn reconnect(&mut self) -> Result<(), Stop> {
        Repl::reconnect(self).await
    }

    async fn edit(&mut self) -> Result<(), Stop> {
        self.edit_last().await
    }

    async fn connect(&mut self, peer: Peer) -> Result<(), Stop> {
        Repl::connect(self, peer).await
    }
}
