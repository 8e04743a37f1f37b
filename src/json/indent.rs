//! A value indented, in a single pass.

use std::io::{self, Write};

use super::is_space;

/// Two spaces a level, as jq does.
const STEP: usize = 2;

/// Deeper levels are indented no further: with the indentation of a hundred thousand nested brackets a message of
/// 200 KB would become 20 GB.
const MAX_LEVELS: usize = 128;

/// A line break and as many spaces as are ever needed.
const BREAK: [u8; 1 + STEP * MAX_LEVELS] = {
    let mut text = [b' '; 1 + STEP * MAX_LEVELS];
    text[0] = b'\n';
    text
};

/// Writes JSON on many lines, whatever white space it came with: a member or an element a line, indented by two spaces a
/// level (up to 128 levels), one space after a colon, `{}` and `[]` if there is nothing inside.
///
/// Strings, numbers and the order of keys are written as they came. The value is fed in pieces, cut anywhere, and
/// nothing of it is kept: the memory needed is that of this struct. What is not JSON is neither noticed nor mended.
///
/// ```
/// let mut out = Vec::new();
/// qmpsh::json::Indenter::new().feed(br#"{"a":[1,{}]}"#, &mut out)?;
/// assert_eq!(out, b"{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Indenter {
    depth: usize,
    /// The last thing written was an opening bracket: the line is not broken before it is known what follows.
    opened: bool,
    quoted: bool,
    /// The next byte is escaped.
    escape: bool,
}

impl Indenter {
    /// For one value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the next piece of the value to `out`, as far as it is known how. It writes many small pieces, so `out`
    /// should have a buffer. Nothing has to be flushed at the end, and no line break is written there.
    pub fn feed(&mut self, piece: &[u8], out: &mut impl Write) -> io::Result<()> {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            let length = if self.quoted {
                self.string(rest, out)?
            } else if is_space(byte) {
                1
            } else {
                self.token(byte, rest, out)?
            };
            rest = &rest[length..];
        }
        Ok(())
    }

    /// Inside a string: writes it to its end, or to the end of `rest`; how many bytes that is.
    fn string(&mut self, rest: &[u8], out: &mut impl Write) -> io::Result<usize> {
        let mut at = usize::from(self.escape);
        self.escape = false;
        while let Some(found) = memchr::memchr2(b'"', b'\\', &rest[at..]) {
            at += found + 1;
            if rest[at - 1] == b'"' {
                self.quoted = false;
                break;
            }
            if at == rest.len() {
                self.escape = true;
                break;
            }
            at += 1;
        }
        let length = if self.quoted { rest.len() } else { at };
        out.write_all(&rest[..length])?;
        Ok(length)
    }

    /// Outside strings: writes one token, of a string only the quote; how many bytes it has.
    fn token(&mut self, byte: u8, rest: &[u8], out: &mut impl Write) -> io::Result<usize> {
        let empty = std::mem::take(&mut self.opened);
        match byte {
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if !empty {
                    self.line_break(out)?;
                }
                out.write_all(&[byte])?;
                return Ok(1);
            }
            b',' => {
                out.write_all(b",")?;
                self.line_break(out)?;
                return Ok(1);
            }
            b':' => {
                out.write_all(b": ")?;
                return Ok(1);
            }
            _ => {}
        }
        if empty {
            self.line_break(out)?;
        }
        let length = match byte {
            b'{' | b'[' => {
                self.depth += 1;
                self.opened = true;
                1
            }
            b'"' => {
                self.quoted = true;
                1
            }
            _ => {
                let ends = |&byte: &u8| is_space(byte) || b"{}[],:\"".contains(&byte);
                rest.iter().position(ends).unwrap_or(rest.len())
            }
        };
        out.write_all(&rest[..length])?;
        Ok(length)
    }

    fn line_break(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&BREAK[..=STEP * self.depth.min(MAX_LEVELS)])
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
            indenter.feed(piece, &mut out).unwrap();
            rest = after;
        }
        indenter.feed(rest, &mut out).unwrap();
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
