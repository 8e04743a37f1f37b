//! Runs lines: one command after the other, or with `--pipeline N` several at once. Results come in the order of the lines.

use tokio::time::Instant;

use super::Batch;
use super::busy_wait::busy_wait;
use super::in_flight::{Entry, Flight, Sent, stands_alone};
use super::waiting::{Found, Ready, after_others, read, read_ahead, take_if_there};
use crate::eval::{Read, Sources};
use crate::input::lines::{Lines, Location};
use crate::output::printer::sleep_until_or_never;
use crate::session::Action;
use crate::session::outcome::{Lost, name};
use crate::session::types::name_arguments;
use crate::status::{Failure, Status};
use qmpsh::client::ExecuteError;
use qmpsh::message::Reply;

/// How many requests QEMU queues. With more, it does not read an out-of-band one at once. Source: docs/qmp.md, "Wire".
const OUT_OF_BAND_LIMIT: usize = 8;

/// In how many parts the commands of `--pipeline` are sent, at least: while the peer works on one part, another is made.
const PARTS: usize = 4;

/// How many lost commands a message names.
const NAMED: usize = 5;

/// The state of running lines.
struct BatchRun<'a> {
    lines: &'a mut Lines,
    sources: Sources,
    flight: Flight,
    /// How many commands were queued since the connection had its turn to send.
    gathered: usize,
    /// The next line, read while another command was in flight that it could not join.
    ahead: Option<Found>,
    /// There are no more lines.
    ended: bool,
}

/// What came first: the reply to the oldest command, or something else.
enum Next {
    Answer(Result<Reply, ExecuteError>),
    Line(Found),
    TooLate,
}

impl Batch<'_> {
    /// Runs lines until they end, or one of them ends the batch.
    pub(super) async fn run_lines(&mut self, lines: &mut Lines, sources: Sources) -> Result<(), Failure> {
        let mut batch_run =
            BatchRun { lines, sources, flight: Flight::default(), gathered: 0, ahead: None, ended: self.leaves };
        loop {
            while self.has_room(&batch_run) {
                self.include(batch_run.lines)?;
                let found = match batch_run.ahead.take() {
                    Some(found) => found,
                    None => match take_if_there(batch_run.lines).await {
                        Some(found) => found,
                        None if batch_run.flight.is_empty() => read(self.next_line(batch_run.lines).await?),
                        None => break,
                    },
                };
                self.take(found, &mut batch_run).await?;
                if batch_run.gathered > self.session.options.pipeline / PARTS {
                    after_others().await;
                    batch_run.gathered = 0;
                }
            }
            let may_join = self.has_room(&batch_run);
            match batch_run.flight.pop() {
                None if batch_run.ended => return Ok(()),
                // All lines were blank.
                None => {}
                Some(Entry::Failed(failure)) => self.go_on_after(failure).await?,
                Some(Entry::Sent(sent)) => self.go_on_with(sent, may_join, &mut batch_run).await?,
            }
        }
    }

    /// Waits for the reply to the oldest command, or for a line if it may be sent before that.
    async fn go_on_with(
        &mut self,
        mut sent: Box<Sent>,
        may_join: bool,
        batch_run: &mut BatchRun<'_>,
    ) -> Result<(), Failure> {
        let next = if may_join {
            self.wait_for_oldest(&mut sent, Some(&mut *batch_run.lines)).await?
        } else if batch_run.ended || batch_run.ahead.is_some() || !batch_run.flight.is_empty() {
            self.wait_for_oldest(&mut sent, None).await?
        } else {
            let next;
            (next, batch_run.ahead) = tokio::join!(self.wait_for_oldest(&mut sent, None), read_ahead(batch_run.lines));
            next?
        };
        match next {
            Next::Answer(answer) => {
                let sooner = self.send_sooner(&sent, &answer, batch_run).await;
                self.settle_sent(sent, answer, &mut batch_run.flight).await?;
                sooner
            }
            Next::TooLate => {
                let failure = self.timed_out(&sent.request, &sent.location);
                self.go_on_after(failure).await
            }
            Next::Line(found) => {
                batch_run.flight.put_back(Entry::Sent(sent));
                self.take(found, batch_run).await
            }
        }
    }

    /// Returns true if another line may be read and sent.
    fn has_room(&self, batch_run: &BatchRun<'_>) -> bool {
        !batch_run.ended && batch_run.flight.len() < self.session.options.pipeline && !batch_run.flight.ends_alone()
    }

    /// Sends the next line before the outcome of this command is shown, so that the peer need not wait. It does so only if the
    /// outcome can neither end the batch nor change the meaning of that line, and the line is a command that was read already.
    async fn send_sooner(
        &mut self,
        sent: &Sent,
        answer: &Result<Reply, ExecuteError>,
        batch_run: &mut BatchRun<'_>,
    ) -> Result<(), Failure> {
        let is_harmless = answer.is_ok() && sent.request.hmp_line().is_none() && !sent.request.ends_peer();
        if !is_harmless || !batch_run.flight.is_empty() || self.session.is_piped || self.session.timing.is_on {
            return Ok(());
        }
        let is_command = |found: &mut Found| {
            let Some(Ok(Ready { read: Ok(read), .. })) = found else { return false };
            matches!(read[..], [Read::Action(Action::Send(..))])
        };
        let Some(next) = batch_run.ahead.take_if(is_command) else { return Ok(()) };
        self.take(next, batch_run).await?;
        after_others().await;
        Ok(())
    }

    /// Sends or runs a line. Nothing of it is sent if any of its messages cannot be.
    async fn take(&mut self, found: Found, batch_run: &mut BatchRun<'_>) -> Result<(), Failure> {
        let Some(found) = found else {
            batch_run.ended = true;
            return Ok(());
        };
        let actions = match found {
            Ok(Ready { line, read }) => {
                self.actions(&line, read, batch_run.sources).await.map(|actions| (actions, line.location))
            }
            Err(failure) => Err(failure),
        };
        let (actions, location) = match actions {
            Ok(made) => made,
            Err(mut failure) => {
                // The schema would have to wait for the replies of the commands in flight.
                if batch_run.flight.is_empty() {
                    failure = name_arguments(self, failure).await;
                }
                batch_run.flight.push(Entry::Failed(failure));
                return Ok(());
            }
        };
        for (action, location) in location.of_each(actions) {
            while !self.has_room(batch_run) {
                if batch_run.ended {
                    return Ok(());
                }
                self.tell_oldest(&mut batch_run.flight).await?;
            }
            self.begin(action, location, batch_run).await?;
        }
        Ok(())
    }

    /// Sends a command, or runs another action after all commands in flight.
    async fn begin(&mut self, action: Action, location: Location, batch_run: &mut BatchRun<'_>) -> Result<(), Failure> {
        let flight = &mut batch_run.flight;
        let (request, resend) = match action {
            Action::Send(request, resend) if !self.session.timing.is_on => (request, resend),
            action => {
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                if let Err(failure) = self.run_action(action, &location).await {
                    self.go_on_after(failure).await?;
                }
                batch_run.ended = self.leaves;
                return Ok(());
            }
        };
        // With an out-of-band command, QEMU must not have more requests than it reads at once.
        let alone = stands_alone(&request, resend.as_deref());
        if request.is_out_of_band() || flight.prompt() > 0 || alone {
            let most = if alone { 1 } else { OUT_OF_BAND_LIMIT };
            while flight.len() >= most {
                self.tell_oldest(flight).await?;
            }
        }
        if self.session.is_quitting() {
            return Err(self.lost(Lost::NotSent, &request, &location).await);
        }
        self.warn(&request, &location);
        match self.session.client.start(request.clone()).await {
            Ok(execution) => {
                flight.push(Entry::Sent(Box::new(Sent { request, resend, location, execution, oldest_since: None })));
                batch_run.gathered += 1;
                Ok(())
            }
            Err(error) => {
                // If all commands before it have their replies, this one is lost.
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                batch_run.ended = !matches!(error, ExecuteError::NotAllowed { .. });
                match self.settle(Err(error), &request, None, &location).await {
                    Err(failure) if !batch_run.ended => self.go_on_after(failure).await,
                    settled => settled,
                }
            }
        }
    }

    /// Waits for the oldest command, and shows its outcome.
    async fn tell_oldest(&mut self, flight: &mut Flight) -> Result<(), Failure> {
        match flight.pop() {
            None => Ok(()),
            Some(Entry::Failed(failure)) => self.go_on_after(failure).await,
            Some(Entry::Sent(mut sent)) => match self.wait_for_oldest(&mut sent, None).await? {
                Next::Answer(answer) => self.settle_sent(sent, answer, flight).await,
                Next::TooLate | Next::Line(_) => {
                    let failure = self.timed_out(&sent.request, &sent.location);
                    self.go_on_after(failure).await
                }
            },
        }
    }

    /// Waits for the reply to the oldest command, or for a line. Prints meanwhile.
    async fn wait_for_oldest(&mut self, sent: &mut Sent, lines: Option<&mut Lines>) -> Result<Next, Failure> {
        let deadline =
            self.session.options.timeout.map(|limit| *sent.oldest_since.get_or_insert_with(Instant::now) + limit);
        let line = async {
            match lines {
                Some(lines) => read(lines.next().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = busy_wait(&mut sent.execution) => Ok(Next::Answer(answer)),
            line = line => Ok(Next::Line(line)),
            failed = async { after_others().await; self.printer.print_meanwhile().await } => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(Next::TooLate),
        }
    }

    /// Shows the outcome of a command, and of all others if the connection was lost.
    async fn settle_sent(
        &mut self,
        sent: Box<Sent>,
        answer: Result<Reply, ExecuteError>,
        flight: &mut Flight,
    ) -> Result<(), Failure> {
        match self.settle(answer, &sent.request, sent.resend, &sent.location).await {
            Ok(()) => Ok(()),
            Err(mut failure) if matches!(failure.status, Status::ConnectionLost | Status::NoSession) => {
                failure.message.push_str(&self.others(flight).await?);
                Err(failure)
            }
            Err(failure) => self.go_on_after(failure).await,
        }
    }

    /// What became of the commands after the one whose reply was lost, as lines below its failure. Results of those that have their
    /// replies are printed.
    async fn others(&mut self, flight: &mut Flight) -> Result<String, Failure> {
        let mut told = String::new();
        let (mut unknown, mut not_sent) = (Vec::new(), Vec::new());
        while let Some(entry) = flight.pop() {
            let Entry::Sent(sent) = entry else { continue };
            let shown = || format!("{}{}", sent.location.prefix(), name(&sent.request));
            // This does not wait: the session has ended.
            match sent.execution.await {
                Err(ExecuteError::Interrupted { .. }) => unknown.push(shown()),
                answer @ (Ok(_) | Err(ExecuteError::Server { .. } | ExecuteError::Malformed(_))) => {
                    match self.settle(answer, &sent.request, None, &sent.location).await {
                        Err(failure) if failure.status == Status::CommandFailed => {
                            told.push('\n');
                            told.push_str(&failure.message);
                        }
                        result => result?,
                    }
                }
                Err(_) => not_sent.push(shown()),
            }
        }
        let list = |what: &str, commands: &[String]| {
            let more = commands.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named: Vec<&str> = commands.iter().take(NAMED).map(String::as_str).collect();
            if commands.is_empty() { String::new() } else { format!("\n  {what}: {}{more}", named.join(", ")) }
        };
        Ok(list("unknown too", &unknown) + &list("not sent", &not_sent) + &told)
    }
}
