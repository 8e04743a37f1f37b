//! JSON as text: compact, checked, and never through a float.

use std::fmt::{self, Write as _};

/// A JSON value that QEMU's parser takes, without white space outside strings; numbers as they were written.
///
/// Its `Debug` hides the text, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText {
    pub(super) text: String,
    pub(super) depth: usize,
}

impl JsonText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How deep objects and arrays are nested in it: 0 for a number, 1 for `{}`.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether it is `{}`.
    pub fn is_empty_object(&self) -> bool {
        self.text == "{}"
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({} bytes, {} deep)", self.text.len(), self.depth)
    }
}

/// Adds `text` as a JSON string: only what must be escaped is.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[copied..at]);
        copied = at + 1;
        if short.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(short);
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

/// Whether QEMU's parser refuses this character: a noncharacter. Source: `is_valid_codepoint` in QEMU's `util/unicode.c`; tried on 7.2.
pub fn is_refused(c: char) -> bool {
    let code = u32::from(c);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            push_string(&mut out, text);
            assert_eq!(out, expected);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        };
        check("", r#""""#);
        check("a\"b\\c/d", r#""a\"b\\c/d""#);
        check("\n\r\t\0\u{1f}\u{7f}é", "\"\\n\\r\\t\\u0000\\u001f\u{7f}é\"");
    }

    #[test]
    fn noncharacters() {
        for c in ['\u{fdd0}', '\u{fdef}', '\u{fffe}', '\u{ffff}', '\u{1fffe}', '\u{10ffff}'] {
            assert!(is_refused(c), "{c:?}");
        }
        for c in ['\0', 'a', '\u{fdcf}', '\u{fdf0}', '\u{fffd}', '\u{feff}', '\u{10000}', '\u{10fffd}'] {
            assert!(!is_refused(c), "{c:?}");
        }
    }
}
