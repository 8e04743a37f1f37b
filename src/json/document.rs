//! A JSON object as it came, with the ranges of its members.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::string::decode_name;

/// A JSON object: the bytes as they came, and the ranges of its top-level members.
///
/// The values are delimited, but not validated. Clones share the bytes.
#[derive(Clone)]
pub struct Document {
    bytes: Bytes,
    members: Members,
    /// The bytes may have a backslash. Otherwise no name has to be decoded.
    may_escape: bool,
}

impl Document {
    pub(super) fn new(bytes: Bytes, members: Members, may_escape: bool) -> Self {
        Self { bytes, members, may_escape }
    }

    /// Returns the whole object, from `{` to `}`.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the value of the last member with the decoded name `key`, as on the wire.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.bytes.get(self.range(key)?)
    }

    /// Returns the value of the member `key`, sharing the bytes of the document.
    pub fn slice(&self, key: &str) -> Option<Bytes> {
        Some(self.bytes.slice(self.range(key)?))
    }

    /// Returns the range of the value of the member `key` in [`bytes`](Self::bytes).
    pub fn range(&self, key: &str) -> Option<Range<usize>> {
        let (_, value) = self.outline().named_spans().rfind(|(name, _)| **name == *key.as_bytes())?;
        Some(value.range())
    }

    /// Returns all members in order, with duplicates: the name without its quotes and the value, both as on the wire.
    pub fn members(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.members.iter().map(|member| (member.key.of(&self.bytes), member.value.of(&self.bytes)))
    }

    pub(crate) fn outline(&self) -> Outline<'_> {
        Outline { bytes: &self.bytes, members: &self.members, may_escape: self.may_escape }
    }

    /// Returns the whole object without the ranges of its members.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// A document that may be part of a buffer.
#[derive(Clone, Copy)]
pub(crate) struct Outline<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) members: &'a [Member],
    /// The bytes may have a backslash.
    pub(super) may_escape: bool,
}

impl<'a> Outline<'a> {
    /// Returns the bytes at `span`.
    pub(crate) fn at(self, span: Span) -> &'a [u8] {
        span.of(self.bytes)
    }

    /// Returns the members in order: the decoded name, and the span of the value.
    pub(crate) fn named_spans(self) -> impl DoubleEndedIterator<Item = (Cow<'a, [u8]>, Span)> {
        self.members.iter().map(move |member| (self.name(member), member.value))
    }

    fn name(self, member: &Member) -> Cow<'a, [u8]> {
        let key = self.at(member.key);
        if self.may_escape { decode_name(key) } else { Cow::Borrowed(key) }
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Document {}

/// A range in a document, which has at most 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    #[expect(clippy::cast_possible_truncation, reason = "the scanner's limit keeps positions under 4 GiB")]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the bytes of `document` in this range.
    pub(crate) fn of(self, document: &[u8]) -> &[u8] {
        document.get(self.range()).unwrap_or_default()
    }
}

/// The spans of a member's name, without the quotes, and of its value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    pub(super) key: Span,
    pub(super) value: Span,
}

/// The members of a document. An event has three. More inline would make documents, which are moved often, larger.
pub(super) type Members = SmallVec<[Member; 3]>;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn members_are_found() {
        let check = |text: &str, key: &str, expected: Option<&str>| {
            let document = parse(text);
            assert_eq!(document.get(key), expected.map(str::as_bytes), "{key} in {text}");
            assert_eq!(document.slice(key).as_deref(), expected.map(str::as_bytes), "{key} in {text}");
            assert_eq!(document.bytes(), text.trim());
        };
        check("{}", "a", None);
        check(r#"{"a":1}"#, "a", Some("1"));
        check(r#" { "a" : 1 } "#, "a", Some("1"));
        check(r#"{"return": null}"#, "return", Some("null"));
        check(r#"{"return": inf, "id": 3}"#, "return", Some("inf"));
        check(r#"{"return": inf, "id": 3}"#, "id", Some("3"));
        check(r#"{"a": "x\"}y", "b": {"c": [1, "}"]}, "d": [[]]}"#, "a", Some(r#""x\"}y""#));
        check(r#"{"a": "x\"}y", "b": {"c": [1, "}"]}, "d": [[]]}"#, "b", Some(r#"{"c": [1, "}"]}"#));
        check(r#"{"a": "x\"}y", "b": {"c": [1, "}"]}, "d": [[]]}"#, "c", None);
        check(r#"{"a": "x\"}y", "b": {"c": [1, "}"]}, "d": [[]]}"#, "d", Some("[[]]"));
        check("{\r\n    \"return\": {\r\n    },\r\n    \"id\": 1\r\n}", "id", Some("1"));
        check(r#"{"a":1,"b":2,"a":3}"#, "a", Some("3"));
        check(r#"{"\u0065vent":"X"}"#, "event", Some(r#""X""#));
        check(r#"{"\u0065vent":"X"}"#, "\\u0065vent", None);
        check(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8}"#, "a", Some("1"));
        check(r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8}"#, "h", Some("8"));
    }

    #[test]
    fn members_come_in_order() {
        let document = parse(r#"{"b":1,"a":2,"\u0063":3,"b":4}"#);
        let members: Vec<(&[u8], &[u8])> = document.members().collect();
        assert_eq!(members, [(&b"b"[..], &b"1"[..]), (b"a", b"2"), (br"\u0063", b"3"), (b"b", b"4")]);
    }

    #[test]
    fn only_a_single_object_is_a_document() {
        for text in ["", " ", "1", "[]", "{", "{}{}", "{} x", "{\"a\":}", "x{}"] {
            assert!(Document::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
