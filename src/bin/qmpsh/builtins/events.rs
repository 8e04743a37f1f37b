//! `.events`: shows or sets which events are displayed.

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use crate::builtins::print_text;
use crate::session::ask::TimeLimit;
use crate::session::{Builtin, EventFilter, Frontend, attend, event_names};
use crate::status::Stop;

/// `.events [on|off|EVENT...]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Events(Option<EventFilter>);

impl Events {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let mut filter = None;
        while let Some((text, span)) = words.next()? {
            match text.as_str() {
                "on" | "off" if filter.is_none() => return Ok(Self(Some(EventFilter::all(text == "on")))),
                "on" | "off" => {
                    return Err(Refusal::new(span, format!("`{text}` cannot be combined with other arguments")));
                }
                _ => filter
                    .get_or_insert_with(|| EventFilter::all(true))
                    .add(&text)
                    .map_err(|message| Refusal::new(span, message))?,
            }
        }
        Ok(Self(filter))
    }
}

/// Reads the names of events. Without words, the filter accepts all.
pub(super) fn read_names(words: &mut Words<'_>) -> Result<EventFilter, Refusal> {
    let mut filter = EventFilter::all(true);
    while let Some((text, span)) = words.next()? {
        filter.add(&text).map_err(|message| Refusal::new(span, message))?;
    }
    Ok(filter)
}

/// Warns of events that the peer does not have.
async fn warn(frontend: &mut dyn Frontend, filter: &EventFilter) -> Result<(), Stop> {
    let session = frontend.session();
    let names = filter.names();
    if !session.is_connected() || names.is_empty() {
        return Ok(());
    }
    let limit = TimeLimit::new(session.options.timeout);
    let warnings = event_names::warnings(session, names);
    for warning in attend(frontend, warnings, limit.end, "the peer's schema").await?.unwrap_or_default() {
        frontend.notifier().say(&warning);
    }
    Ok(())
}

#[async_trait(?Send)]
impl Builtin for Events {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        if let Some(filter) = &self.0 {
            frontend.set_event_filter(filter.clone());
            return warn(frontend, filter).await;
        }
        let shown = frontend.session().event_filter.to_string();
        print_text(frontend, &shown).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::read_line;
    use super::*;
    use qmpsh::json::Document;
    use qmpsh::message::Message;

    fn filter(words: &str) -> Result<Option<EventFilter>, String> {
        read_line(&format!(".events {words}"), Events::read).map(|events| events.0)
    }

    #[test]
    fn filters_accept_events_by_name() {
        let check = |words: &str, shown: &str, yes: &[&str], no: &[&str]| {
            let event_filter = filter(words).unwrap().unwrap();
            assert_eq!(event_filter.to_string(), shown, "{words}");
            for (names, expected) in [(yes, true), (no, false)] {
                for name in names {
                    let document = Document::parse(format!(r#"{{"event": "{name}"}}"#).as_bytes()).unwrap();
                    let Message::Event(event) = Message::from_document(document).unwrap() else { panic!() };
                    assert_eq!(event_filter.accepts(&event), expected, "{words}: {name}");
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
    fn a_bad_filter_is_refused() {
        let check = |words: &str, expected: &str| assert_eq!(filter(words).unwrap_err(), expected, "{words}");
        check("on STOP", ".events takes no more arguments");
        check("STOP off", "`off` cannot be combined with other arguments");
        check("STOP|", "the name of an event is missing");
        check("-", "the name of an event is missing");
        check("a=b", "`a=b` is not an event name");
        check("[A", "bad pattern `[A`: a `[` is never closed (`[[]` matches a `[`)");
    }
}
