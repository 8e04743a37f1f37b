//! Sends a command again, with the type that the peer expects.

use std::fmt;

use super::builder::Builder;
use super::scalar::could_mean_two_things;
use super::types::{Place, Role, fitting, named};
use crate::message::Request;

/// The values to convert if the peer refuses a command because of the type of an argument: the plain words of the line
/// whose type only the peer knows.
///
/// A refusal names one argument and its type. [`next`](Self::next) converts that argument, each at most once. There are
/// never more requests than the line has arguments.
///
/// A refused command has done nothing, with one exception: QEMU (7.2, 10.0 and 11.1) crashes if it refuses an argument
/// of a virtio-balloon after it has set `guest-stats-polling-interval`.
#[derive(Clone)]
pub struct Resend {
    arguments: Builder,
    words: Vec<Word>,
    /// How many more times the command may be sent.
    left: usize,
}

/// A plain word whose type only the peer knows.
#[derive(Clone)]
pub(super) struct Word {
    /// The key, as it is typed.
    key: String,
    /// The name that the peer uses: `a.b[0].c`.
    name: String,
    /// True if the peer may use only the end of the name, or another beginning.
    is_within: bool,
    text: String,
    /// The number of its value.
    leaf: usize,
    is_converted: bool,
}

impl Word {
    pub(super) fn new(place: Place<'_>, roles: &[Role], text: &str, leaf: usize) -> Self {
        let mut name = String::new();
        for (n, part) in place.key.parts.iter().enumerate() {
            match roles.get(n) {
                Some(Role::Element) => name.extend(["[", &part.text, "]"]),
                _ => name.extend([if n == 0 { "" } else { "." }, &part.text]),
            }
        }
        let is_within = !place.is_device_add();
        Self { key: place.key.to_string(), name, is_within, text: text.to_owned(), leaf, is_converted: false }
    }

    /// Returns how many parts of `name` match this word; `None` if it is another.
    ///
    /// Source: tried on 7.2, 10.0 and 11.1: for `model.props.avx` 7.2 says `avx`, and for `value.size` of `qom-set` all
    /// of them say `memory.size`, where `memory` is the property.
    fn matches(&self, name: &str) -> Option<usize> {
        if !self.is_within {
            return (self.name == name).then_some(name.len());
        }
        let ends = self.name.rsplit('.').zip(name.rsplit('.')).take_while(|(a, b)| a == b);
        Some(ends.count()).filter(|count| *count > 0)
    }
}

impl Resend {
    /// Takes the `count` arguments, with `words` among them; `None` if there is nothing to convert.
    pub(super) fn new(arguments: Builder, words: Vec<Word>, count: usize) -> Option<Box<Self>> {
        (!words.is_empty()).then(|| Box::new(Self { arguments, words, left: count.saturating_sub(1) }))
    }

    /// Returns true if there may be a next request.
    pub fn is_possible(&self) -> bool {
        self.left > 0 && self.words.iter().any(|word| !word.is_converted && could_mean_two_things(&word.text))
    }

    /// Returns the command with one more argument converted, if `desc` refuses that argument for its type, and its text
    /// can have the one that is expected.
    pub fn next(&mut self, refused: &Request, desc: &str) -> Option<Request> {
        let (name, expected) = refused_type(desc)?;
        let left = self.left.checked_sub(1)?;
        let word = find(&self.words, name)?;
        let json = fitting(named(expected)?, &self.words[word].text)?;
        let leaf = self.arguments.leaf(self.words[word].leaf)?;
        if self.words[word].is_converted || *leaf == json {
            return None;
        }
        *leaf = json;
        self.words[word].is_converted = true;
        self.left = left;
        let arguments = self.arguments.write();
        let request = refused.clone().with_asked_arguments(&arguments.text, &arguments.asked);
        request.check_size().ok()?;
        Some(request)
    }

    /// Says what to write if `desc` expects a type that a word cannot have. It has names of the user's and the peer's,
    /// not safe to show.
    pub fn hint(&self, desc: &str) -> Option<String> {
        let (name, expected) = refused_type(desc)?;
        let Word { key, text, .. } = &self.words[find(&self.words, name)?];
        let fits = named(expected).is_some_and(|builtin| fitting(builtin, text).is_some());
        (!fits).then(|| format!("cannot read `{key}` as {expected}; use `{key}:=VALUE` to send JSON"))
    }
}

/// Hides the texts of arguments, which may be passwords.
impl fmt::Debug for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.words.iter().map(|word| word.key.as_str()).collect();
        f.debug_struct("Resend").field("words", &keys).field("left", &self.left).finish_non_exhaustive()
    }
}

/// Finds the word that the peer calls `name`: the one with the most in common, then one that was not converted, then the first.
fn find(words: &[Word], name: &str) -> Option<usize> {
    let matching = words.iter().enumerate().rev();
    let matching = matching.filter_map(|(n, word)| Some((n, (word.matches(name)?, !word.is_converted))));
    matching.max_by_key(|(_, common)| *common).map(|(n, _)| n)
}

/// Returns the parameter and the type that it should have.
///
/// Source: `QERR_INVALID_PARAMETER_TYPE` and `QERR_INVALID_PARAMETER_VALUE` in QEMU's `qapi/qobject-input-visitor.c`
/// and `qapi/qapi-visit-core.c`; tried on 7.2, 10.0 and 11.1. Other expectations, such as `a pluggable device type`, do
/// not name a type.
fn refused_type(desc: &str) -> Option<(&str, &str)> {
    let of_type = || desc.strip_prefix("Invalid parameter type for '")?.rsplit_once("', expected: ");
    let of_value = || desc.strip_prefix("Parameter '")?.rsplit_once("' expects ");
    of_type().or_else(of_value).filter(|(_, expected)| !expected.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::syntax::{Statement, parse};
    use crate::language::typing::{Types, request, tests::Files};
    use crate::schema::sample;

    fn typed(line: &str) -> (Request, Option<Box<Resend>>) {
        let schema = sample::schema();
        let Statement::Invoke(invocation) = parse(line).unwrap().remove(0).statement else { panic!("{line}") };
        request(&invocation, Types { schema: Some(&schema), property: None }, &mut Files).unwrap()
    }

    /// The arguments that are sent after each of the refusals; the hint that there is after the last one.
    fn check(line: &str, refusals: &[&str], expected: &[&str], hint: Option<&str>) {
        let (mut request, mut resend) = typed(line);
        let mut sent = Vec::new();
        for desc in refusals {
            let Some(next) = resend.as_mut().and_then(|resend| resend.next(&request, desc)) else { break };
            request = next;
            let (_, arguments) = request.text().split_once(",\"arguments\":").unwrap();
            sent.push(arguments.strip_suffix('}').unwrap().to_owned());
        }
        assert_eq!(sent, expected, "{line} {refusals:?}");
        let last = refusals.last().unwrap();
        assert_eq!(resend.and_then(|resend| resend.hint(last)).as_deref(), hint, "{line} {refusals:?}");
    }

    #[test]
    fn the_expected_type_stands_last() {
        let check = |desc: &str, expected| assert_eq!(refused_type(desc), expected, "{desc}");
        check("Invalid parameter type for 'mq', expected: boolean", Some(("mq", "boolean")));
        check("Parameter 'vectors' expects uint64", Some(("vectors", "uint64")));
        check("Parameter 'a[0].b' expects uint16_t", Some(("a[0].b", "uint16_t")));
        check("Parameter 'a' expects int' expects size", Some(("a' expects int", "size")));
        check("Invalid parameter type for 'integer', expected: boolean", Some(("integer", "boolean")));
        for desc in [
            "Parameter 'driver' expects a pluggable device type",
            "Invalid parameter type for 'addr', expected int or str",
            "Parameter 'x' does not accept value 'integer'",
            "Parameter 'integer' is missing",
            "Property 'nvme.mac' doesn't take value 'boolean'",
            "Bus 'pcie.0' does not support hotplugging",
            "",
        ] {
            check(desc, None);
        }
    }

    #[test]
    fn the_argument_that_was_refused_is_converted() {
        let one = |line: &str, desc: &str, expected: &str| check(line, &[desc], &[expected], None);
        let line = "device_add driver=nvme serial=1234 zoned.zasl=5";
        let sent = r#"{"driver":"nvme","serial":"1234","zoned.zasl":5}"#;
        for expected in ["integer", "int", "uint", "int64", "uint64", "uint8_t", "uint32", "size"] {
            one(line, &format!("Invalid parameter type for 'zoned.zasl', expected: {expected}"), sent);
            one(line, &format!("Parameter 'zoned.zasl' expects {expected}"), sent);
        }
        one("device_add driver=x a=0x10", "Parameter 'a' expects uint64", r#"{"driver":"x","a":16}"#);
        one("device_add driver=x a=1k b=1", "Parameter 'a' expects integer", r#"{"driver":"x","a":1024,"b":"1"}"#);
        let boolean = "Invalid parameter type for 'a', expected: boolean";
        one("device_add driver=x a=off", boolean, r#"{"driver":"x","a":false}"#);
        one("device_add driver=x a=1.5", "Parameter 'a' expects number", r#"{"driver":"x","a":1.5}"#);
        one("device_add driver=x a=null", "Parameter 'a' expects null", r#"{"driver":"x","a":null}"#);
        let vq = "Parameter 'a[1].b[0]' expects uint64";
        one("device_add driver=x a.0=y a.1.b.0=5", vq, r#"{"driver":"x","a":["y",{"b":[5]}]}"#);
    }

    #[test]
    fn each_argument_is_converted_once() {
        let (a, b) = ("Parameter 'a' expects uint64", "Invalid parameter type for 'b', expected: boolean");
        check(
            "device_add driver=x a=1 b=on c=5",
            &[b, a, "Bus 'x' not found"],
            &[r#"{"driver":"x","a":"1","b":true,"c":"5"}"#, r#"{"driver":"x","a":1,"b":true,"c":"5"}"#],
            None,
        );
        // It is out of range, as the peer says.
        let converted = r#"{"driver":"x","a":300}"#;
        check(
            "device_add driver=x a=300",
            &["Parameter 'a' expects uint64", "Parameter 'a' expects uint8_t"],
            &[converted],
            None,
        );
    }

    #[test]
    fn there_are_no_more_requests_than_arguments() {
        let refusals = ["Parameter 'a' expects int", "Parameter 'b' expects int", "Parameter 'c' expects int"];
        check("device_add a=1 b=2 c=3", &refusals, &[r#"{"a":1,"b":"2","c":"3"}"#, r#"{"a":1,"b":2,"c":"3"}"#], None);
    }

    #[test]
    fn a_word_that_cannot_have_the_type_has_a_hint() {
        let refused = |line: &str, desc: &str, hint| check(line, &[desc], &[], hint);
        let line = "device_add driver=x a=maybe";
        let boolean = "Invalid parameter type for 'a', expected: boolean";
        refused(line, boolean, Some("cannot read `a` as boolean; use `a:=VALUE` to send JSON"));
        let array = "Invalid parameter type for 'a', expected: array";
        refused(line, array, Some("cannot read `a` as array; use `a:=VALUE` to send JSON"));
        let zeros = "Parameter 'a' expects uint64";
        refused("device_add driver=x a=08", zeros, Some("cannot read `a` as uint64; use `a:=VALUE` to send JSON"));
        refused(
            "device_add driver=x a.0=x",
            "Parameter 'a[0]' expects int",
            Some("cannot read `a.0` as int; use `a.0:=VALUE` to send JSON"),
        );
        // Something else is wrong, or it was not a plain word.
        refused(line, "Parameter 'driver' expects a pluggable device type", None);
        refused(line, "Parameter 'nosuch' expects uint64", None);
        refused(line, "Bus 'pcie.0' does not support hotplugging", None);
        for line in ["device_add driver=x a=\"5\"", "device_add driver=x a==5", "device_add driver=x a:=true"] {
            refused(line, zeros, None);
        }
        refused("resize id=x", "Invalid parameter type for 'id', expected: integer", None);
        // One send is as many as it may have.
        refused("nosuch a=5", "Invalid parameter type for 'a', expected: string", None);
        refused(r#"{"execute":"device_add","arguments":{"a":"5"}}"#, zeros, None);
        // Names of devices' properties are whole.
        refused("device_add driver=x zasl=5", "Parameter 'zoned.zasl' expects int", None);
    }

    #[test]
    fn words_within_an_argument_of_any_type_are_converted() {
        let avx = r#"{"any":{"avx":true,"n":"5"}}"#;
        for name in ["avx", "any.avx", "property.avx"] {
            let desc = format!("Invalid parameter type for '{name}', expected: boolean");
            check("kinds any.avx=on any.n==5", &[&desc], &[avx], None);
        }
        let text = "Invalid parameter type for 'any.id', expected: string";
        check("kinds any.id=5 str=5", &[text], &[r#"{"any":{"id":"5"},"str":"5"}"#], None);
        // A name alone may be several.
        let x = "Invalid parameter type for 'x', expected: boolean";
        check(
            "kinds any.a.x=on any.b.x=on int=5",
            &[x, x],
            &[
                r#"{"any":{"a":{"x":true},"b":{"x":"on"}},"int":5}"#,
                r#"{"any":{"a":{"x":true},"b":{"x":true}},"int":5}"#,
            ],
            None,
        );
        let b = "Invalid parameter type for 'any.b.x', expected: boolean";
        check("kinds any.a.x=on any.b.x=on", &[b], &[r#"{"any":{"a":{"x":"on"},"b":{"x":true}}}"#], None);
        // Of what the schema does not know, too.
        let text = "Invalid parameter type for 'list[1]', expected: string";
        check("nosuch list.0=a list.1=5", &[text], &[r#"{"list":["a","5"]}"#], None);
        // The schema says what the others are.
        check("kinds int=x any=y", &["Invalid parameter type for 'int', expected: integer"], &[], None);
    }

    #[test]
    fn only_words_that_could_mean_two_things_are_converted() {
        let is_possible = |line: &str| typed(line).1.is_some_and(|resend| resend.is_possible());
        assert!(is_possible("device_add driver=x mq=on"));
        assert!(is_possible("kinds any.x=5 int=5"));
        for line in
            ["device_add driver=x id=y", "device_add driver=x mq=\"on\"", "device_add mq=on", "kinds int=5", "resize"]
        {
            assert!(!is_possible(line), "{line}");
        }
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", typed("device_add driver=x password=hunter2").1);
        assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
    }
}
