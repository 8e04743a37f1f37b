//! Iterates over the elements of an array and the members of an object.

use bytes::Bytes;

use super::tokens::{TokenKind, Tokens};

/// Iterates over the elements of `array`, sharing its bytes; `None` if it is not an array.
///
/// Only the position is kept, and nothing is validated, neither elements nor what separates them.
pub fn elements(array: &Bytes) -> Option<Elements> {
    let at = begin(array, b'[')?;
    Some(Elements { array: array.clone(), at })
}

/// Iterates over the members of `object`: the name between its quotes, not decoded, and the value. `None` if it is not an object.
///
/// Nothing is validated. Names may repeat. A missing value is empty.
pub fn members(object: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let mut tokens = Tokens::starting_at(object, begin(object, b'{')?);
    Some(std::iter::from_fn(move || {
        let key = &object[tokens.value()?];
        let key = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")).unwrap_or(key);
        Some((key, tokens.value().map_or(&[][..], |value| &object[value])))
    }))
}

/// The iterator of [`elements`].
#[derive(Debug, Clone)]
pub struct Elements {
    array: Bytes,
    at: usize,
}

impl Iterator for Elements {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let value = Tokens::starting_at(&self.array, self.at).value()?;
        self.at = value.end;
        Some(self.array.slice(value))
    }
}

/// Returns the place after the bracket at the front of the text.
fn begin(text: &[u8], bracket: u8) -> Option<usize> {
    let first = Tokens::new(text).find(|token| token.kind != TokenKind::Space)?.range;
    (text[first.start] == bracket).then_some(first.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    #[test]
    fn elements_come_in_order() {
        let check = |array: &'static str, expected: &[&str]| {
            let found: Vec<_> = elements(&Bytes::from_static(array.as_bytes())).unwrap().collect();
            assert_eq!(found, expected, "{array}");
        };
        check("[]", &[]);
        check(" [ \r\n ] ", &[]);
        check(r#"[1, "a]\"", [[2], 3], {"b": [4]},null]"#, &["1", r#""a]\"""#, "[[2], 3]", r#"{"b": [4]}"#, "null"]);
        // Text that is not JSON gives some elements, and ends.
        check("[1 2,,3", &["1", "2", "3"]);
        check("[\"a", &["\"a"]);
        check("[\"a\\", &["\"a\\"]);
        check("[[", &["["]);
        assert!(elements(&Bytes::from_static(b"{}")).is_none());
        assert!(elements(&Bytes::new()).is_none());
    }

    #[test]
    fn members_come_in_order() {
        let check = |object: &str, expected: &[(&str, &str)]| {
            let text = |bytes| std::str::from_utf8(bytes).unwrap();
            let found: Vec<_> = members(object.as_bytes()).unwrap().map(|(k, v)| (text(k), text(v))).collect();
            assert_eq!(found, expected, "{object}");
        };
        check("{}", &[]);
        check(r#"{"a":1, "b\"" : {"a": 2},"a":""}"#, &[("a", "1"), (r#"b\""#, r#"{"a": 2}"#), ("a", r#""""#)]);
        check(r#"{"a"}"#, &[("a", "")]);
        check("{a: 1}", &[("a", "1")]);
        assert!(members(b"[]").is_none());
    }

    proptest! {
        #[test]
        fn all_elements_are_found(values in prop::collection::vec(samples::value(), 0..10)) {
            let array = Bytes::from(serde_json::to_vec_pretty(&values).unwrap());
            let found = elements(&array).unwrap();
            let found: Vec<serde_json::Value> = found.map(|value| serde_json::from_slice(&value).unwrap()).collect();
            prop_assert_eq!(found, values);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop::sample::select(br#"{}[]":,\1 a"#.to_vec()), 0..40)) {
            if let Some(found) = elements(&Bytes::from(bytes.clone())) {
                prop_assert!(found.count() <= 40);
            }
            if let Some(found) = members(&bytes) {
                prop_assert!(found.count() <= 40);
            }
        }
    }
}
