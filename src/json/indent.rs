//! Puts a value on many lines, in parts that can be colored.

use super::nesting::Nesting;
use super::tokens::{Cut, TokenKind, Tokens};

/// The spaces of a level, as in jq.
const STEP: usize = 2;

/// The deepest level that is indented. Otherwise a message of 200 KB with nested brackets would become 20 GB.
const MAX_LEVELS: usize = 128;

/// A line break and as many spaces as are ever needed.
static BREAK: [u8; 1 + STEP * MAX_LEVELS] = {
    let mut text = [b' '; 1 + STEP * MAX_LEVELS];
    text[0] = b'\n';
    text
};

/// The kind of a part of indented JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name of a member, with its quotes.
    Key,
    /// A string, with its quotes.
    Text,
    /// A number, or any other word that is not JSON, such as `inf`.
    Number,
    /// `true`, `false`, `null`.
    Literal,
    /// Brackets, colons, commas and white space.
    Between,
}

/// Writes JSON with a member or an element a line, indented by two spaces a level up to 128 levels, whatever its white space.
///
/// A space follows a colon, and an empty container is `{}` or `[]`. Strings, numbers and the order of keys stay. The value is fed
/// in pieces that are cut anywhere, and only a bit for each open bracket is kept. The text is not validated.
///
/// ```
/// let mut out = Vec::new();
/// qmpsh::json::Indenter::new().feed(br#"{"a":[1,{}]}"#, |_, bytes| out.extend_from_slice(bytes));
/// assert_eq!(out, b"{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Indenter {
    nesting: Nesting,
    cut: Cut,
    /// The last token was an opening bracket, so a line break comes before the next value.
    opened: bool,
    /// The next string is the name of a member.
    key_next: bool,
}

impl Indenter {
    /// Makes an indenter for one value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `write` with the parts of the next piece of the value, in order. A string or number that is cut comes as several
    /// parts. No line break is written at the end.
    pub fn feed(&mut self, piece: &[u8], mut write: impl FnMut(Part, &[u8])) {
        let mut tokens = Tokens::resume(piece, self.cut);
        for token in tokens.by_ref().filter(|token| token.kind != TokenKind::Space) {
            let bytes = &piece[token.range];
            let opened = std::mem::take(&mut self.opened);
            let part = match token.kind {
                TokenKind::Close => {
                    self.nesting.pop(bytes[0]);
                    if !opened {
                        write(Part::Between, self.line_break());
                    }
                    Part::Between
                }
                TokenKind::Comma => {
                    write(Part::Between, b",");
                    write(Part::Between, self.line_break());
                    self.key_next = self.nesting.is_in_object();
                    continue;
                }
                TokenKind::Colon => {
                    write(Part::Between, b": ");
                    self.key_next = false;
                    continue;
                }
                kind => {
                    if opened {
                        write(Part::Between, self.line_break());
                    }
                    match kind {
                        TokenKind::String if self.key_next => Part::Key,
                        TokenKind::String => Part::Text,
                        TokenKind::Number => Part::Number,
                        TokenKind::Literal => Part::Literal,
                        _ => Part::Between,
                    }
                }
            };
            write(part, bytes);
            if token.kind == TokenKind::Open {
                self.nesting.push(bytes[0]);
                self.opened = true;
                self.key_next = bytes[0] == b'{';
            }
        }
        self.cut = tokens.cut();
    }

    fn line_break(&self) -> &'static [u8] {
        &BREAK[..=STEP * self.nesting.depth().min(MAX_LEVELS)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{compact, samples};
    use super::*;

    fn indent(text: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut indenter = Indenter::new();
        let mut rest = text;
        for &cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            indenter.feed(piece, |_, bytes| out.extend_from_slice(bytes));
            rest = after;
        }
        indenter.feed(rest, |_, bytes| out.extend_from_slice(bytes));
        out
    }

    #[test]
    fn values_are_indented() {
        let check = |text: &str, expected: &str| {
            assert_eq!(String::from_utf8(indent(text.as_bytes(), &[])).unwrap(), expected);
            assert_eq!(indent(text.as_bytes(), &vec![1; text.len()]), expected.as_bytes());
        };
        check("", "");
        check("{}", "{}");
        check("[\r\n]", "[]");
        check("{ }", "{}");
        check("18446744073709551615", "18446744073709551615");
        check("\"a\"", "\"a\"");
        check("[inf,-nan, 1e400]", "[\n  inf,\n  -nan,\n  1e400\n]");
        check(
            r#"{"b":1,"a": {"x" :[]},"c":[{},[1]]}"#,
            "{\n  \"b\": 1,\n  \"a\": {\n    \"x\": []\n  },\n  \"c\": [\n    {},\n    [\n      1\n    ]\n  ]\n}",
        );
        check(r#"{"{\":[":"}\\","z":"\\\\"}"#, "{\n  \"{\\\":[\": \"}\\\\\",\n  \"z\": \"\\\\\\\\\"\n}");
        check("{\r\n    \"return\": {\r\n    }\r\n}", "{\n  \"return\": {}\n}");
    }

    /// The indented text with a letter before each part, those that were cut put together again.
    fn marked(text: &[u8], cuts: &[usize]) -> String {
        let (mut out, mut last) = (Vec::new(), None);
        let mut indenter = Indenter::new();
        let mut write = |part: Part, bytes: &[u8]| {
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
            indenter.feed(piece, &mut write);
            rest = after;
        }
        indenter.feed(rest, &mut write);
        let out = String::from_utf8(out).unwrap();
        // The indentation is tested by the other tests.
        out.lines().map(str::trim_start).collect::<Vec<_>>().join("")
    }

    #[test]
    fn parts_are_told_apart() {
        let check = |text: &str, expected: &str| {
            assert_eq!(marked(text.as_bytes(), &[]), expected);
            assert_eq!(marked(text.as_bytes(), &vec![1; text.len()]), expected, "one byte at a time");
        };
        check("", "");
        check("1", "N1");
        check("true", "Ltrue");
        check(r#""a\"b""#, r#"T"a\"b""#);
        check(r#"["a", "b"]"#, r#"_[T"a"_,T"b"_]"#);
        check(
            r#"{"a": "x", "b\\": [{"c": null}, "d"], "e": -1.50e3}"#,
            r#"_{K"a"_: T"x"_,K"b\\"_: [{K"c"_: Lnull_},T"d"_],K"e"_: N-1.50e3_}"#,
        );
        check("[inf,{}]", "_[Ninf_,{}]");
        check(r#"{"":""}"#, r#"_{K""_: T""_}"#);
    }

    #[test]
    fn hostile_depth_does_not_multiply_the_output() {
        let text = [b"[".repeat(5_000), b"]".repeat(5_000)].concat();
        let out = indent(&text, &[2_500]);
        assert!(out.len() <= text.len() * (2 + STEP * MAX_LEVELS));
        assert_eq!(compact(&out).as_ref(), text);
    }

    proptest! {
        #[test]
        fn it_is_what_serde_writes(value in samples::value(), cuts in prop::collection::vec(0_usize..20, 0..40)) {
            let expected = serde_json::to_string_pretty(&value).unwrap();
            let plain = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(indent(plain.as_bytes(), &cuts), expected.as_bytes());
            prop_assert_eq!(indent(expected.as_bytes(), &cuts), expected.as_bytes());
            prop_assert_eq!(marked(plain.as_bytes(), &cuts), marked(plain.as_bytes(), &[]));
        }

        #[test]
        fn indented_and_compacted_it_is_what_qemu_sends_on_one_line(value in samples::value()) {
            let line = samples::as_qemu(&value);
            let pretty = indent(line.as_bytes(), &[]);
            let compacted = compact(&pretty);
            prop_assert_eq!(&*compacted, line.as_bytes());
        }

        #[test]
        fn any_bytes_give_the_same_in_any_pieces(
            noise in prop::collection::vec(prop_oneof![
                4 => prop::sample::select(b"{}[]\"\\:, a1\n".to_vec()), 1 => any::<u8>()], 0..100),
            cuts in prop::collection::vec(0_usize..20, 0..40),
        ) {
            prop_assert_eq!(indent(&noise, &cuts), indent(&noise, &[]));
            compact(&noise);
        }
    }
}
