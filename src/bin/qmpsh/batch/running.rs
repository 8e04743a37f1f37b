//! Runs lines: one command after the other, or with `--pipeline N` several unanswered at once; what they gave is told in the
//! order of the lines.

use std::sync::Arc;

use tokio::time::Instant;

use super::flight::{Entry, Flight, Sent, stands_alone};
use super::linger::linger;
use super::waiting::{Found, Ready, after_others, read, read_ahead, take_if_there};
use super::{Batch, Fate, name};
use crate::input::lines::Lines;
use crate::output::printer::sleep_until_or_never;
use crate::session::eval::{Action, Read, Sources};
use crate::status::{Failure, Status};
use qmpsh::client::ExecuteError;
use qmpsh::message::Reply;

/// How many requests QEMU queues; with more, an out-of-band one is not read at once. Source: QMP-FACTS 1, `qmp-spec.rst`.
const OUT_OF_BAND_LIMIT: usize = 8;

/// In how many parts those that may be unanswered at once are sent, at least: while the peer works on one, another is made.
const PARTS: usize = 4;

/// How many commands are named that were lost.
const NAMED: usize = 5;

/// How far lines have been run.
struct Course<'a> {
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

impl Batch<'_, '_> {
    /// Runs lines until they end, or one of them ends the batch.
    pub(super) async fn run_lines(&mut self, lines: &mut Lines, sources: Sources) -> Result<(), Failure> {
        let mut course =
            Course { lines, sources, flight: Flight::default(), gathered: 0, ahead: None, ended: self.leaves };
        loop {
            while self.has_room(&course) {
                self.include(course.lines)?;
                let found = match course.ahead.take() {
                    Some(found) => found,
                    None => match take_if_there(course.lines).await {
                        Some(found) => found,
                        None if course.flight.is_empty() => read(self.next_line(course.lines).await?),
                        None => break,
                    },
                };
                self.take(found, &mut course).await?;
                if course.gathered > self.options.pipeline / PARTS {
                    after_others().await;
                    course.gathered = 0;
                }
            }
            let may_join = self.has_room(&course);
            match course.flight.pop() {
                None if course.ended => return Ok(()),
                // Only blank lines until now.
                None => {}
                Some(Entry::Failed(failure)) => self.go_on_after(failure).await?,
                Some(Entry::Sent(sent)) => self.go_on_with(sent, may_join, &mut course).await?,
            }
        }
    }

    /// Waits for the oldest command, or for a line if one may join it.
    async fn go_on_with(
        &mut self,
        mut sent: Box<Sent>,
        may_join: bool,
        course: &mut Course<'_>,
    ) -> Result<(), Failure> {
        let next = if may_join {
            self.wait_for_oldest(&mut sent, Some(&mut *course.lines)).await?
        } else if course.ended || course.ahead.is_some() || !course.flight.is_empty() {
            self.wait_for_oldest(&mut sent, None).await?
        } else {
            let next;
            (next, course.ahead) = tokio::join!(self.wait_for_oldest(&mut sent, None), read_ahead(course.lines));
            next?
        };
        match next {
            Next::Answer(answer) => {
                let sooner = self.send_sooner(&sent, &answer, course).await;
                self.told(sent, *answer, &mut course.flight).await?;
                sooner
            }
            Next::TooLate => {
                let failure = self.timed_out(&sent.request, &sent.origin);
                self.go_on_after(failure).await
            }
            Next::Line(found) => {
                course.flight.put_back(Entry::Sent(sent));
                self.take(found, course).await
            }
        }
    }

    /// Whether another line may be read: what it asks for is not known yet.
    fn has_room(&self, course: &Course<'_>) -> bool {
        !course.ended && course.flight.len() < self.options.pipeline && !course.flight.ends_alone()
    }

    /// If what is told of this answer can neither end the batch nor change what the next line means, and that has been read and is
    /// no more than a command, sends it before the answer is told, so that the peer need not wait for that.
    async fn send_sooner(
        &mut self,
        sent: &Sent,
        answer: &Result<Reply, ExecuteError>,
        course: &mut Course<'_>,
    ) -> Result<(), Failure> {
        let is_harmless = answer.is_ok() && sent.request.hmp_line.is_none() && !sent.request.ends_peer();
        if !is_harmless || !course.flight.is_empty() || self.printer.is_piped() || self.display.timing {
            return Ok(());
        }
        let is_command =
            |found: &mut Found| matches!(found, Some(Ok(Ready { read: Ok(Some(Read::Action(Action::Send(..)))), .. })));
        let Some(next) = course.ahead.take_if(is_command) else { return Ok(()) };
        self.take(next, course).await?;
        after_others().await;
        Ok(())
    }

    /// Sends what a line asks for.
    async fn take(&mut self, found: Found, course: &mut Course<'_>) -> Result<(), Failure> {
        let Some(found) = found else {
            course.ended = true;
            return Ok(());
        };
        let flight = &mut course.flight;
        let action = match found {
            Ok(Ready { line, read }) => {
                self.action(&line, read, course.sources).await.map(|action| (action, line.origin))
            }
            Err(failure) => Err(failure),
        };
        let (request, resend, origin) = match action {
            Ok((Some(Action::Send(request, resend)), origin)) if !self.display.timing => (request, resend, origin),
            Ok((Some(action), origin)) => {
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                if let Err(failure) = self.run_action(action, &origin).await {
                    self.go_on_after(failure).await?;
                }
                course.ended = self.leaves;
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
        if self.has_quit {
            return Err(self.lost(Fate::NotSent, &request, &origin).await);
        }
        self.warn(&request, &origin);
        let request = Arc::new(request);
        match self.client.start(Arc::clone(&request)).await {
            Ok(execution) => {
                flight.push(Entry::Sent(Box::new(Sent { request, resend, origin, execution, oldest_since: None })));
                course.gathered += 1;
                Ok(())
            }
            Err(error) => {
                // Those before it are told of first; if they all have their replies, this one is what is lost.
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                course.ended = true;
                self.settle(Err(error), &request, None, &origin).await
            }
        }
    }

    /// Waits for the oldest one and tells what became of it.
    async fn tell_oldest(&mut self, flight: &mut Flight) -> Result<(), Failure> {
        match flight.pop() {
            None => Ok(()),
            Some(Entry::Failed(failure)) => self.go_on_after(failure).await,
            Some(Entry::Sent(mut sent)) => match self.wait_for_oldest(&mut sent, None).await? {
                Next::Answer(answer) => self.told(sent, *answer, flight).await,
                Next::TooLate | Next::Line(_) => {
                    let failure = self.timed_out(&sent.request, &sent.origin);
                    self.go_on_after(failure).await
                }
            },
        }
    }

    /// Waits for the answer to the oldest command, or for a line, printing meanwhile.
    async fn wait_for_oldest(&mut self, sent: &mut Sent, lines: Option<&mut Lines>) -> Result<Next, Failure> {
        let deadline = self.options.timeout.map(|limit| *sent.oldest_since.get_or_insert_with(Instant::now) + limit);
        let line = async {
            match lines {
                Some(lines) => read(lines.next().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = linger(&mut sent.execution) => Ok(Next::Answer(Box::new(answer))),
            line = line => Ok(Next::Line(line)),
            failed = async { after_others().await; self.printer.print_meanwhile().await } => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(Next::TooLate),
        }
    }

    /// Tells how one ended; if the connection is lost, what is known of the others too.
    async fn told(
        &mut self,
        sent: Box<Sent>,
        answer: Result<Reply, ExecuteError>,
        flight: &mut Flight,
    ) -> Result<(), Failure> {
        match self.settle(answer, &sent.request, sent.resend, &sent.origin).await {
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
            let shown = || format!("{}{}", sent.origin.prefix(), name(&sent.request));
            // The session has ended, so this does not wait.
            match sent.execution.await {
                Err(ExecuteError::NotSent { .. } | ExecuteError::State(_) | ExecuteError::NoDescriptors { .. }) => {
                    not_sent.push(shown());
                }
                Err(ExecuteError::Interrupted { .. }) => unknown.push(shown()),
                answer @ (Ok(_) | Err(ExecuteError::Server { .. } | ExecuteError::Malformed(_))) => {
                    match self.settle(answer, &sent.request, None, &sent.origin).await {
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
