//! Runs lines: one command after the other, or with `--pipeline N` several unanswered at once; what they gave is told in the
//! order of the lines.

use std::sync::Arc;

use tokio::time::Instant;

use super::Batch;
use super::busy_wait::busy_wait;
use super::flight::{Entry, Flight, Sent, stands_alone};
use super::waiting::{Found, Ready, after_others, read, read_ahead, take_if_there};
use crate::eval::{Read, Sources};
use crate::input::lines::Lines;
use crate::output::printer::sleep_until_or_never;
use crate::session::Action;
use crate::session::outcome::{Lost, name};
use crate::status::{Failure, Status};
use qmpsh::client::ExecuteError;
use qmpsh::message::Reply;

/// How many requests QEMU queues; with more, an out-of-band one is not read at once. Source: docs/qmp.md, "Wire".
const OUT_OF_BAND_LIMIT: usize = 8;

/// In how many parts those that may be unanswered at once are sent, at least: while the peer works on one, another is made.
const PARTS: usize = 4;

/// How many commands are named that were lost.
const NAMED: usize = 5;

/// How far lines have been run.
struct BatchRun<'a> {
    lines: &'a mut Lines,
    /// Where values may come from.
    sources: Sources,
    flight: Flight,
    /// How many commands have been queued without letting the connection send them.
    gathered: usize,
    /// The next line, read while a command was awaited that it could not join.
    ahead: Option<Found>,
    /// There is no line to come.
    ended: bool,
}

/// What came first while the oldest command was waited for.
enum Next {
    Answer(Box<Result<Reply, ExecuteError>>),
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
                // Only blank lines until now.
                None => {}
                Some(Entry::Failed(failure)) => self.go_on_after(failure).await?,
                Some(Entry::Sent(sent)) => self.go_on_with(sent, may_join, &mut batch_run).await?,
            }
        }
    }

    /// Waits for the oldest command, or for a line if one may join it.
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
                self.settle_sent(sent, *answer, &mut batch_run.flight).await?;
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

    /// Whether another line may be read: what it asks for is not known yet.
    fn has_room(&self, batch_run: &BatchRun<'_>) -> bool {
        !batch_run.ended && batch_run.flight.len() < self.session.options.pipeline && !batch_run.flight.ends_alone()
    }

    /// If what is told of this answer can neither end the batch nor change what the next line means, and that has been read and is
    /// no more than a command, sends it before the answer is told, so that the peer need not wait for that.
    async fn send_sooner(
        &mut self,
        sent: &Sent,
        answer: &Result<Reply, ExecuteError>,
        batch_run: &mut BatchRun<'_>,
    ) -> Result<(), Failure> {
        let is_harmless = answer.is_ok() && sent.request.hmp_line.is_none() && !sent.request.ends_peer();
        if !is_harmless || !batch_run.flight.is_empty() || self.session.is_piped || self.session.timing.is_on {
            return Ok(());
        }
        let is_command =
            |found: &mut Found| matches!(found, Some(Ok(Ready { read: Ok(Some(Read::Action(Action::Send(..)))), .. })));
        let Some(next) = batch_run.ahead.take_if(is_command) else { return Ok(()) };
        self.take(next, batch_run).await?;
        after_others().await;
        Ok(())
    }

    /// Sends what a line asks for.
    async fn take(&mut self, found: Found, batch_run: &mut BatchRun<'_>) -> Result<(), Failure> {
        let Some(found) = found else {
            batch_run.ended = true;
            return Ok(());
        };
        let flight = &mut batch_run.flight;
        let action = match found {
            Ok(Ready { line, read }) => {
                self.action(&line, read, batch_run.sources).await.map(|action| (action, line.location))
            }
            Err(failure) => Err(failure),
        };
        let (request, resend, location) = match action {
            Ok((Some(Action::Send(request, resend)), location)) if !self.session.timing.is_on => {
                (request, resend, location)
            }
            Ok((Some(action), location)) => {
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                if let Err(failure) = self.run_action(action, &location).await {
                    self.go_on_after(failure).await?;
                }
                batch_run.ended = self.leaves;
                return Ok(());
            }
            Ok((None, _)) => return Ok(()),
            Err(failure) => {
                flight.push(Entry::Failed(failure));
                return Ok(());
            }
        };
        // With one that is out of band, no more than the server reads at once; then those before it are told of first.
        let alone = stands_alone(&request, resend.as_deref());
        if request.out_of_band || flight.prompt() > 0 || alone {
            let most = if alone { 1 } else { OUT_OF_BAND_LIMIT };
            while flight.len() >= most {
                self.tell_oldest(flight).await?;
            }
        }
        if self.session.is_quitting() {
            return Err(self.lost(Lost::NotSent, &request, &location).await);
        }
        self.warn(&request, &location);
        let request = Arc::new(request);
        match self.session.client.start(Arc::clone(&request)).await {
            Ok(execution) => {
                flight.push(Entry::Sent(Box::new(Sent { request, resend, location, execution, oldest_since: None })));
                batch_run.gathered += 1;
                Ok(())
            }
            Err(error) => {
                // Those before it are told of first; if they all have their replies, this one is what is lost.
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                batch_run.ended = true;
                self.settle(Err(error), &request, None, &location).await
            }
        }
    }

    /// Waits for the oldest one and tells what became of it.
    async fn tell_oldest(&mut self, flight: &mut Flight) -> Result<(), Failure> {
        match flight.pop() {
            None => Ok(()),
            Some(Entry::Failed(failure)) => self.go_on_after(failure).await,
            Some(Entry::Sent(mut sent)) => match self.wait_for_oldest(&mut sent, None).await? {
                Next::Answer(answer) => self.settle_sent(sent, *answer, flight).await,
                Next::TooLate | Next::Line(_) => {
                    let failure = self.timed_out(&sent.request, &sent.location);
                    self.go_on_after(failure).await
                }
            },
        }
    }

    /// Waits for the answer to the oldest command, or for a line, printing meanwhile.
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
            answer = busy_wait(&mut sent.execution) => Ok(Next::Answer(Box::new(answer))),
            line = line => Ok(Next::Line(line)),
            failed = async { after_others().await; self.printer.print_meanwhile().await } => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(Next::TooLate),
        }
    }

    /// Tells how one ended; if the connection is lost, what is known of the others too.
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

    /// What became of the commands after the one whose reply was lost, as lines to put under its failure. The results of those that were
    /// answered before it are printed.
    async fn others(&mut self, flight: &mut Flight) -> Result<String, Failure> {
        let mut told = String::new();
        let (mut unknown, mut not_sent) = (Vec::new(), Vec::new());
        while let Some(entry) = flight.pop() {
            let Entry::Sent(sent) = entry else { continue };
            let shown = || format!("{}{}", sent.location.prefix(), name(&sent.request));
            // The session has ended, so this does not wait.
            match sent.execution.await {
                Err(ExecuteError::NotSent { .. } | ExecuteError::State(_) | ExecuteError::NoDescriptors { .. }) => {
                    not_sent.push(shown());
                }
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
