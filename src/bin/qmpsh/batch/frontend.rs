//! A batch as the built-in commands see it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{Batch, about};
use crate::eval::{self, Parsed, Read, Sources, Text};
use crate::input::lines::{Line, Lines};
use crate::output::messages::Notifier;
use crate::output::pipeline;
use crate::output::printer::sleep_until_or_never;
use crate::output::render::{Pieces, Renderer};
use crate::session::outcome;
use crate::session::types::resolve_types;
use crate::session::{Action, EventFilter, Frontend, Peer, Session};
use crate::status::{Failure, Status, Stop};
use qmpsh::language::syntax::Dialect;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Event, Request};

impl Batch<'_> {
    /// Makes the action of a statement, after asking the peer for what it needs.
    pub(super) async fn typed(&mut self, parsed: Parsed, text: Text<'_>, sources: Sources) -> Result<Action, Failure> {
        let type_info = match resolve_types(self, &parsed.needs()).await {
            Ok(type_info) => type_info,
            Err(Stop::Failed(failure)) if failure.is_placed() => return Err(failure),
            Err(Stop::Failed(failure)) => return Err(about(&self.at, failure.status, failure.message)),
            Err(Stop::Leave(status)) => return Err(Failure::silent(status)),
        };
        eval::action_apart(parsed, text, sources, type_info).await
    }

    /// Makes the actions of a line: none if it is blank, several if it has several messages.
    pub(super) async fn actions(
        &mut self,
        line: &Line,
        read: Result<Vec<Read>, Failure>,
        sources: Sources,
    ) -> Result<Vec<Action>, Failure> {
        let read = read?;
        let mut actions = Vec::with_capacity(read.len());
        for read in read {
            actions.push(match read {
                Read::Action(action) => action,
                Read::Untyped(parsed) => {
                    if !parsed.needs().is_empty() {
                        self.at = line.location.clone();
                    }
                    self.typed(parsed, line.as_text(), sources).await?
                }
            });
        }
        Ok(actions)
    }
}

#[async_trait(?Send)]
impl Frontend for Batch<'_> {
    fn session(&mut self) -> &mut Session {
        self.session
    }

    fn renderer(&mut self) -> &mut Renderer {
        &mut self.printer.renderer
    }

    async fn execute(&mut self, request: Request, resend: Option<Box<Resend>>) -> Result<(), Stop> {
        let location = self.at.clone();
        Ok(self.execute_timed(request, resend, &location).await?)
    }

    async fn wait(
        &mut self,
        work: Pin<&mut (dyn Future<Output = ()> + '_)>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<bool, Stop> {
        tokio::select! {
            biased;
            () = work => return Ok(true),
            failed = self.printer.print_meanwhile() => return Err(failed.into()),
            () = outcome::ended(&self.session.client) => {}
            () = sleep_until_or_never(limit) => return Ok(false),
        }
        let (status, why) = self.reason().await;
        Err(Stop::new(status, format!("the connection was lost while waiting for {what}: {why}")))
    }

    async fn print(&mut self, result: Pieces) -> Result<(), Stop> {
        let result = self.session.marked(result);
        Ok(self.printer.result(result).await?)
    }

    async fn print_event(&mut self, event: &Event) -> Result<(), Stop> {
        Ok(self.printer.event_result(event).await?)
    }

    async fn print_events(
        &mut self,
        events: VecDeque<Event>,
        _results: &EventFilter,
        limit: Option<Instant>,
    ) -> Result<bool, Stop> {
        tokio::select! {
            biased;
            printed = self.printer.events_now(events) => Ok(printed.map(|()| true)?),
            () = sleep_until_or_never(limit) => Ok(false),
        }
    }

    fn show_events(&mut self, events: VecDeque<Event>) {
        self.printer.show(events);
    }

    fn set_event_filter(&mut self, event_filter: EventFilter) {
        self.printer.set_event_filter(&self.session.client, &event_filter);
        self.session.event_filter = event_filter;
    }

    fn show_progress(&mut self, line: Option<&dyn Fn(usize) -> String>) -> bool {
        let bottom = &mut self.printer.bottom;
        let width = bottom.width();
        match (line, width) {
            (Some(line), Some(width)) => bottom.show(&line(width)),
            _ => bottom.clear(),
        }
        width.is_some()
    }

    fn notifier(&mut self) -> Notifier {
        self.printer.bottom.clear();
        Notifier::Stderr(self.messages)
    }

    async fn report(&mut self, failure: &Failure) -> Result<(), Stop> {
        self.printer.print_all().await?;
        let failure =
            if failure.is_placed() { failure } else { &about(&self.at, failure.status, failure.message.clone()) };
        self.messages.tell(failure);
        Ok(())
    }

    async fn pipe(&mut self, action: Action, pipeline: String) -> Result<(), Stop> {
        self.run_piped(action, pipeline).await
    }

    async fn begin_stream(&mut self, at_once: bool) -> Result<(), Stop> {
        pipeline::set_runs_until_interrupted(self.session.is_piped);
        if at_once {
            self.printer.start_pipeline().await?;
        }
        Ok(())
    }

    async fn source(&mut self, path: PathBuf) -> Result<(), Stop> {
        if !self.session.is_piped || std::mem::replace(&mut self.session.in_file, true) {
            self.session.included.push(path);
            return Ok(());
        }
        // The pipeline gets the results of all lines, so they run before it ends.
        let mut lines = Lines::new(Vec::new(), Dialect::Qmp);
        lines.include(path, &self.at).map_err(|message| Stop::new(Status::Usage, message))?;
        let done = Box::pin(self.run_lines(&mut lines, Sources { stdin: false })).await;
        self.session.in_file = false;
        Ok(done?)
    }

    async fn reconnect(&mut self) -> Result<(), Stop> {
        self.printer.print_all().await?;
        // An error of the old session says nothing about the new one.
        let _ = self.session.client.disconnect().await;
        self.session.disconnected();
        Ok(self.open().await?)
    }

    async fn edit(&mut self) -> Result<(), Stop> {
        Err(Stop::new(Status::Usage, ".edit works only at the prompt"))
    }

    async fn connect(&mut self, mut peer: Peer) -> Result<(), Stop> {
        self.printer.print_all().await?;
        let notifier = Notifier::Stderr(self.messages);
        let events = self.printer.stream_of(&peer.client, &self.session.event_filter);
        peer.connector.open(&peer.client, &notifier).await?;
        let mut left = self.session.change_to(peer);
        self.printer.change_to(events);
        self.end = OnceCell::new();
        left.connector.close(&notifier, true).await;
        Ok(())
    }
}
