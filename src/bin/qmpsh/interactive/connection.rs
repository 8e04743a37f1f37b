//! The connection: found, lost, and connected again.

use std::time::Duration;

use super::{Flow, Repl, Stop, assistant};
use crate::builtins;
use crate::connect::Opening;
use crate::output::messages::Notifier;
use crate::session::schema::SessionSchema;
use crate::status::Failure;
use qmpsh::client::ExecuteError;
use qmpsh::error::describe;
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::message::Request;
use qmpsh::protocol::Runstate;
use qmpsh::text;

/// How long the prompt waits for a peer that was asked to end, and has answered.
pub(super) const QUITTING: Duration = Duration::from_secs(1);

/// A command that the end of the connection left without a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It was sent, and whether it ran is unknown.
    Unknown(String),
    /// It was not sent.
    NotSent(String),
}

impl Unanswered {
    /// None: the error is not about the connection.
    pub(super) fn from_error(request: &Request, error: &ExecuteError) -> Option<Self> {
        let command = request.label();
        match error {
            ExecuteError::Interrupted { .. } => Some(Self::Unknown(command.to_owned())),
            ExecuteError::NotSent { .. } | ExecuteError::State(_) => Some(Self::NotSent(command.to_owned())),
            ExecuteError::Server { .. } | ExecuteError::Malformed(_) | ExecuteError::NoDescriptors { .. } => None,
        }
    }
}

impl Repl<'_, '_> {
    /// The session is there: says with whom.
    pub(super) fn on_connected(&mut self) {
        while self.state.try_changed().is_some() {}
        self.connected = true;
        // Another peer may be there now.
        self.session_schema = SessionSchema::default();
        self.human_monitor = HumanMonitor::default();
        self.assistant.forget();
        self.coming = self.assists.then(|| assistant::schema(self.client));
        self.has_quit = false;
        self.prompt.begin(self.client);
        match builtins::version(self.client) {
            Some(version) => self.say(&format!("{version} at {}; Ctrl-D leaves", self.connector.shown())),
            None => self.say(&format!("connected to {}; Ctrl-D leaves", self.connector.shown())),
        }
    }

    /// Tells at once that the connection is gone, also while a line is being typed.
    pub(super) async fn on_state(&mut self, state: Runstate) {
        if state == Runstate::Disconnecting {
            self.lost(None).await;
        }
    }

    /// Waits until the connection is gone, and tells it.
    pub(super) async fn closed(&mut self) {
        while self.connected {
            match self.state.changed().await {
                Some(state) => self.on_state(state).await,
                None => return,
            }
        }
    }

    /// The connection is gone: says so once, with the reason and what became of the commands without a reply.
    pub(super) async fn lost(&mut self, command: Option<Unanswered>) {
        if !std::mem::replace(&mut self.connected, false) {
            return;
        }
        self.coming = None;
        self.assistant.forget();
        let end = self.client.disconnect().await;
        // Another peer may come.
        self.jobs.clear();
        self.show_events_so_far();
        let mut unanswered: Vec<_> = command.into_iter().collect();
        while let Some(Ok(late)) = self.late.join_next().await {
            match late.answer {
                Err(error) => unanswered.extend(Unanswered::from_error(&late.request, &error)),
                // It came together with the end.
                Ok(reply) => {
                    self.say(&format!("the reply to `{}`:", text::line(late.request.label())));
                    let (result, failure) = self.answer(self.renderer, &reply, &late.request);
                    if let Some(result) = result {
                        self.sink.output(result.whole());
                    }
                    if let Some(failure) = failure {
                        self.say(&failure);
                    }
                }
            }
        }
        let how = match end {
            _ if self.has_quit => {
                unanswered
                    .retain(|command| !matches!(command, Unanswered::Unknown(name) if name == "quit" || name == "q"));
                "QEMU has quit".to_owned()
            }
            Ok(()) => format!("the connection to {} was closed", self.connector.shown()),
            Err(error) => format!("the connection to {} was lost: {}", self.connector.shown(), describe(&error)),
        };
        self.say(&format!("{how}{}", tell(&unanswered)));
        if !self.has_quit
            && let Some(why) = self.connector.end().await
        {
            self.say(&why);
        }
        self.prompt.end();
        if let Some(every) = self.connector.tries_again() {
            self.say(&format!("trying again every {} s (.reconnect tries now)", every.as_secs_f64()));
        }
        self.opening = self.connector.again(self.client, &self.notifier());
    }

    pub(super) fn notifier(&self) -> Notifier {
        Notifier::Console(self.sink.clone())
    }

    /// The peer is back, or will not come.
    pub(super) fn on_opened_again(&mut self, opened: Result<(), Failure>) {
        match opened {
            Ok(()) => self.on_connected(),
            Err(failure) => self.say(&failure.message),
        }
    }

    /// Connects again; a connection that is there is given up first.
    pub(super) async fn reconnect(&mut self) -> Flow {
        if self.connected {
            self.client.session().abort();
            self.lost(None).await;
        }
        let tries_again = self.connector.tries_again().is_some();
        if self.opening.is_some() && !tries_again {
            // It comes back by itself.
            return Ok(());
        }
        // This attempt is in the place of those.
        self.opening = None;
        let done = self.open_again().await;
        if !self.connected && tries_again {
            self.opening = self.connector.again(self.client, &self.notifier());
        }
        done
    }

    async fn open_again(&mut self) -> Flow {
        let notifier = self.notifier();
        tokio::select! {
            opened = self.connector.open(self.client, &notifier) => match opened {
                Ok(()) => {
                    self.on_connected();
                    Ok(())
                }
                Err(failure) => {
                    self.say(&failure.message);
                    Err(Stop::Failed)
                }
            },
            () = self.interrupts.next() => {
                self.end_row();
                self.say("interrupted: not connected");
                Err(Stop::Interrupted)
            }
            status = self.ending.signal() => Err(Stop::Leave(status)),
        }
    }
}

/// Waits for the session that comes back by itself, if there is one. Cancel safe.
pub(super) async fn opened_again(opening: &mut Option<Opening>) -> Result<(), Failure> {
    let Some(pending) = opening else { return std::future::pending().await };
    let opened = pending.await;
    *opening = None;
    opened
}

/// What became of commands without a reply, as the end of a sentence.
fn tell(unanswered: &[Unanswered]) -> String {
    let names = |wanted: fn(&Unanswered) -> Option<&String>| {
        let names: Vec<_> =
            unanswered.iter().filter_map(wanted).map(|name| format!("`{}`", text::line(name))).collect();
        names.join(", ")
    };
    let unknown = names(|command| if let Unanswered::Unknown(name) = command { Some(name) } else { None });
    let not_sent = names(|command| if let Unanswered::NotSent(name) = command { Some(name) } else { None });
    match (unknown.is_empty(), not_sent.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("; no reply came to {unknown}, so whether it ran is unknown"),
        (true, false) => format!("; not sent: {not_sent}"),
        (false, false) => {
            format!("; no reply came to {unknown}, so whether it ran is unknown; not sent: {not_sent}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_without_a_reply() {
        let unknown = |name: &str| Unanswered::Unknown(name.to_owned());
        let not_sent = |name: &str| Unanswered::NotSent(name.to_owned());
        let check = |unanswered: &[Unanswered], expected: &str| assert_eq!(tell(unanswered), expected);
        check(&[], "");
        check(&[unknown("stop")], "; no reply came to `stop`, so whether it ran is unknown");
        check(&[unknown("a"), unknown("b\u{1b}")], "; no reply came to `a`, `b\\u{1b}`, so whether it ran is unknown");
        check(&[not_sent("cont")], "; not sent: `cont`");
        check(&[not_sent("b"), unknown("a")], "; no reply came to `a`, so whether it ran is unknown; not sent: `b`");
    }
}
