//! Which events are shown.

use std::fmt;

use qmpsh::message::Event;
use qmpsh::pattern::Pattern;
use qmpsh::text;

/// Which events are shown, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventFilter {
    /// True if any events are shown.
    is_on: bool,
    /// Only these, if there are any.
    only: Vec<Pattern>,
    /// None of these.
    hidden: Vec<Pattern>,
    /// None that this filter accepts.
    elsewhere: Option<Box<EventFilter>>,
}

impl EventFilter {
    /// Accepts all events, or none.
    pub(crate) fn all(is_on: bool) -> Self {
        Self { is_on, only: Vec::new(), hidden: Vec::new(), elsewhere: None }
    }

    /// This filter, without what `other` accepts.
    pub(crate) fn without(self, other: &EventFilter) -> Self {
        Self { elsewhere: Some(Box::new(other.clone())), ..self }
    }

    /// Returns true if any event is shown.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Returns true if an event is shown.
    pub(crate) fn accepts(&self, event: &Event) -> bool {
        if self.elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.accepts(event)) {
            return false;
        }
        if !self.is_on || (self.only.is_empty() && self.hidden.is_empty()) {
            return self.is_on;
        }
        let name = event.name();
        let is_any_of = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&name));
        (self.only.is_empty() || is_any_of(&self.only)) && !is_any_of(&self.hidden)
    }

    /// The names of the events that this filter is about.
    pub(crate) fn names(&self) -> Vec<Pattern> {
        [&*self.only, &*self.hidden].concat()
    }

    /// Only events of these names, or all others: `PATTERN`, `PATTERN|PATTERN`, each after a minus sign to exclude.
    ///
    /// # Errors
    /// A sentence about the word.
    pub(crate) fn add(&mut self, word: &str) -> Result<(), String> {
        let (list, patterns) = match word.strip_prefix('-') {
            Some(rest) => (&mut self.hidden, rest),
            None => (&mut self.only, word),
        };
        list.extend(names(patterns)?);
        Ok(())
    }

    /// A copy of this filter, for a stream.
    pub(crate) fn filter(&self) -> impl Fn(&Event) -> bool + Send + 'static {
        let event_filter = self.clone();
        move |event| event_filter.accepts(event)
    }
}

/// Reads names of events, or patterns for them, with `|` between. An error is a sentence.
pub(crate) fn names(text: &str) -> Result<Vec<Pattern>, String> {
    let names = text.split('|').map(|name| match name {
        "" => Err("the name of an event is missing".to_owned()),
        name if name.contains('=') => Err(format!("`{}` is not an event name", text::line(name))),
        name => Pattern::new(name).map_err(|error| text::line(&error.to_string()).into_owned()),
    });
    names.collect()
}

/// In a sentence that is not safe for a terminal.
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
