//! The connection: made, lost, and made again.

use std::sync::Arc;
use std::time::Duration;

use super::{Flow, Repl, stream_of};
use crate::output::messages::Notifier;
use crate::session::outcome::{Lost, Outcome};
use crate::session::{Connection, Peer, Session, hmp, peer};
use crate::status::{Failure, Status, Stop};
use qmpsh::error::describe;
use qmpsh::message::Request;
use qmpsh::protocol::Runstate;
use qmpsh::text;

/// How long a prompt stands before qmpsh asks for the schema: lines that were typed ahead come first.
const PAUSE: Duration = Duration::from_millis(30);

/// A command whose session ended before its reply came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unanswered {
    name: String,
    lost: Lost,
}

impl Unanswered {
    pub(super) fn new(lost: Lost, request: &Request) -> Self {
        Self { name: request.label().to_owned(), lost }
    }
}

impl Repl<'_> {
    /// Begins a new session, and shows the version of the peer.
    pub(super) fn on_connected(&mut self) {
        while self.state.try_changed().is_some() {}
        self.session.connected();
        self.assistant.begin(self.session);
        self.fetch_schema();
        self.prompt.begin(self.session);
        let connector = &self.session.connector;
        let address = connector.shown();
        let greeting = match peer::version(&self.session.client) {
            Some(version) => format!("{version} at {address}"),
            None => format!("connected to {address}"),
        };
        let way_out = if connector.owns_peer() { "Ctrl-D ends it, .detach leaves it running" } else { "Ctrl-D leaves" };
        self.say(&format!("{greeting}; {way_out}"));
    }

    /// Fetches the schema for the assistant, if the editor uses one.
    pub(super) fn fetch_schema(&mut self) {
        self.fetching.abort_all();
        if self.assists {
            let (client, schema) = (self.session.client.clone(), Arc::clone(&self.session.schema));
            self.fetching.spawn(async move {
                tokio::time::sleep(PAUSE).await;
                // Without a schema the assistant knows less.
                let _ = schema.fetch(&client).await;
            });
        }
    }

    /// Reports at once that the connection is gone, even while a line is being typed.
    pub(super) async fn on_state(&mut self, state: Runstate) {
        if state == Runstate::Disconnecting {
            self.lost(None).await;
        }
    }

    /// Waits until the connection is gone, and reports it.
    pub(super) async fn closed(&mut self) {
        while self.session.connection != Connection::Closed {
            match self.state.changed().await {
                Some(state) => self.on_state(state).await,
                None => return,
            }
        }
    }

    /// Reports once that the connection is gone, why, and which commands have no reply.
    pub(super) async fn lost(&mut self, command: Option<Unanswered>) {
        if self.session.connection == Connection::Closed {
            return;
        }
        let has_quit = self.session.is_quitting();
        self.fetching.abort_all();
        let end = self.session.client.disconnect().await;
        self.session.disconnected();
        self.assistant.begin(self.session);
        self.show_events_so_far();
        let mut unanswered: Vec<_> = command.into_iter().collect();
        unanswered.extend(self.unanswered().await);
        let how = match end {
            _ if has_quit => {
                let is_quit = |command: &Unanswered| {
                    command.lost == Lost::Unanswered && (command.name == "quit" || command.name == "q")
                };
                unanswered.retain(|command| !is_quit(command));
                "QEMU has quit".to_owned()
            }
            Ok(()) => format!("the connection to {} was closed", self.session.connector.shown()),
            Err(error) => {
                format!("the connection to {} was lost: {}", self.session.connector.shown(), describe(&error))
            }
        };
        self.say(&format!("{how}{}", list(&unanswered)));
        if !has_quit && let Some(why) = self.session.connector.end().await {
            self.say(&why);
        }
        self.prompt.end();
        if let Some(every) = self.session.connector.tries_again() {
            self.say(&format!("trying again every {} s (.reconnect tries now)", every.as_secs_f64()));
        }
        self.opening = self.session.connector.again(&self.session.client, &self.notifier());
    }

    /// Returns the commands whose replies are still awaited, after the end of their session, and shows replies that came with it.
    async fn unanswered(&mut self) -> Vec<Unanswered> {
        let mut unanswered = Vec::new();
        while let Some(Ok(late)) = self.late.join_next().await {
            match Outcome::of(&late.request, late.answer) {
                Outcome::Lost(lost) => unanswered.push(Unanswered::new(lost, &late.request)),
                // The reply came together with the end.
                Outcome::Returned(reply) => {
                    self.say(&format!("the reply to `{}`:", text::line(late.request.label())));
                    let monitor = &mut self.session.human_monitor;
                    let (result, failure) = hmp::result(monitor, self.renderer, &late.request, &reply);
                    if let Some(result) = result {
                        self.sink.output(result.whole());
                    }
                    if let Some(failure) = failure {
                        self.say(&failure);
                    }
                }
                Outcome::Refused { .. } | Outcome::Failed(..) | Outcome::PeerEnded => {}
            }
        }
        unanswered
    }

    pub(super) fn notifier(&self) -> Notifier {
        Notifier::Console(self.sink.clone())
    }

    /// Begins a new session with a peer that came back, or shows the error.
    pub(super) fn on_opened_again(&mut self, opened: Result<(), Failure>) {
        self.opening = None;
        match opened {
            Ok(()) => self.on_connected(),
            Err(failure) => self.say(&failure.message),
        }
    }

    /// Connects again; drops the current connection first.
    pub(super) async fn reconnect(&mut self) -> Flow {
        if self.session.connection != Connection::Closed {
            self.session.client.session().abort();
            self.lost(None).await;
        }
        let tries_again = self.session.connector.tries_again().is_some();
        if self.opening.is_some() && !tries_again {
            // The listener makes it by itself.
            return Ok(());
        }
        // This attempt replaces those that repeat by themselves.
        self.opening = None;
        let done = self.open_again().await;
        if self.session.connection == Connection::Closed && tries_again {
            self.opening = self.session.connector.again(&self.session.client, &self.notifier());
        }
        done
    }

    async fn open_again(&mut self) -> Flow {
        let notifier = self.notifier();
        let Session { client, connector, .. } = &mut *self.session;
        let opened = tokio::select! {
            opened = connector.open(client, &notifier) => Some(opened),
            () = self.interrupts.next() => None,
            status = self.ending.signal() => return Err(Stop::Leave(status)),
        };
        self.on_opened(opened)?;
        self.on_connected();
        Ok(())
    }

    /// Returns the failure of an attempt to connect; `None` is Ctrl-C.
    fn on_opened(&self, opened: Option<Result<(), Failure>>) -> Flow {
        match opened {
            Some(opened) => Ok(opened?),
            None => {
                self.end_row();
                self.say("interrupted: not connected");
                Err(Stop::silent(Status::Interrupted))
            }
        }
    }

    /// Connects to another peer, then leaves this one.
    pub(super) async fn connect(&mut self, mut peer: Peer) -> Flow {
        let (events, state) = (stream_of(&peer.client, self.session), peer.client.session().watch());
        let notifier = self.notifier();
        let opened = tokio::select! {
            opened = peer.connector.open(&peer.client, &notifier) => Some(opened),
            () = self.interrupts.next() => None,
            status = self.ending.signal() => return Err(Stop::Leave(status)),
        };
        if let Err(Stop::Failed(failure)) = self.on_opened(opened) {
            self.show_failure(&failure);
            if self.session.is_connected() {
                self.say(&format!("still connected to {}", self.session.connector.shown()));
            }
            return Err(Stop::silent(failure.status));
        }
        self.show_events_so_far();
        let mut left = self.session.change_to(peer);
        (self.events, self.state, self.opening) = (events, state, None);
        if !self.late.is_empty() {
            // Their replies may never come.
            left.client.session().abort();
        }
        left.connector.close(&notifier, true).await;
        let unanswered = self.unanswered().await;
        if !unanswered.is_empty() {
            self.say(&format!("left {}{}", left.connector.shown(), list(&unanswered)));
        }
        self.on_connected();
        Ok(())
    }
}

/// Lists the commands without a reply, as the end of a sentence.
fn list(unanswered: &[Unanswered]) -> String {
    let names = |lost: Lost| {
        let names = unanswered.iter().filter(|command| command.lost == lost);
        names.map(|command| format!("`{}`", text::line(&command.name))).collect::<Vec<_>>().join(", ")
    };
    let (unknown, not_sent) = (names(Lost::Unanswered), names(Lost::NotSent));
    let mut list = String::new();
    if !unknown.is_empty() {
        list.extend(["; no reply came to ", &unknown, ", so whether it ran is unknown"]);
    }
    if !not_sent.is_empty() {
        list.extend(["; not sent: ", &not_sent]);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_without_a_reply_are_listed_by_what_is_known() {
        let unknown = |name: &str| Unanswered { name: name.to_owned(), lost: Lost::Unanswered };
        let not_sent = |name: &str| Unanswered { name: name.to_owned(), lost: Lost::NotSent };
        let check = |unanswered: &[Unanswered], expected: &str| assert_eq!(list(unanswered), expected);
        check(&[], "");
        check(&[unknown("stop")], "; no reply came to `stop`, so whether it ran is unknown");
        check(&[unknown("a"), unknown("b\u{1b}")], "; no reply came to `a`, `b\\u{1b}`, so whether it ran is unknown");
        check(&[not_sent("cont")], "; not sent: `cont`");
        check(&[not_sent("b"), unknown("a")], "; no reply came to `a`, so whether it ran is unknown; not sent: `b`");
    }
}
