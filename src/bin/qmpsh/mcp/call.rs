//! One call of a tool, as the built-in commands see it: a frontend that collects what they print.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::vm::Vm;
use crate::eval::{self, Sources, Text};
use crate::output::messages::Notifier;
use crate::output::printer::sleep_until_or_never;
use crate::output::render::{Pieces, Renderer};
use crate::session::outcome::{self, Lost, Outcome, name};
use crate::session::types::{self, TypeInfo};
use crate::session::{Action, EventFilter, Frontend, Peer, Session, attend, hmp, peer};
use crate::status::{Failure, Status, Stop};
use qmpsh::client::Client;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Event, Request};
use qmpsh::text;

/// How long a command may take if `--timeout` does not say.
const LIMIT: Duration = Duration::from_secs(60);

/// A call.
pub(super) struct Call<'a> {
    vm: &'a Vm,
    session: Session,
    renderer: Renderer,
    canceled: CancellationToken,
    /// What was printed.
    printed: Vec<u8>,
}

impl<'a> Call<'a> {
    /// Begins a call, with a VM that is connected.
    pub(super) async fn new(vm: &'a Vm, canceled: CancellationToken) -> Self {
        let session = vm.session().await;
        Self { vm, session, renderer: Renderer::PIPELINE, canceled, printed: Vec::new() }
    }

    pub(super) fn client(&self) -> Client {
        self.session.client.clone()
    }

    /// Runs a built-in command.
    pub(super) async fn run(self, text: Text<'_>) -> Result<String, String> {
        let mut actions = Vec::new();
        for parsed in eval::parse(text).map_err(|failure| failure.message)? {
            let action = eval::action(parsed, text, &mut Sources { stdin: false }, &TypeInfo::default());
            actions.push(action.map_err(|failure| failure.message)?);
        }
        self.act(actions).await
    }

    /// Sends a command.
    pub(super) async fn send(self, request: Request) -> Result<String, String> {
        self.act(vec![Action::Send(request, None)]).await
    }

    /// Waits for other work on the session.
    pub(super) async fn wait_for<T>(&mut self, work: impl Future<Output = T>, what: &str) -> Result<T, String> {
        match attend(self, work, Some(Instant::now() + LIMIT), what).await {
            Ok(Some(done)) => Ok(done),
            Ok(None) => Err(outcome::too_late(&format!("{what} took more than {} s", LIMIT.as_secs()))),
            Err(stop) => Err(sentence(stop)),
        }
    }

    async fn act(mut self, actions: Vec<Action>) -> Result<String, String> {
        for action in actions {
            action.run(&mut self).await.map_err(sentence)?;
        }
        let printed = String::from_utf8_lossy(&self.printed);
        Ok(printed.trim_end_matches('\n').to_owned())
    }

    async fn lost(&self, lost: Lost, request: &Request) -> Stop {
        let (status, why) = self.vm.end().await;
        let lost = lost.sentence(request, &why);
        Stop::new(status, format!("{lost}\nThe next call connects again."))
    }
}

/// Returns the message of a failure.
pub(super) fn sentence(stop: Stop) -> String {
    match stop {
        Stop::Failed(Failure { status: Status::Interrupted, message, .. }) if message.is_empty() => {
            "canceled".to_owned()
        }
        Stop::Failed(failure) => failure.message,
        Stop::Leave(_) => "the session ends".to_owned(),
    }
}

fn unsupported() -> Stop {
    Stop::new(Status::Usage, "this works only in the shell")
}

#[async_trait(?Send)]
impl Frontend for Call<'_> {
    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn renderer(&mut self) -> &mut Renderer {
        &mut self.renderer
    }

    async fn execute(&mut self, request: Request, resend: Option<Box<Resend>>) -> Result<(), Stop> {
        if let Some(warning) = peer::warning(&self.session.client, &request) {
            self.printed.extend_from_slice(format!("{warning}\n").as_bytes());
        }
        let limit = self.session.options.timeout.unwrap_or(LIMIT);
        let (client, sent) = (self.session.client.clone(), request.clone());
        let what = format!("the reply to {}", name(&request));
        let execution = async move { client.execute(sent).await };
        let Some(answer) = attend(self, execution, Some(Instant::now() + limit), &what).await? else {
            return Err(Stop::new(Status::TimedOut, outcome::no_reply(&request, limit)));
        };
        match Outcome::of(&request, answer) {
            Outcome::Returned(reply) => {
                let (result, failure) = hmp::result(&mut self.session.human_monitor, self.renderer, &request, &reply);
                if let Some(result) = result {
                    self.print(result).await?;
                }
                failure.map_or(Ok(()), |message| Err(Stop::failed(text::lines(&message))))
            }
            Outcome::Refused { class, desc, .. } => {
                let hints = types::explain_error(self, &request, resend.as_deref(), &class, &desc).await;
                let hints = hints.unwrap_or_default();
                Err(Stop::failed(format!("{}: {}{hints}", text::line(&class), text::lines(&desc))))
            }
            Outcome::PeerEnded => {
                self.printed.extend_from_slice(b"{}\n");
                Ok(())
            }
            Outcome::Failed(status, message) => Err(Stop::new(status, message)),
            Outcome::Lost(lost) => Err(self.lost(lost, &request).await),
        }
    }

    async fn wait(
        &mut self,
        work: Pin<&mut (dyn Future<Output = ()> + '_)>,
        limit: Option<Instant>,
        what: &str,
    ) -> Result<bool, Stop> {
        let client = self.session.client.clone();
        tokio::select! {
            biased;
            () = work => return Ok(true),
            () = outcome::ended(&client) => {}
            () = self.canceled.cancelled() => return Err(Stop::silent(Status::Interrupted)),
            () = sleep_until_or_never(limit) => return Ok(false),
        }
        let (status, why) = self.vm.end().await;
        let message = format!("the connection was lost while waiting for {what}: {why}\nThe next call connects again.");
        Err(Stop::new(status, message))
    }

    async fn print(&mut self, result: Pieces) -> Result<(), Stop> {
        for piece in result {
            self.printed.extend_from_slice(&piece);
        }
        Ok(())
    }

    async fn print_event(&mut self, event: &Event) -> Result<(), Stop> {
        self.print(self.renderer.event_result(event)).await
    }

    async fn print_events(
        &mut self,
        events: VecDeque<Event>,
        results: &EventFilter,
        _limit: Option<Instant>,
    ) -> Result<bool, Stop> {
        let is_result = results.filter();
        for event in events.iter().filter(|event| is_result(event)) {
            self.print_event(event).await?;
        }
        Ok(true)
    }

    /// The client has the events as a resource.
    fn show_events(&mut self, _: VecDeque<Event>) {}

    fn set_event_filter(&mut self, _: EventFilter) {}

    fn show_progress(&mut self, _: Option<&dyn Fn(usize) -> String>) -> bool {
        false
    }

    fn notifier(&mut self) -> Notifier {
        self.vm.notifier.clone()
    }

    async fn report(&mut self, failure: &Failure) -> Result<(), Stop> {
        self.printed.extend_from_slice(format!("{}\n", failure.message).as_bytes());
        Ok(())
    }

    async fn pipe(&mut self, _: Action, _: String) -> Result<(), Stop> {
        Err(unsupported())
    }

    async fn begin_stream(&mut self, _: bool) -> Result<(), Stop> {
        Err(unsupported())
    }

    async fn source(&mut self, _: PathBuf) -> Result<(), Stop> {
        Err(unsupported())
    }

    async fn reconnect(&mut self) -> Result<(), Stop> {
        Err(unsupported())
    }

    async fn edit(&mut self) -> Result<(), Stop> {
        Err(unsupported())
    }

    async fn connect(&mut self, _: Peer) -> Result<(), Stop> {
        Err(unsupported())
    }
}
