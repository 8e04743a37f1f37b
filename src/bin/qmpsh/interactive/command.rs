//! Sends a command and shows its reply, which may come late or never.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::connection::Unanswered;
use super::waiting::Waited;
use super::{Flow, LateReply, Repl};
use crate::output::render::Form;
use crate::session::ask::TimeLimit;
use crate::session::outcome::{self, Outcome};
use crate::session::types::explain_error;
use crate::session::{Connection, peer};
use crate::status::{Failure, Status, Stop};
use qmpsh::client::ExecuteError;
use qmpsh::events::Batch;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Reply, Request};
use qmpsh::processes;
use qmpsh::text;

/// How long the prompt waits for the connection to end after `quit` succeeded.
const QUITTING: Duration = Duration::from_secs(1);

type Answer = Result<Reply, ExecuteError>;

impl Repl<'_> {
    /// Sends a command and shows its reply. If QEMU refuses the type of an argument, converts it and sends the command again.
    pub(super) async fn send(&mut self, mut request: Request, mut resend: Option<Box<Resend>>) -> Flow {
        if self.session.connection == Connection::Closed {
            // Without a peer, `quit` can end only the shell.
            if request.ends_peer() {
                return Err(Stop::Leave(Status::Success));
            }
            // A listener gets the next peer by itself.
            let hint = if self.opening.is_some() { "" } else { " (.reconnect connects again)" };
            let message = format!("not sent: not connected to {}{hint}", self.session.connector.shown());
            return Err(Stop::new(Status::ConnectionLost, message));
        }
        if let Some(warning) = peer::warning(&self.session.client, &request) {
            self.say(&warning);
        }
        loop {
            let limit = TimeLimit::new(self.session.options.timeout);
            let (client, sent) = (self.session.client.clone(), request.clone());
            let mut execution: Pin<Box<dyn Future<Output = Answer> + Send>> =
                Box::pin(async move { client.execute(sent).await });
            let began = Instant::now();
            let mut answer = None;
            let waited = {
                let work = std::pin::pin!(async { answer = Some((&mut execution).await) });
                self.wait_for(work, limit.end, true).await?
            };
            let Some(answer) = answer else {
                let why = match waited {
                    Waited::TimedOut => format!("no reply within {limit}"),
                    Waited::Interrupted | Waited::Done => "interrupted".to_owned(),
                };
                let command = outcome::name(&request);
                let (state, reply) = match processes::stopped_peer() {
                    Some(stopped) => (stopped, format!("the reply to {command}")),
                    None => (format!("{command} may still be running"), "its reply".to_owned()),
                };
                self.say(&format!("{why}: {state}; {reply} will be shown when it comes"));
                self.late.spawn(async move { LateReply { answer: execution.await, request } });
                let timed_out = waited == Waited::TimedOut;
                return Err(Stop::silent(if timed_out { Status::TimedOut } else { Status::Interrupted }));
            };
            self.session.timing.add(began);
            match &answer {
                Err(ExecuteError::Server { desc, .. })
                    if let Some(next) = resend.as_mut().and_then(|resend| resend.next(&request, desc)) =>
                {
                    request = next;
                }
                _ => return self.on_answer(request, resend, answer).await,
            }
        }
    }

    async fn on_answer(&mut self, request: Request, resend: Option<Box<Resend>>, answer: Answer) -> Flow {
        // Events that came before the reply are shown before it. After an error qmpsh may query the peer, during which more events
        // come, so all events so far go first.
        let mut events = self.events.try_batch();
        let before = match &answer {
            Ok(reply) => events.events.partition_point(|event| event.arrival() < reply.arrival()),
            Err(_) => events.events.len(),
        };
        let after = events.events.split_off(before);
        self.show_events(&events);
        let done = self.on_outcome(&request, resend.as_deref(), Outcome::of(&request, answer), false).await;
        self.show_events(&Batch { events: after, dropped: Vec::new() });
        done
    }

    async fn on_outcome(
        &mut self,
        request: &Request,
        resend: Option<&Resend>,
        outcome: Outcome,
        is_late: bool,
    ) -> Flow {
        match outcome {
            Outcome::Returned(reply) if is_late => {
                self.session.succeeded(request);
                self.show_reply_here(&reply, request).await
            }
            Outcome::Returned(reply) => {
                self.session.succeeded(request);
                let done = self.show_reply(&reply, request).await;
                if self.session.is_quitting() {
                    // If the peer goes soon, the next prompt shows it.
                    let _ = timeout(QUITTING, self.closed()).await;
                }
                done
            }
            Outcome::Refused { class, desc, reply } => {
                let hints =
                    if is_late { Ok(String::new()) } else { explain_error(self, request, resend, &class, &desc).await };
                let hint = hints.as_deref().unwrap_or_default();
                let refusal = format!("{}: {}{hint}", text::line(&class), text::line(&desc));
                let refusal = Failure::placed(Status::CommandFailed, refusal);
                if self.renderer.form == Form::Raw {
                    self.show_here(self.renderer.reply(&reply, request.own_id())).await?;
                }
                match hints {
                    Ok(_) => Err(refusal.into()),
                    // The query for the schema failed too, but QEMU refused the command.
                    Err(stop) => {
                        self.show_failure(&refusal);
                        Err(stop)
                    }
                }
            }
            Outcome::PeerEnded => {
                self.session.succeeded(request);
                self.lost(None).await;
                Ok(())
            }
            Outcome::Failed(status, message) => Err(Stop::new(status, message)),
            Outcome::Lost(lost) => {
                self.lost(Some(Unanswered::new(lost, request))).await;
                Err(Stop::silent(Status::ConnectionLost))
            }
        }
    }

    /// Shows a late reply. No line depends on its outcome anymore.
    pub(super) async fn show_late(&mut self, late: LateReply) -> Flow {
        let LateReply { request, answer } = late;
        let (outcome, command) = (Outcome::of(&request, answer), outcome::name(&request));
        match &outcome {
            Outcome::Returned(_) => self.say(&format!("the reply to {command}:")),
            Outcome::Refused { .. } => self.say(&format!("{command} has failed:")),
            Outcome::Failed(..) | Outcome::PeerEnded | Outcome::Lost(_) => {}
        }
        match self.on_outcome(&request, None, outcome, true).await {
            Err(Stop::Failed(failure)) => {
                self.show_failure(&failure);
                Ok(())
            }
            done => done,
        }
    }
}
