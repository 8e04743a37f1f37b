//! Decodes JSON strings with any contents.

use std::borrow::Cow;

/// Decodes a JSON string with its quotes; `None` if `raw` does not begin and end with a quote.
///
/// Invalid UTF-8, an unknown escape or half a surrogate pair becomes U+FFFD, so that a broken text does not cost the message.
/// Borrowed if there is no escape and the text is valid UTF-8.
pub fn decode(raw: &[u8]) -> Option<Cow<'_, str>> {
    match raw {
        [b'"', inner @ .., b'"'] => Some(decode_inner(inner)),
        _ => None,
    }
}

/// Decodes a JSON string without its quotes.
pub(crate) fn decode_inner(inner: &[u8]) -> Cow<'_, str> {
    // Most strings are names, which are short and have no escape.
    if let Ok(text) = std::str::from_utf8(inner)
        && !text.contains('\\')
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.push_str(&String::from_utf8_lossy(&rest[..at]));
        let (c, used) = escape(&rest[at..]);
        text.push(c);
        rest = &rest[at + used..];
    }
    text.push_str(&String::from_utf8_lossy(rest));
    Cow::Owned(text)
}

/// Decodes a name without its quotes. Without an escape it is borrowed as it is, also if it is not UTF-8.
pub(crate) fn decode_name(inner: &[u8]) -> Cow<'_, [u8]> {
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    match decode_inner(inner) {
        Cow::Borrowed(name) => Cow::Borrowed(name.as_bytes()),
        Cow::Owned(name) => Cow::Owned(name.into_bytes()),
    }
}

/// Returns the character of the escape at the front of `text`, and its length in bytes.
fn escape(text: &[u8]) -> (char, usize) {
    let c = match text.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(&c @ (b'"' | b'\\' | b'/')) => char::from(c),
        Some(b'u') => return unicode(text),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (c, 2)
}

/// Decodes `\uXXXX`, or a surrogate pair of two.
fn unicode(text: &[u8]) -> (char, usize) {
    let Some(first) = hex(text) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    if let Some(c) = char::from_u32(first) {
        return (c, 6);
    }
    if (0xd800..0xdc00).contains(&first)
        && let Some(second @ 0xdc00..0xe000) = hex(&text[6..])
        && let Some(c) = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    {
        return (c, 12);
    }
    (char::REPLACEMENT_CHARACTER, 6)
}

/// Writes a string as JSON, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    // To write a string as JSON cannot fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// Returns true if `c` is a noncharacter, which QEMU's parser refuses. Source: `is_valid_codepoint` in QEMU's `util/unicode.c`;
/// tried on 7.2.
pub fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

/// Returns true if a JSON string has half of a surrogate pair.
pub(crate) fn has_half_surrogate(raw: &[u8]) -> bool {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (c, used) = escape(&rest[at..]);
        if c == char::REPLACEMENT_CHARACTER && hex(&rest[at..]).is_some_and(|code| code != u32::from(c)) {
            return true;
        }
        rest = &rest[at + used..];
    }
    false
}

/// Returns the four digits of the `\uXXXX` at the front of `text`.
fn hex(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_decoded() {
        let check = |raw: &[u8], expected: &str| {
            assert_eq!(decode(raw).as_deref(), Some(expected), "{raw:?}");
        };
        check(br#""""#, "");
        check(br#""plain""#, "plain");
        check("\"é\"".as_bytes(), "é");
        check(br#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{c}\n\r\t");
        check(br#""S\u0054O\u0050""#, "STOP");
        check(br#""\u00e9\u00E9""#, "éé");
        check(br#""\ud83d\ude00!""#, "😀!");
        check(br#""\ud83dx""#, "\u{fffd}x");
        check(br#""\ud83d\u0041""#, "\u{fffd}A");
        check(br#""\ude00""#, "\u{fffd}");
        check(br#""\u12""#, "\u{fffd}12");
        check(br#""\u12g4""#, "\u{fffd}12g4");
        check(br#""\q""#, "\u{fffd}q");
        check(br#""\""#, "\u{fffd}");
        check(b"\"a\xffb\"", "a\u{fffd}b");
        check(b"\"a\xffb\\n\xff\"", "a\u{fffd}b\n\u{fffd}");
        check(b"\"line\nbreak\"", "line\nbreak");
    }

    #[test]
    fn plain_strings_are_borrowed() {
        assert!(matches!(decode(br#""STOP""#), Some(Cow::Borrowed("STOP"))));
    }

    #[test]
    fn other_values_are_no_strings() {
        for raw in [&b""[..], b"\"", b"1", b"null", b"{}", b"[\"a\"]"] {
            assert_eq!(decode(raw), None, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_decoded(text: String) {
            let raw = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(decode(raw.as_bytes()).unwrap(), text);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![
            prop::sample::select(br#"\u"dD89cC"#.to_vec()), any::<u8>()], 0..40)) {
            let _ = decode_inner(&bytes);
        }
    }
}
