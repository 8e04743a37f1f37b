//! What the bytes of a value are, in a single pass: for colors.

use super::is_space;
use super::nesting::Nesting;

/// What a piece of JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name of a member, with its quotes.
    Key,
    /// A string, with its quotes.
    Text,
    /// A number; also what is none of the others, such as `inf`.
    Number,
    /// `true`, `false`, `null`.
    Literal,
    /// Brackets, colons, commas and white space.
    Between,
}

/// Tells the parts of a value that is fed in pieces, cut anywhere. What is not JSON is neither noticed nor mended.
///
/// ```
/// use qmpsh::json::{Part, Parts};
/// let mut seen = Vec::new();
/// Parts::new().feed(br#"{"a": 1}"#, |part, bytes| seen.push((part, bytes)));
/// let expected: [(Part, &[u8]); 5] = [
///     (Part::Between, b"{"), (Part::Key, b"\"a\""), (Part::Between, b": "), (Part::Number, b"1"), (Part::Between, b"}"),
/// ];
/// assert_eq!(seen, expected);
/// ```
#[derive(Debug, Default)]
pub struct Parts {
    nesting: Nesting,
    /// What the last piece ended in: a part that is not complete, or white space and punctuation.
    within: Option<Part>,
    /// The next byte is escaped.
    escape: bool,
    /// The next string is the name of a member.
    key_next: bool,
}

impl Parts {
    /// For one value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the parts of the next piece to `each`, in order and without gaps. A part that is cut comes as several.
    pub fn feed<'p>(&mut self, piece: &'p [u8], mut each: impl FnMut(Part, &'p [u8])) {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            let (part, length) = match self.within {
                Some(part @ (Part::Key | Part::Text)) => (part, self.string(rest)),
                Some(part) => (part, self.word(rest)),
                None if is_between(byte) => (Part::Between, self.between(rest)),
                None => (self.begin(byte), 0),
            };
            each_unless_empty(&mut each, part, &rest[..length]);
            rest = &rest[length..];
        }
    }

    /// What begins with `byte`, of which nothing is taken yet.
    fn begin(&mut self, byte: u8) -> Part {
        let part = match byte {
            b'"' if self.key_next => Part::Key,
            b'"' => Part::Text,
            // What else begins so is no JSON, except for `nan`.
            b't' | b'f' | b'n' => Part::Literal,
            _ => Part::Number,
        };
        self.within = Some(part);
        // The quote that begins a string is taken as one that does not end it.
        self.escape = byte == b'"';
        part
    }

    /// How long the rest of a string is.
    fn string(&mut self, rest: &[u8]) -> usize {
        let mut at = usize::from(std::mem::take(&mut self.escape));
        while let Some(found) = memchr::memchr2(b'"', b'\\', &rest[at..]) {
            at += found + 1;
            if rest[at - 1] == b'"' {
                self.within = None;
                return at;
            }
            if at == rest.len() {
                self.escape = true;
                return at;
            }
            at += 1;
        }
        rest.len()
    }

    /// How long the rest of a number or a literal is.
    fn word(&mut self, rest: &[u8]) -> usize {
        match rest.iter().position(|&byte| is_between(byte) || byte == b'"') {
            Some(end) => {
                self.within = None;
                end
            }
            None => rest.len(),
        }
    }

    /// How much stands there before the next part.
    fn between(&mut self, rest: &[u8]) -> usize {
        for (at, &byte) in rest.iter().enumerate() {
            match byte {
                b'{' | b'[' => {
                    self.nesting.push(byte);
                    self.key_next = byte == b'{';
                }
                b'}' | b']' => {
                    self.nesting.pop(byte);
                }
                b',' => self.key_next = self.nesting.is_in_object(),
                b':' => self.key_next = false,
                byte if is_space(byte) => {}
                _ => return at,
            }
        }
        rest.len()
    }
}

fn is_between(byte: u8) -> bool {
    is_space(byte) || b"{}[],:".contains(&byte)
}

fn each_unless_empty<'p>(each: &mut impl FnMut(Part, &'p [u8]), part: Part, bytes: &'p [u8]) {
    if !bytes.is_empty() {
        each(part, bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;

    /// The text with a letter before each part, those that were cut put together again.
    fn marked(text: &[u8], cuts: &[usize]) -> String {
        let (mut out, mut last) = (Vec::new(), None);
        let mut parts = Parts::new();
        let mut each = |part: Part, bytes: &[u8]| {
            let letter = match part {
                Part::Key => b'K',
                Part::Text => b'T',
                Part::Number => b'N',
                Part::Literal => b'L',
                Part::Between => b'_',
            };
            if last.replace(part) != Some(part) {
                out.push(letter);
            }
            out.extend_from_slice(bytes);
        };
        let mut rest = text;
        for &cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            parts.feed(piece, &mut each);
            rest = after;
        }
        parts.feed(rest, &mut each);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parts_are_told() {
        let check = |text: &str, expected: &str| {
            assert_eq!(marked(text.as_bytes(), &[]), expected);
            assert_eq!(marked(text.as_bytes(), &vec![1; text.len()]), expected, "one byte at a time");
        };
        check("", "");
        check("1", "N1");
        check("true", "Ltrue");
        check(r#""a\"b""#, r#"T"a\"b""#);
        check(r#"["a", "b"]"#, r#"_[T"a"_, T"b"_]"#);
        check(
            r#"{"a": "x", "b\\": [{"c": null}, "d"], "e": -1.50e3}"#,
            r#"_{K"a"_: T"x"_, K"b\\"_: [{K"c"_: Lnull_}, T"d"_], K"e"_: N-1.50e3_}"#,
        );
        check("[inf,{}]", "_[Ninf_,{}]");
        check(r#"{"":""}"#, r#"_{K""_:T""_}"#);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(value in samples::value(), cuts in prop::collection::vec(0_usize..20, 0..40)) {
            let text = serde_json::to_vec(&value).unwrap();
            let mut all = Vec::new();
            let mut parts = Parts::new();
            let mut rest = text.as_slice();
            for &cut in &cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                parts.feed(piece, |_, bytes| all.extend_from_slice(bytes));
                rest = after;
            }
            parts.feed(rest, |_, bytes| all.extend_from_slice(bytes));
            prop_assert_eq!(all, text.clone());
            prop_assert_eq!(marked(&text, &cuts), marked(&text, &[]));
        }
    }
}
