//! `.follow`: events as they come.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::words::{Refusal, Words, count, seconds};
use super::{EventFilter, Host};
use crate::status::Status;
use qmpsh::events::{Delivery, EventStream};
use qmpsh::message::Event;

/// Bytes of events that may wait to be printed before reading waits for them.
const ROOM: usize = 1 << 20;

/// `.follow [count=N] [timeout=S] [EVENT...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follow {
    names: EventFilter,
    /// For ever without a number.
    count: Option<u64>,
    timeout: Option<Duration>,
}

impl Follow {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [given, timeout] = words.options(["count", "timeout"])?;
        let count = given.map(count).transpose()?;
        let timeout = timeout.map(seconds).transpose()?;
        Ok(Self { names: EventFilter::read_names(words)?, count, timeout })
    }

    pub(super) async fn run<H: Host>(self, host: &mut H) -> Result<(), H::Stop> {
        let limit = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        if !host.connection().is_there {
            let message = "cannot receive events: not connected".to_owned();
            return Err(host.fail(Status::ConnectionLost, message));
        }
        host.runs_until_interrupted();
        // It may end before the first event comes, or show that it waits.
        host.begin_pipeline().await?;
        // Nothing is shown twice: what is shown among the results comes the same way meanwhile, so that it stays in order, and what
        // a pipeline gets is not shown beside it.
        let is_piped = host.is_piped();
        let shown = host.shows_among_results().then(|| host.event_filter().clone());
        let beside = shown.clone().filter(|_| !is_piped).unwrap_or_else(|| EventFilter::all(false));
        let (wanted, alone) = (self.names.clone(), shown.clone().map(|shown| shown.without(&self.names)));
        let wanted = move |event: &Event| wanted.lets_through(event) || beside.lets_through(event);
        let mut events = host.client().events(Delivery::Lossless { room: ROOM }, wanted);
        if let Some(alone) = alone {
            host.set_event_filter(if is_piped { alone } else { EventFilter::all(false) });
        }
        let mut rest = VecDeque::new();
        let done = self.print(host, &mut events, &mut rest, limit).await;
        rest.append(&mut events.try_batch().events);
        if done.is_ok() {
            // What came after the last one is shown as if this had not been.
            rest.retain(|event| shown.as_ref().is_some_and(|shown| shown.lets_through(event)));
        }
        if let Some(shown) = shown {
            host.set_event_filter(shown);
        }
        if is_piped && done.is_ok() {
            host.show_beside(rest);
            return done;
        }
        done.and(host.print_events(rest, limit).await.map(drop))
    }

    /// `rest` gets the events that came with the last one.
    async fn print<H: Host>(
        &self,
        host: &mut H,
        events: &mut EventStream,
        rest: &mut VecDeque<Event>,
        limit: Option<Instant>,
    ) -> Result<(), H::Stop> {
        let mut left = self.count;
        while left != Some(0) {
            let next = async {
                // Events without end must not keep Ctrl-C and the time limit from being seen.
                yield_now().await;
                events.batch().await
            };
            let next = host.attend(next, limit, "the next event").await?;
            let is_over = next.is_none();
            let mut batch = next.unwrap_or_else(|| events.try_batch()).events;
            if let Some(left) = &mut left
                && let Some(behind) = self.count_down(&batch, left)
            {
                *rest = batch.split_off(behind);
            }
            if !host.print_events(batch, limit).await? && !is_over {
                let message = format!("cannot write the events within {}", self.seconds());
                return Err(host.fail(Status::TimedOut, message));
            }
            if is_over && left != Some(0) {
                return self.end(host, left);
            }
        }
        Ok(())
    }

    /// Counts the events that were asked for; if `left` comes to 0, gives the place behind the last one.
    fn count_down(&self, batch: &VecDeque<Event>, left: &mut u64) -> Option<usize> {
        for (at, event) in batch.iter().enumerate() {
            if self.names.lets_through(event) {
                *left -= 1;
                if *left == 0 {
                    return Some(at + 1);
                }
            }
        }
        None
    }

    /// The time is over, and `left` events of those to be counted have not come.
    fn end<H: Host>(&self, host: &mut H, left: Option<u64>) -> Result<(), H::Stop> {
        let (Some(count), Some(left)) = (self.count, left) else { return Ok(()) };
        let message = format!("only {} of {count} events came within {}", count - left, self.seconds());
        Err(host.fail(Status::TimedOut, message))
    }

    fn seconds(&self) -> String {
        format!("{} s", self.timeout.unwrap_or_default().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Builtin, read};
    use super::*;
    use crate::session::eval::Action;
    use qmpsh::language::syntax::{Statement, parse};

    fn follow(words: &str) -> Result<Follow, String> {
        let Statement::Dot(dot) = parse(&format!(".follow {words}")).unwrap().unwrap().statement else { panic!() };
        match read(&dot, None) {
            Ok(Action::Builtin(Builtin::Follow(follow))) => Ok(follow),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.message),
        }
    }

    #[test]
    fn words() {
        let check = |words: &str, count, timeout: Option<f64>, names: &str| {
            let follow = follow(words).unwrap();
            let timeout = timeout.map(Duration::from_secs_f64);
            assert_eq!((follow.count, follow.timeout, &*follow.names.to_string()), (count, timeout, names), "{words}");
        };
        check("", None, None, "all events are shown");
        check("count=2 timeout=0.5", Some(2), Some(0.5), "all events are shown");
        check("timeout=1 JOB_* -JOB_X", None, Some(1.0), "events are shown: JOB_*, but not JOB_X");
        // No name is special here.
        check("off", None, None, "events are shown: off");
    }

    #[test]
    fn what_is_wrong() {
        let check = |words: &str, expected: &str| assert_eq!(follow(words).unwrap_err(), expected, "{words}");
        check("count=0", "not a count of 1 or more");
        check("timeout=-1", "not a time in seconds");
        check(
            "STOP count=1",
            "count= must come before the other arguments (usage: .follow [count=N] [timeout=S] [EVENT...])",
        );
        check("limit=1", "`limit=1` is not an event name");
    }
}
