//! The elements of an array and the members of an object, one after the other.

use bytes::Bytes;

use super::is_space;

/// The elements of `array`, sharing its bytes; `None` if it is no array.
///
/// Nothing is kept but the place, and nothing is validated. What stands between two elements may be anything.
pub fn elements(array: &Bytes) -> Option<Elements> {
    let at = begin(array, b'[')?;
    Some(Elements { array: array.clone(), at })
}

/// The members of `object`: the name as it stands between its quotes, and the value; `None` if it is no object.
///
/// As [`elements`]. Names are not decoded, and may come twice.
pub fn members(object: &[u8]) -> Option<Members<'_>> {
    let at = begin(object, b'{')?;
    Some(Members { object, at })
}

/// Made by [`elements`].
#[derive(Debug, Clone)]
pub struct Elements {
    array: Bytes,
    at: usize,
}

impl Iterator for Elements {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let start = next_value(&self.array, self.at)?;
        self.at = value_end(&self.array, start);
        Some(self.array.slice(start..self.at))
    }
}

/// Made by [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    object: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = next_value(self.object, self.at)?;
        let end = value_end(self.object, start);
        let key = &self.object[start..end];
        let key = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")).unwrap_or(key);
        self.at = end;
        let value = match next_value(self.object, end) {
            Some(start) => {
                self.at = value_end(self.object, start);
                &self.object[start..self.at]
            }
            None => &[],
        };
        Some((key, value))
    }
}

/// Behind the bracket that `text` begins with.
fn begin(text: &[u8], bracket: u8) -> Option<usize> {
    let at = text.iter().position(|&byte| !is_space(byte))?;
    (text[at] == bracket).then_some(at + 1)
}

/// Where the next value begins, at or behind `at`; `None` at a closing bracket, or the end.
fn next_value(text: &[u8], at: usize) -> Option<usize> {
    let between = |&byte: &u8| is_space(byte) || byte == b',' || byte == b':';
    let start = at + text.get(at..)?.iter().position(|byte| !between(byte))?;
    (!matches!(text[start], b']' | b'}')).then_some(start)
}

/// Behind the value that begins at `start`: always further than that.
fn value_end(text: &[u8], start: usize) -> usize {
    match text[start] {
        b'"' => string_end(text, start),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            let mut at = start;
            while let Some(&byte) = text.get(at) {
                match byte {
                    b'"' => {
                        at = string_end(text, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
            text.len()
        }
        _ => {
            let ends = |&byte: &u8| is_space(byte) || b"{}[],:\"".contains(&byte);
            text[start + 1..].iter().position(ends).map_or(text.len(), |length| start + 1 + length)
        }
    }
}

/// Behind the string that begins at `at`, or the end of `text`.
pub(super) fn string_end(text: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
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
        // What is no JSON ends at least.
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
