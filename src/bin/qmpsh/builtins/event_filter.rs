//! `.events`: which events are shown.

use std::fmt;

use super::Host;
use super::words::{Refusal, Words};
use qmpsh::message::Event;
use qmpsh::pattern::Pattern;
use qmpsh::text;

/// Which events are shown, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventFilter {
    /// Some are shown, and not none.
    is_on: bool,
    /// These; if there are none, all.
    only: Vec<Pattern>,
    /// But none of these.
    hidden: Vec<Pattern>,
    /// Nor any of what this lets through.
    elsewhere: Option<Box<EventFilter>>,
}

impl EventFilter {
    /// All of them, or none.
    pub(crate) fn all(is_on: bool) -> Self {
        Self { is_on, only: Vec::new(), hidden: Vec::new(), elsewhere: None }
    }

    /// This one, without what `other` lets through.
    pub(super) fn without(self, other: &EventFilter) -> Self {
        Self { elsewhere: Some(Box::new(other.clone())), ..self }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(crate) fn lets_through(&self, event: &Event) -> bool {
        if self.elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.lets_through(event)) {
            return false;
        }
        if !self.is_on || (self.only.is_empty() && self.hidden.is_empty()) {
            return self.is_on;
        }
        let name = event.name();
        let is_any_of = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&name));
        (self.only.is_empty() || is_any_of(&self.only)) && !is_any_of(&self.hidden)
    }

    /// `[on|off|PATTERN...]`; `None`: it is asked for.
    pub(super) fn read(words: &mut Words<'_>) -> Result<Option<Self>, Refusal> {
        let mut event_filter = Self::all(true);
        let mut count = 0;
        while let Some((text, span)) = words.next()? {
            count += 1;
            let refused = |message: String| Refusal::new(span, message);
            match text.as_str() {
                "on" | "off" if count == 1 => {
                    event_filter.is_on = text == "on";
                    // Anything more is refused.
                    return Ok(Some(event_filter));
                }
                "on" | "off" => return Err(refused(format!("`{text}` cannot be combined with other arguments"))),
                _ => event_filter.add(&text).map_err(refused)?,
            }
        }
        Ok((count > 0).then_some(event_filter))
    }

    /// As [`read`](Self::read), without `on` and `off`; without words all are chosen.
    pub(super) fn read_names(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let mut event_filter = Self::all(true);
        loop {
            words.no_option()?;
            let Some((text, span)) = words.next()? else { break };
            event_filter.add(&text).map_err(|message| Refusal::new(span, message))?;
        }
        Ok(event_filter)
    }

    /// The function that says whether an event is shown, for a stream.
    pub(crate) fn filter(&self) -> impl Fn(&Event) -> bool + Send + 'static {
        let event_filter = self.clone();
        move |event| event_filter.lets_through(event)
    }

    /// `PATTERN`, `PATTERN|PATTERN`, and the same after a minus sign.
    fn add(&mut self, word: &str) -> Result<(), String> {
        let (list, patterns) = match word.strip_prefix('-') {
            Some(rest) => (&mut self.hidden, rest),
            None => (&mut self.only, word),
        };
        list.extend(names(patterns)?);
        Ok(())
    }
}

/// Names of events, or patterns for them, with `|` between.
pub(super) fn names(text: &str) -> Result<Vec<Pattern>, String> {
    let names = text.split('|').map(|name| match name {
        "" => Err("the name of an event is missing".to_owned()),
        // Every name of an event is without it.
        name if name.contains('=') => Err(format!("`{}` is not an event name", text::line(name))),
        name => Pattern::new(name).map_err(|error| text::line(&error.to_string()).into_owned()),
    });
    names.collect()
}

/// In a sentence; not safe to show as it is.
impl fmt::Display for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_on {
            return f.write_str("events are not shown");
        }
        if self.only.is_empty() && self.hidden.is_empty() {
            return f.write_str("all events are shown");
        }
        let list = |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (self.only.is_empty(), self.hidden.is_empty()) {
            (true, _) => write!(f, "all events are shown except {}", list(&self.hidden)),
            (false, true) => write!(f, "events are shown: {}", list(&self.only)),
            (false, false) => write!(f, "events are shown: {}, but not {}", list(&self.only), list(&self.hidden)),
        }
    }
}

/// `.events`
pub(super) async fn run<H: Host>(host: &mut H, choice: Option<EventFilter>) -> Result<(), H::Stop> {
    match choice {
        Some(event_filter) => {
            host.set_event_filter(event_filter);
            Ok(())
        }
        None => {
            let shown = host.event_filter().to_string();
            host.print_text(&shown).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Builtin, read};
    use super::*;
    use crate::session::eval::Action;
    use qmpsh::json::Document;
    use qmpsh::language::syntax::{Statement, parse};
    use qmpsh::message::Message;

    fn filter(words: &str) -> Result<Option<EventFilter>, String> {
        let Statement::Dot(dot) = parse(&format!(".events {words}")).unwrap().unwrap().statement else { panic!() };
        match read(&dot, None) {
            Ok(Action::Builtin(Builtin::Events(event_filter))) => Ok(event_filter),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.message),
        }
    }

    #[test]
    fn filters() {
        let check = |words: &str, shown: &str, yes: &[&str], no: &[&str]| {
            let event_filter = filter(words).unwrap().unwrap();
            assert_eq!(event_filter.to_string(), shown, "{words}");
            for (names, expected) in [(yes, true), (no, false)] {
                for name in names {
                    let document = Document::parse(format!(r#"{{"event": "{name}"}}"#).as_bytes()).unwrap();
                    let Message::Event(event) = Message::from_document(document).unwrap() else { panic!() };
                    assert_eq!(event_filter.lets_through(&event), expected, "{words}: {name}");
                }
            }
        };
        check("on", "all events are shown", &["STOP", ""], &[]);
        check("off", "events are not shown", &[], &["STOP"]);
        check("STOP", "events are shown: STOP", &["STOP"], &["RESUME"]);
        check("JOB_* STOP|RESUME", "events are shown: JOB_*, STOP, RESUME", &["JOB_X", "RESUME"], &["BLOCK_JOB_X"]);
        check("-BLOCK_*", "all events are shown except BLOCK_*", &["STOP"], &["BLOCK_JOB_READY"]);
        check("B* -BL*|BX", "events are shown: B*, but not BL*, BX", &["BA", "B"], &["BLA", "BX", "C"]);
        check("\"STOP\"", "events are shown: STOP", &["STOP"], &["RESUME"]);
        assert_eq!(filter(""), Ok(None));
    }

    #[test]
    fn what_is_wrong() {
        let check = |words: &str, expected: &str| assert_eq!(filter(words).unwrap_err(), expected, "{words}");
        check("on STOP", ".events takes no more arguments");
        check("STOP off", "`off` cannot be combined with other arguments");
        check("STOP|", "the name of an event is missing");
        check("-", "the name of an event is missing");
        check("a=b", "`a=b` is not an event name");
        check("[A", "bad pattern `[A`: a `[` is never closed (`[[]` matches a `[`)");
    }
}
