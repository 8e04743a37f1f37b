//! `--pipeline N`: several commands unanswered at once; what they gave is told in the order of the lines.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::super::eval::{self, Action, Sources};
use super::super::lines::{Line, Lines, Origin};
use super::super::printer::sleep_until_or_never;
use super::super::status::{Failure, Status};
use super::waiting::take_if_there;
use super::{Batch, name};
use crate::client::{Author, ExecuteError, Execution};
use crate::message::{Reply, Request};
use crate::typing::Retry;

/// How many requests QEMU queues; with more, an out-of-band one is not read at once. Source: QMP-FACTS 1, `qmp-spec.rst`.
const OUT_OF_BAND_LIMIT: usize = 8;

/// How many commands are named that were lost.
const NAMED: usize = 5;

/// A line that was read, and not told of yet.
enum Entry {
    Sent(Box<Sent>),
    /// Nothing of it was sent.
    Failed(Failure),
}

struct Sent {
    request: Request,
    retry: Option<Retry>,
    origin: Origin,
    execution: Execution,
    /// Since when it has been the oldest one unanswered: its time limit begins there.
    oldest_since: Option<Instant>,
}

impl Sent {
    /// Nothing may be sent before its reply: it may be sent once more, or be the last.
    fn stands_alone(&self) -> bool {
        self.retry.is_some() || self.request.ends_peer()
    }
}

/// The lines that were read and not told of yet, the oldest first.
#[derive(Default)]
struct Flight {
    entries: VecDeque<Entry>,
    /// How many of them are out-of-band.
    prompt: usize,
}

impl Flight {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, entry: Entry) {
        self.prompt += usize::from(entry.is_prompt());
        self.entries.push_back(entry);
    }

    fn put_back(&mut self, entry: Entry) {
        self.prompt += usize::from(entry.is_prompt());
        self.entries.push_front(entry);
    }

    fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.prompt -= usize::from(entry.is_prompt());
        Some(entry)
    }
}

impl Entry {
    fn is_prompt(&self) -> bool {
        matches!(self, Entry::Sent(sent) if sent.request.out_of_band)
    }
}

/// What came first while the oldest command was waited for.
enum Next {
    Answer(Box<Result<Reply, ExecuteError>>),
    Line(Option<Result<Line, Failure>>),
    TooLate,
}

impl Batch<'_, '_> {
    /// As `run_lines`, with more than one command on its way.
    pub(super) async fn run_pipelined(&mut self, lines: &mut Lines, sources: Sources) -> Result<(), Failure> {
        let mut flight = Flight::default();
        let mut ended = false;
        loop {
            while !ended && self.has_room(&flight) {
                self.include(lines)?;
                let line = match take_if_there(lines).await {
                    Some(line) => line,
                    None if flight.is_empty() => self.next_line(lines).await?,
                    None => break,
                };
                ended = self.take(line, sources, &mut flight).await?;
            }
            let may_read = !ended && self.has_room(&flight);
            match flight.pop() {
                None if ended => return Ok(()),
                // Only `.quit` and blank lines until now.
                None => {}
                Some(Entry::Failed(failure)) => self.go_on_after(failure).await?,
                Some(Entry::Sent(mut sent)) => {
                    match self.wait_for_oldest(&mut sent, may_read.then_some(&mut *lines)).await? {
                        Next::Answer(answer) => self.told(*sent, *answer, &mut flight).await?,
                        Next::TooLate => {
                            let failure = self.timed_out(&sent.request, &sent.origin);
                            self.go_on_after(failure).await?;
                        }
                        Next::Line(line) => {
                            flight.put_back(Entry::Sent(sent));
                            ended = self.take(line, sources, &mut flight).await?;
                        }
                    }
                }
            }
        }
    }

    /// Whether another line may be read: what it asks for is not known yet.
    fn has_room(&self, flight: &Flight) -> bool {
        // What stands alone was sent last, or nothing would have come after it.
        let stands_alone = matches!(flight.entries.back(), Some(Entry::Sent(sent)) if sent.stands_alone());
        flight.entries.len() < self.options.pipeline && !stands_alone
    }

    /// Sends what a line asks for; whether it was the last one.
    async fn take(
        &mut self,
        line: Option<Result<Line, Failure>>,
        sources: Sources,
        flight: &mut Flight,
    ) -> Result<bool, Failure> {
        let Some(line) = line else { return Ok(true) };
        let action = match line {
            Ok(line) => {
                let read = eval::read(line.as_text());
                self.action(&line, read, sources).await.map(|action| (action, line.origin))
            }
            Err(failure) => Err(failure),
        };
        let (request, retry, origin) = match action {
            Ok((Some(Action::Send(request, retry)), origin)) if !self.display.timing => (request, retry, origin),
            Ok((Some(action), origin)) => {
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                if let Err(failure) = self.run_action(action, &origin).await {
                    self.go_on_after(failure).await?;
                }
                return Ok(self.leaves);
            }
            Ok((None, _)) => return Ok(false),
            Err(failure) => {
                flight.push(Entry::Failed(failure));
                return Ok(false);
            }
        };
        // With one that is out of band, no more than the server reads at once; then those before it are told of first.
        if request.out_of_band || flight.prompt > 0 || retry.is_some() || request.ends_peer() {
            let most = if retry.is_some() || request.ends_peer() { 1 } else { OUT_OF_BAND_LIMIT };
            while flight.entries.len() >= most {
                self.tell_oldest(flight).await?;
            }
        }
        if self.has_quit {
            return Err(self.lost(super::Fate::NotSent, &request, &origin).await);
        }
        match self.client.start_as(request.clone(), Author::User).await {
            Ok(execution) => {
                flight.push(Entry::Sent(Box::new(Sent { request, retry, origin, execution, oldest_since: None })));
                Ok(false)
            }
            Err(error) => {
                // Those before it are told of first; if they all have their replies, this one is what is lost.
                while !flight.is_empty() {
                    self.tell_oldest(flight).await?;
                }
                self.settle(Err(error), &request, None, &origin).await.map(|()| true)
            }
        }
    }

    /// Waits for the oldest one and tells what became of it.
    async fn tell_oldest(&mut self, flight: &mut Flight) -> Result<(), Failure> {
        match flight.pop() {
            None => Ok(()),
            Some(Entry::Failed(failure)) => self.go_on_after(failure).await,
            Some(Entry::Sent(mut sent)) => match self.wait_for_oldest(&mut sent, None).await? {
                Next::Answer(answer) => self.told(*sent, *answer, flight).await,
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
                Some(lines) => lines.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = &mut sent.execution => Ok(Next::Answer(Box::new(answer))),
            line = line => Ok(Next::Line(line)),
            failed = self.printer.print_meanwhile() => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(Next::TooLate),
        }
    }

    /// Tells how one ended; if the connection is lost, what is known of the others too.
    async fn told(
        &mut self,
        sent: Sent,
        answer: Result<Reply, ExecuteError>,
        flight: &mut Flight,
    ) -> Result<(), Failure> {
        match self.settle(answer, &sent.request, sent.retry, &sent.origin).await {
            Ok(()) => Ok(()),
            Err(mut failure) if matches!(failure.status, Status::ConnectionLost | Status::NoSession) => {
                failure.message.push_str(&others(flight).await);
                Err(failure)
            }
            Err(failure) => self.go_on_after(failure).await,
        }
    }
}

/// What became of the commands after the one whose reply was lost, as lines to put under its failure.
async fn others(flight: &mut Flight) -> String {
    let (mut unknown, mut not_sent) = (Vec::new(), Vec::new());
    while let Some(entry) = flight.pop() {
        let Entry::Sent(sent) = entry else { continue };
        let shown = format!("{}{}", sent.origin.prefix(), name(&sent.request));
        // The session has ended, so this does not wait.
        match sent.execution.await {
            Err(ExecuteError::NotSent { .. } | ExecuteError::State(_) | ExecuteError::NoDescriptors { .. }) => {
                not_sent.push(shown);
            }
            Err(ExecuteError::Interrupted { .. }) => unknown.push(shown),
            Ok(_) | Err(ExecuteError::Server { .. } | ExecuteError::Malformed(_)) => {
                unknown.push(format!("{shown} (answered out of turn)"));
            }
        }
    }
    let list = |what: &str, commands: &[String]| {
        let more = commands.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<&str> = commands.iter().take(NAMED).map(String::as_str).collect();
        if commands.is_empty() { String::new() } else { format!("\n  {what}: {}{more}", named.join(", ")) }
    };
    list("unknown too", &unknown) + &list("not sent", &not_sent)
}
