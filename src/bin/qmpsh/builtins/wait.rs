//! `.wait`: waits for an event.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;

use super::arguments::{Refusal, Words, seconds};
use crate::session::ask::TimeLimit;
use crate::session::event_filter::names;
use crate::session::{Builtin, Frontend, attend, event_names, outcome};
use crate::signals::or_never;
use crate::status::{Status, Stop};
use qmpsh::client::Client;
use qmpsh::events::{Awaited, Condition, EventWait, HistoryBounds, Step, Verdict};
use qmpsh::language::syntax::DotWord;
use qmpsh::message::Event;
use qmpsh::pattern::Pattern;
use qmpsh::text;

/// Why `.wait` and `.follow` fail with a guest agent.
pub(super) const NO_EVENTS: &str = "a guest agent sends no events";

/// The name that `.wait` gives the end of the connection. QEMU's events have upper-case names.
const CLOSED: &str = "closed";

/// `.wait [timeout=S] [fail=EVENT[|EVENT...]] EVENT[|EVENT...] [PATH=VALUE...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    awaited: Awaited,
    /// The end of the connection ends the wait: as a success, or as a failure.
    closed: Option<Verdict>,
    timeout: Option<Duration>,
    /// The event and its conditions as written, safe for a terminal.
    what: String,
}

impl Wait {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        // No event of QEMU has a value with the name of an option. Quotes would allow one.
        let [timeout, fail] = words.options(["timeout", "fail"])?;
        let timeout = timeout.map(seconds).transpose()?;
        let (mut closed, mut fails_closed) = (false, false);
        let mut fail = match fail {
            Some((text, span)) => names(&text).map_err(|message| Refusal::new(span, message))?,
            None => Vec::new(),
        };
        let (text, span) = words.required("the name of an event")?;
        if let Some((name, _)) = text.split_once('=') {
            let message = format!(
                "`{}` is not an option of .wait, which has timeout= and fail= (PATH=VALUE goes after the event)",
                text::line(name)
            );
            return Err(Refusal::new(span, message));
        }
        let mut names = names(&text).map_err(|message| Refusal::new(span, message))?;
        for (patterns, closed) in [(&mut names, &mut closed), (&mut fail, &mut fails_closed)] {
            let before = patterns.len();
            patterns.retain(|name| name.is_glob() || name.to_string() != CLOSED);
            *closed = patterns.len() < before;
        }
        let mut what = text::line(&text).into_owned();
        let mut conditions = Vec::new();
        while let Some(word) = words.next_raw() {
            if names.is_empty() {
                let message = format!("`{CLOSED}` is the end of the connection, which has no data");
                return Err(Refusal::new(word.span, message));
            }
            conditions.push(condition(word)?);
            // Writing to memory cannot fail.
            let _ = write!(what, " {}", text::line(&word.raw));
        }
        let closed = match (closed, fails_closed) {
            (true, _) => Some(Verdict::Came),
            (false, true) => Some(Verdict::Failed),
            (false, false) => None,
        };
        Ok(Self { awaited: Awaited { names, fail, conditions }, closed, timeout, what })
    }
}

#[async_trait(?Send)]
impl Builtin for Wait {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let session = frontend.session();
        let is_connected = session.is_connected();
        let client = session.client.clone();
        let Awaited { names, fail, .. } = &self.awaited;
        let events = if names.is_empty() && fail.is_empty() { None } else { Some(self.events(&client)?) };
        // Without a connection only earlier events count.
        let waits = is_connected || self.closed.is_some();
        let limit = TimeLimit::new(if waits { self.timeout.or(session.options.timeout) } else { Some(Duration::ZERO) });
        let check =
            (is_connected && events.is_some()).then(|| event_names::warnings(session, [&**names, &**fail].concat()));
        let closed = self.closed.map(|_| outcome::ended(&client));
        let mut end = pin!(async {
            tokio::select! {
                biased;
                event = or_never(events) => Some(event),
                () = or_never(closed) => None,
            }
        });
        let what = format!("`{}`", self.what);
        let mut warnings = Vec::new();
        let checked = async {
            tokio::select! {
                biased;
                end = &mut end => Some(end),
                found = or_never(check) => {
                    warnings = found;
                    None
                }
            }
        };
        let mut ended = attend(frontend, checked, limit.end, &what).await?;
        if let Some(None) = ended {
            for warning in warnings {
                frontend.notifier().say(&warning);
            }
            ended = attend(frontend, end, limit.end, &what).await?.map(Some);
        }
        match ended.flatten() {
            Some(Some(event)) => self.came(frontend, &event).await,
            Some(None) => {
                frontend.session().ended();
                match self.closed {
                    Some(Verdict::Failed) => {
                        Err(Stop::failed(format!("the connection ended while waiting for {what}")))
                    }
                    _ => Ok(()),
                }
            }
            None if waits => Err(Stop::new(Status::TimedOut, outcome::too_late(&format!("no {what} within {limit}")))),
            None => Err(Stop::new(Status::ConnectionLost, format!("{what} cannot come: not connected"))),
        }
    }
}

impl Wait {
    /// Begins to wait for the events.
    fn events(&self, client: &Client) -> Result<EventWait, Stop> {
        if client.is_guest_agent() {
            return Err(Stop::failed(NO_EVENTS));
        }
        let judge = self.awaited.clone();
        client.wait(move |event| judge.judge(event).is_some()).map_err(|_| {
            let HistoryBounds { bytes, events } = HistoryBounds::default();
            Stop::failed(format!(
                "cannot tell whether `{}` has come: since the last .wait more events have come than qmpsh keeps ({events}, \
                 or {} MiB); the next command starts anew",
                self.what,
                bytes >> 20
            ))
        })
    }

    /// Prints the event that ended the wait, and fails if it is one of `fail=`.
    async fn came(&self, frontend: &mut dyn Frontend, event: &Event) -> Result<(), Stop> {
        frontend.print_event(event).await?;
        match self.awaited.judge(event) {
            Some(Verdict::Failed) => {
                let name = event.name();
                let message = format!("{} came while waiting for `{}`", text::line(&name), self.what);
                Err(Stop::failed(message))
            }
            Some(Verdict::Came) | None => Ok(()),
        }
    }
}

/// Reads `PATH=VALUE`.
fn condition(word: &DotWord) -> Result<Condition, Refusal> {
    if !word.raw.contains('=') {
        let message = "not PATH=VALUE (to wait for one of several events, write EVENT|EVENT)";
        return Err(Refusal::new(word.span, message));
    }
    let comparison = word.comparison()?;
    let value = if comparison.is_literal {
        Pattern::literal(&comparison.value)
    } else {
        Pattern::new(&comparison.value)
            .map_err(|error| Refusal::new(comparison.value_span, text::line(&error.to_string())))?
    };
    let steps = comparison.path.parts.into_iter().map(|part| Step { text: part.text, is_name: part.quoted });
    Ok(Condition { path: steps.collect(), value })
}

#[cfg(test)]
mod tests {
    use super::super::arguments::{read_line, read_parsed};
    use super::*;
    use qmpsh::language::syntax::parse_words;

    fn wait(words: &str) -> Result<Wait, String> {
        read_line(&format!(".wait {words}"), Wait::read)
    }

    fn shown(wait: Wait) -> String {
        let list = |patterns: &[Pattern]| {
            let shown: Vec<_> = patterns.iter().map(|p| format!("{p}{}", if p.is_glob() { "~" } else { "" })).collect();
            shown.join("|")
        };
        let mut shown = list(&wait.awaited.names);
        for Condition { path, value } in &wait.awaited.conditions {
            let steps: Vec<_> = path
                .iter()
                .map(|step| if step.is_name { format!("<{}>", step.text) } else { step.text.clone() })
                .collect();
            let _ = write!(shown, " {}={value}{}", steps.join("/"), if value.is_glob() { "~" } else { "" });
        }
        if !wait.awaited.fail.is_empty() {
            let _ = write!(shown, " !{}", list(&wait.awaited.fail));
        }
        match wait.closed {
            Some(Verdict::Came) => shown.push_str(" closed"),
            Some(Verdict::Failed) => shown.push_str(" !closed"),
            None => {}
        }
        if let Some(timeout) = wait.timeout {
            let _ = write!(shown, " {}s", timeout.as_secs_f64());
        }
        shown
    }

    #[test]
    fn options_names_and_conditions_are_read() {
        let check = |words: &str, expected: &str| assert_eq!(shown(wait(words).unwrap()), expected, "{words}");
        check("STOP", "STOP");
        check("STOP|RESUME", "STOP|RESUME");
        check("timeout=5 STOP", "STOP 5s");
        check("fail=SHUTDOWN|GUEST_* timeout=0.5 STOP", "STOP !SHUTDOWN|GUEST_*~ 0.5s");
        check("timeout=0 STOP", "STOP 0s");
        check("STOP timeout=3", "STOP 3s");
        check("STOP a=1 fail=B b=2 timeout=3", "STOP a=1 b=2 !B 3s");
        check("closed", " closed");
        check("timeout=30 closed|SHUTDOWN reason=x", "SHUTDOWN reason=x closed 30s");
        check("fail=closed|STOP RESUME", "RESUME !STOP !closed");
        check("fail=closed closed", " closed");
        check("CLOSED", "CLOSED");
        check("close?", "close?~");
        check("BLOCK_JOB_* device=x", "BLOCK_JOB_*~ device=x");
        check("E a.b.0=x a.\"b.c\".\"0\"=\"y*\" c=z*", "E a/b/0=x a/<b.c>/<0>=y* c=z*~");
        check("E a==x* b='y*' c=\"z\\n\"", "E a=x* b=y* c=z\n");
        check("E a=[ab]* b={x} c=@d e=it's f=", "E a=[ab]*~ b={x} c=@d e=it's f=");
        check("'A|B' \"timeout\"=5", "A|B <timeout>=5");
        let words: Vec<String> = [".wait", "fail=B", "A", "a=\"x*\" y", "b==c*"].map(str::to_owned).into();
        assert_eq!(
            shown(read_parsed(parse_words(&words).unwrap().remove(0), Wait::read).unwrap()),
            "A a=\"x*\" y~ b=c* !B"
        );
    }

    #[test]
    fn a_bad_argument_is_refused() {
        let check = |words: &str, expected: &str| {
            let message = wait(words).unwrap_err();
            assert!(message.contains(expected), "{words}: {message}");
        };
        check("", "the name of an event is missing (usage: .wait [timeout=S]");
        check("timeout=5", "the name of an event is missing");
        check("timeout=x STOP", "not a time in seconds");
        check("timeout=1 timeout=2 STOP", "timeout= is given twice");
        check("limit=5 STOP", "`limit` is not an option of .wait, which has timeout= and fail=");
        check("STOP timeout=1 timeout=2", "timeout= is given twice");
        assert!(wait("STOP \"timeout\"=5").is_ok());
        check("STOP|", "the name of an event is missing");
        check("fail= STOP", "the name of an event is missing");
        check("STOP RESUME", "write EVENT|EVENT");
        check("STOP a:=1", "`:=`");
        check("closed reason=x", "`closed` is the end of the connection, which has no data");
        check("STOP =x", "a key has an empty part");
        check("STOP a=[x]y[", "is never closed");
        check("[A", "bad pattern `[A`");
    }
}
