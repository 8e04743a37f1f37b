//! `.follow`: prints events as they come.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::yield_now;

use super::arguments::{Refusal, Words, count, seconds};
use super::events::read_names;
use super::wait::NO_EVENTS;
use crate::session::ask::TimeLimit;
use crate::session::outcome;
use crate::session::{Builtin, EventFilter, Frontend, attend, event_names};
use crate::signals::or_never;
use crate::status::{Status, Stop};
use qmpsh::events::{Delivery, EventStream};
use qmpsh::message::Event;

/// Bytes of events that may wait to be printed before reading stops.
const ROOM: usize = 1 << 20;

/// `.follow [count=N] [timeout=S] [EVENT...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Follow {
    names: EventFilter,
    /// How many events; `None` for no end.
    count: Option<u64>,
    timeout: Option<Duration>,
}

impl Follow {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let [given, timeout] = words.options(["count", "timeout"])?;
        let count = given.map(count).transpose()?;
        let timeout = timeout.map(seconds).transpose()?;
        Ok(Self { names: read_names(words)?, count, timeout })
    }

    /// Prints events up to the last one. `rest` gets the events after it.
    async fn print(
        &self,
        frontend: &mut dyn Frontend,
        events: &mut EventStream,
        rest: &mut VecDeque<Event>,
        limit: TimeLimit,
    ) -> Result<(), Stop> {
        let mut left = self.count;
        let names = self.names.names();
        // The events must not wait for the peer's answer.
        let mut check = (!names.is_empty()).then(|| Box::pin(event_names::warnings(frontend.session(), names)));
        while left != Some(0) {
            let mut warnings = None;
            let next = async {
                // A constant stream of events must not hide Ctrl-C and the time limit.
                yield_now().await;
                tokio::select! {
                    biased;
                    found = or_never(check.as_mut()) => {
                        warnings = Some(found);
                        events.try_batch()
                    }
                    batch = events.batch() => batch,
                }
            };
            let next = attend(frontend, next, limit.end, "the next event").await?;
            if let Some(warnings) = warnings {
                check = None;
                for warning in warnings {
                    frontend.notifier().say(&warning);
                }
            }
            let is_over = next.is_none();
            let mut batch = next.unwrap_or_else(|| events.try_batch()).events;
            if let Some(left) = &mut left
                && let Some(behind) = self.count_down(&batch, left)
            {
                *rest = batch.split_off(behind);
            }
            if !frontend.print_events(batch, &self.names, limit.end).await? && !is_over {
                let message = format!("cannot write the events within {limit}");
                return Err(Stop::new(Status::TimedOut, message));
            }
            if is_over && left != Some(0) {
                return self.end(left, limit);
            }
        }
        Ok(())
    }

    /// Counts the wanted events. When `left` reaches 0, returns the index after the last one.
    fn count_down(&self, batch: &VecDeque<Event>, left: &mut u64) -> Option<usize> {
        for (at, event) in batch.iter().enumerate() {
            if self.names.accepts(event) {
                *left -= 1;
                if *left == 0 {
                    return Some(at + 1);
                }
            }
        }
        None
    }

    /// Returns the outcome at the time limit: a failure if fewer events came than `count=` asks for.
    fn end(&self, left: Option<u64>, limit: TimeLimit) -> Result<(), Stop> {
        let (Some(count), Some(left)) = (self.count, left) else { return Ok(()) };
        let message = outcome::too_late(&format!("only {} of {count} events came within {limit}", count - left));
        Err(Stop::new(Status::TimedOut, message))
    }
}

#[async_trait(?Send)]
impl Builtin for Follow {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let session = frontend.session();
        if session.client.is_guest_agent() {
            return Err(Stop::failed(NO_EVENTS));
        }
        if !session.is_connected() {
            return Err(Stop::new(Status::ConnectionLost, "cannot receive events: not connected"));
        }
        let limit = TimeLimit::new(self.timeout);
        // The pipeline may end before the first event, or show that it is waiting.
        frontend.begin_stream(true).await?;
        let session = frontend.session();
        let is_piped = session.is_piped;
        // No event is printed twice. Events that are shown among the results come through this stream meanwhile, which keeps
        // their order. Events that a pipeline gets are not shown on the terminal.
        let shown = (!session.events_to_stderr).then(|| session.event_filter.clone());
        let beside = shown.clone().filter(|_| !is_piped).unwrap_or_else(|| EventFilter::all(false));
        let (wanted, others) = (self.names.clone(), shown.clone().map(|shown| shown.without(&self.names)));
        let wanted = move |event: &Event| wanted.accepts(event) || beside.accepts(event);
        let mut events = session.client.events_with(Delivery::Lossless { room: ROOM }, wanted);
        if let Some(others) = others {
            frontend.set_event_filter(if is_piped { others } else { EventFilter::all(false) });
        }
        let mut rest = VecDeque::new();
        let done = self.print(frontend, &mut events, &mut rest, limit).await;
        rest.append(&mut events.try_batch().events);
        if done.is_ok() {
            // Later events are shown as if `.follow` had not run.
            rest.retain(|event| shown.as_ref().is_some_and(|shown| shown.accepts(event)));
        }
        if let Some(shown) = shown {
            frontend.set_event_filter(shown);
        }
        if is_piped && done.is_ok() {
            frontend.show_events(rest);
            return done;
        }
        done.and(frontend.print_events(rest, &self.names, limit.end).await.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::read_line;
    use super::*;

    fn follow(words: &str) -> Result<Follow, String> {
        read_line(&format!(".follow {words}"), Follow::read)
    }

    #[test]
    fn options_and_names_are_read() {
        let check = |words: &str, count, timeout: Option<f64>, names: &str| {
            let follow = follow(words).unwrap();
            let timeout = timeout.map(Duration::from_secs_f64);
            assert_eq!((follow.count, follow.timeout, &*follow.names.to_string()), (count, timeout, names), "{words}");
        };
        check("", None, None, "all events are shown");
        check("count=2 timeout=0.5", Some(2), Some(0.5), "all events are shown");
        check("JOB_* count=2 -JOB_X timeout=1", Some(2), Some(1.0), "events are shown: JOB_*, but not JOB_X");
        check("timeout=1 JOB_* -JOB_X", None, Some(1.0), "events are shown: JOB_*, but not JOB_X");
        // No name is special here.
        check("off", None, None, "events are shown: off");
    }

    #[test]
    fn a_bad_argument_is_refused() {
        let check = |words: &str, expected: &str| assert_eq!(follow(words).unwrap_err(), expected, "{words}");
        check("count=0", "not a count of 1 or more");
        check("timeout=-1", "not a time in seconds");
        check("limit=1", "`limit=1` is not an event name");
    }
}
