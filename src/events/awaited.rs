//! The condition of a wait: names of events, values in their data, and events that mean failure.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{self, Document};
use crate::message::Event;
use crate::pattern::Pattern;

/// The events that end a wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaited {
    /// The names of the events to wait for.
    pub names: Vec<Pattern>,
    /// The names of the events after which those cannot come.
    pub fail: Vec<Pattern>,
    /// The conditions for the data, all of which must hold.
    pub conditions: Vec<Condition>,
}

/// The meaning of an event that ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is one of [`Awaited::names`].
    Came,
    /// It is one of [`Awaited::fail`].
    Failed,
}

/// A condition for a value in the `data` of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The path to the value from `data`, never empty.
    pub path: Vec<Step>,
    /// The pattern for its text: a string decoded, any other value as JSON on one line.
    pub value: Pattern,
}

/// One step into an object or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name of a member, or the number of an element, from 0.
    pub text: String,
    /// It is a name, even if it looks like a number.
    pub is_name: bool,
}

impl Awaited {
    /// Returns the meaning of `event`; `None` if the wait continues.
    ///
    /// For an event of [`names`](Self::names) every condition must hold. An event of [`fail`](Self::fail) counts unless one of its
    /// values differs: one without the value, such as the end of the VM, counts.
    pub fn judge(&self, event: &Event) -> Option<Verdict> {
        let name = event.name();
        let is_named = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&name));
        let holds = |if_absent| {
            self.conditions.iter().all(|condition| match value(event, &condition.path) {
                Some(value) => condition.value.matches(&value),
                None => if_absent,
            })
        };
        if is_named(&self.names) && holds(false) {
            return Some(Verdict::Came);
        }
        (is_named(&self.fail) && holds(true)).then_some(Verdict::Failed)
    }
}

/// Returns the text of the value at `path` in an event's `data`.
fn value(event: &Event, path: &[Step]) -> Option<String> {
    let mut value = event.raw_data()?;
    for step in path {
        value = Cow::Owned(member(&value, step)?);
    }
    match json::decode(&value) {
        Some(text) => Some(text.into_owned()),
        None => Some(String::from_utf8_lossy(&json::compact(&value)).into_owned()),
    }
}

fn member(value: &[u8], step: &Step) -> Option<Vec<u8>> {
    match value.first()? {
        b'{' => Document::parse(value).ok()?.get(&step.text).map(<[u8]>::to_vec),
        b'[' if !step.is_name => {
            let index: usize = step.text.parse().ok().filter(|index: &usize| index.to_string() == step.text)?;
            let elements: Vec<&RawValue> = serde_json::from_slice(value).ok()?;
            Some(elements.get(index)?.get().as_bytes().to_vec())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{event_of, try_event};
    use super::*;

    fn awaited(names: &[&str], fail: &[&str], conditions: &[(&str, &str)]) -> Awaited {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(text).unwrap()).collect();
        let step = |text: &str| match text.strip_prefix('\'') {
            Some(name) => Step { text: name.to_owned(), is_name: true },
            None => Step { text: text.to_owned(), is_name: false },
        };
        let conditions = conditions.iter().map(|(path, value)| Condition {
            path: path.split('.').map(step).collect(),
            value: Pattern::new(value).unwrap(),
        });
        Awaited { names: patterns(names), fail: patterns(fail), conditions: conditions.collect() }
    }

    #[test]
    fn values() {
        let data = r#"{"device": "x", "id": 7, "big": 18446744073709551615, "no": false, "nil": null, "empty": "",
            "a": {"b.c": "q", "list": [ {"n": 1}, [true, "\u0041*"], null ], "0": "zero"}, "path": "/machine/peripheral/x"}"#;
        let event = event_of("E", data);
        let check = |path: &str, value: &str, expected: bool| {
            let found = awaited(&["E"], &[], &[(path, value)]).judge(&event);
            assert_eq!(found, expected.then_some(Verdict::Came), "{path}={value}");
        };
        check("device", "x", true);
        check("device", "X", false);
        check("device", "?", true);
        check("device", "\"x\"", false);
        check("id", "7", true);
        check("id", "7.0", false);
        check("big", "18446744073709551615", true);
        check("no", "false", true);
        check("nil", "null", true);
        check("empty", "", true);
        check("empty", "*", true);
        check("none", "*", false);
        check("path", "/machine/*", true);
        check("a.list.0.n", "1", true);
        check("a.list.0", "{\"n\": 1}", true);
        check("a.list.1.0", "true", true);
        check("a.list.1.1", "A[*]", true);
        check("a.list.2", "null", true);
        check("a.list.3", "*", false);
        check("a.list.00", "*", false);
        check("a.list.-1", "*", false);
        check("a.list.'0", "*", false);
        check("a.0", "zero", true);
        check("a.'0", "zero", true);
        check("a.b.c", "q", false);
        check("device.x", "*", false);
        check("nil.x", "*", false);
    }

    #[test]
    fn verdicts() {
        let check = |awaited: &Awaited, name: &str, data: &str, expected| {
            assert_eq!(awaited.judge(&event_of(name, data)), expected, "{name} {data}");
        };
        let unplug = awaited(&["DEVICE_DELETED"], &["DEVICE_UNPLUG_*", "SHUTDOWN"], &[("device", "x")]);
        check(&unplug, "DEVICE_DELETED", r#"{"device": "x", "path": "/p"}"#, Some(Verdict::Came));
        check(&unplug, "DEVICE_DELETED", r#"{"path": "/p"}"#, None);
        check(&unplug, "DEVICE_UNPLUG_GUEST_ERROR", r#"{"device": "x", "path": "/p"}"#, Some(Verdict::Failed));
        check(&unplug, "DEVICE_UNPLUG_GUEST_ERROR", r#"{"device": "y", "path": "/q"}"#, None);
        check(&unplug, "SHUTDOWN", r#"{"guest": false}"#, Some(Verdict::Failed));
        check(&unplug, "STOP", "{}", None);
        // An event of both kinds is the one that was waited for.
        let both = awaited(&["JOB"], &["*"], &[("status", "concluded")]);
        check(&both, "JOB", r#"{"status": "concluded"}"#, Some(Verdict::Came));
        check(&both, "JOB", r#"{"status": "running"}"#, None);
        check(&both, "STOP", "null", Some(Verdict::Failed));
        check(&awaited(&["A", "B"], &[], &[]), "B", "{}", Some(Verdict::Came));
        check(&awaited(&["A", "B"], &[], &[]), "C", "{}", None);
    }

    #[test]
    fn hostile_data_is_no_match_and_no_panic() {
        let wanted = awaited(&["E"], &[], &[("a.0.b", "x")]);
        for data in ["1", "[]", "{}", r#"{"a": inf}"#, r#"{"a": [inf]}"#, r#"{"a": ["#, "\"\""] {
            let text = format!(r#"{{"event": "E", "data": {data}}}"#);
            if let Some(event) = try_event(&text) {
                assert_eq!(wanted.judge(&event), None, "{data}");
            }
        }
        let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        assert_eq!(wanted.judge(&event_of("E", &deep)), None);
    }
}
