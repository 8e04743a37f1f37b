//! A command and its reply, which may come late or never.

use std::future::{Future, pending};
use std::pin::Pin;

use tokio::time::{Instant, sleep, timeout};

use super::connection::{QUITTING, Unanswered};
use super::{Flow, Repl, Stop, piped};
use crate::builtins;
use crate::output::render::Form;
use crate::session::schema::explain_error;
use qmpsh::client::ExecuteError;
use qmpsh::error::describe;
use qmpsh::events::Batch;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Reply, Request};
use qmpsh::text;

/// How a command ended when nobody waited for it any more.
pub(super) struct Late {
    pub(super) request: Request,
    pub(super) answer: Result<Reply, ExecuteError>,
}

/// How the waiting for a reply ended.
pub(super) enum Waited {
    Answered(Box<Result<Reply, ExecuteError>>),
    Interrupted,
    TimedOut,
}

pub(super) type Execution = Pin<Box<dyn Future<Output = Result<Reply, ExecuteError>> + Send>>;

impl Repl<'_, '_> {
    /// Sends a command, again as long as its refusals say how, and shows its reply.
    pub(super) async fn execute(&mut self, mut request: Request, mut resend: Option<Box<Resend>>) -> Flow {
        if !self.connected {
            // There nobody can end but the shell.
            if request.ends_peer() {
                return Err(Stop::Leave(crate::status::Status::Success));
            }
            // A listener gets the next peer by itself.
            let hint = if self.opening.is_some() { "" } else { " (.reconnect connects again)" };
            self.say(&format!("not sent: not connected to {}{hint}", self.connector.shown()));
            return Err(Stop::Failed);
        }
        if let Some(warning) = builtins::warning(self.client, &request) {
            self.say(&warning);
        }
        let mut execution;
        let waited = loop {
            let (client, sent) = (self.client.clone(), request.clone());
            execution = Box::pin(async move { client.execute(sent).await }) as Execution;
            let began = Instant::now();
            let waited = self.wait_for(&mut execution).await?;
            let Waited::Answered(answer) = &waited else { break waited };
            self.display.answered(began);
            match &**answer {
                Err(ExecuteError::Server { desc, .. })
                    if let Some(next) = resend.as_mut().and_then(|resend| resend.next(&request, desc)) =>
                {
                    request = next;
                }
                _ => break waited,
            }
        };
        let why = match waited {
            Waited::Answered(answer) => {
                // What came before the reply is shown before it. After a refusal the peer may be asked about it, and more
                // events come then: so all that are here go first.
                let mut events = self.events.try_batch();
                let before = match &*answer {
                    Ok(reply) => events.events.partition_point(|event| event.arrival() < reply.arrival()),
                    Err(_) => events.events.len(),
                };
                let after = events.events.split_off(before);
                self.show_events(&events);
                let done = self.on_answer(request, resend, *answer).await;
                self.show_events(&Batch { events: after, dropped: Vec::new() });
                return done;
            }
            Waited::Interrupted => {
                self.end_row();
                "interrupted".to_owned()
            }
            Waited::TimedOut => self.too_late(),
        };
        let command = text::line(request.label());
        self.say(&format!("{why}: `{command}` may still be running; its reply will be shown when it comes"));
        self.late.spawn(async move { Late { answer: execution.await, request } });
        Err(Stop::Interrupted)
    }

    pub(super) fn too_late(&self) -> String {
        format!("no reply within {} s", self.options.timeout.unwrap_or_default().as_secs_f64())
    }

    /// Waits for a reply, and takes care of everything else meanwhile.
    pub(super) async fn wait_for(&mut self, execution: &mut Execution) -> Flow<Waited> {
        let limit = self.options.timeout;
        let mut limit = Box::pin(async move {
            match limit {
                Some(limit) => sleep(limit).await,
                None => pending().await,
            }
        });
        loop {
            tokio::select! {
                biased;
                answer = &mut *execution => return Ok(Waited::Answered(Box::new(answer))),
                () = self.interrupts.next() => return Ok(Waited::Interrupted),
                status = self.ending.signal() => return Err(Stop::Leave(status)),
                batch = self.events.batch() => self.show_events(&batch),
                change = piped::changed(&mut self.redirected) => {
                    self.on_pipeline(change);
                    if self.is_interrupted() {
                        return Ok(Waited::Interrupted);
                    }
                }
                Some(Ok(late)) = self.late.join_next() => self.show_late(late).await?,
                () = &mut limit => return Ok(Waited::TimedOut),
            }
        }
    }

    async fn on_answer(
        &mut self,
        request: Request,
        resend: Option<Box<Resend>>,
        answer: Result<Reply, ExecuteError>,
    ) -> Flow {
        match answer {
            Ok(reply) => {
                let quits = request.ends_peer();
                self.has_quit |= quits;
                let done = self.show_answer(&reply, &request).await;
                if quits {
                    // The next prompt tells already that the peer is gone, if it goes soon.
                    let _ = timeout(QUITTING, self.closed()).await;
                }
                done
            }
            Err(error) => match Unanswered::from_error(&request, &error) {
                // `quit` asked for it, and it need not be answered.
                Some(Unanswered::Unknown(_)) if request.ends_peer() => {
                    self.has_quit = true;
                    self.lost(None).await;
                    Ok(())
                }
                Some(unanswered) => {
                    self.lost(Some(unanswered)).await;
                    Err(Stop::Failed)
                }
                None => {
                    let taught = match &error {
                        ExecuteError::Server { class, desc, .. } => {
                            explain_error(self, &request, resend.as_deref(), class, desc).await
                        }
                        _ => Ok(String::new()),
                    };
                    // Whatever became of that question, the command was refused.
                    self.show_error(&request, &error, taught.as_deref().unwrap_or_default()).await?;
                    Err(taught.err().unwrap_or(Stop::Failed))
                }
            },
        }
    }

    /// What the server says is wrong, and what its schema says of that.
    async fn show_error(&mut self, request: &Request, error: &ExecuteError, hints: &str) -> Flow {
        let ExecuteError::Server { class, desc, reply } = error else {
            self.say(&describe(error));
            return Ok(());
        };
        if self.renderer.form == Form::Raw {
            self.show_reply_here(reply, request).await?;
        }
        self.say_failure(&format!("{}: {}{hints}", text::line(class), text::line(desc)));
        Ok(())
    }

    /// Shows the late reply of an abandoned command.
    pub(super) async fn show_late(&mut self, late: Late) -> Flow {
        let Late { request, answer } = late;
        let command = text::line(request.label()).into_owned();
        match answer {
            Ok(reply) => {
                self.has_quit |= request.ends_peer();
                self.say(&format!("the reply to `{command}`:"));
                match self.show_answer_here(&reply, &request).await {
                    // That it has failed is said, and there is nothing that it could stop.
                    Err(Stop::Failed) => Ok(()),
                    done => done,
                }
            }
            Err(error) => match Unanswered::from_error(&request, &error) {
                Some(unanswered) => {
                    self.has_quit |= request.ends_peer();
                    self.lost(Some(unanswered)).await;
                    Ok(())
                }
                None => {
                    self.say(&format!("`{command}` has failed:"));
                    self.show_error(&request, &error, "").await
                }
            },
        }
    }
}
