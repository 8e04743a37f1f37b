//! Numbers, kept as they are written.

use std::borrow::Cow;

/// Returns true if `text` is an integer in JSON's spelling: `-5`, but neither `+5`, `05` nor `1_000`.
pub fn is_json_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

/// Returns true if `text` is a number in JSON's spelling that QEMU accepts: it refuses an exponent right after a lone zero.
/// Source: `IN_ZERO` in QEMU's `qobject/json-lexer.c`; tried on 7.2.
pub(crate) fn is_json_number(text: &str) -> bool {
    let is_lone_zero = matches!(text.trim_start_matches('-').as_bytes(), [b'0', b'e' | b'E', ..]);
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    is_number && !is_lone_zero && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Returns a number of Python in JSON's spelling: `0x1f`, `0o17`, `0b11`, `1_000`, `+1`, `.5`, `1.`
pub(super) fn from_python(text: &str) -> Option<Cow<'_, str>> {
    if is_json_number(text) {
        return Some(Cow::Borrowed(text));
    }
    let (minus, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let clean = without_underscores(rest)?;
    let lower = clean.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            let value =
                digits.chars().all(|c| c.is_digit(radix)).then(|| u128::from_str_radix(digits, radix).ok())??;
            return Some(Cow::Owned(format!("{minus}{value}")));
        }
    }
    let mut number = clean.into_owned();
    if number.starts_with('.') {
        number.insert(0, '0');
    }
    if let Some(point) = number.find('.')
        && !number[point + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        number.insert(point + 1, '0');
    }
    let number = format!("{minus}{number}");
    // A lone point must not become `0.0`.
    let some = rest.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    (some && is_json_number(&number)).then_some(Cow::Owned(number))
}

/// Python allows single underscores between digits, and after the `0x`.
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let placed = |(at, b): (usize, &u8)| {
        *b != b'_'
            || (at > 0
                && bytes[at - 1].is_ascii_alphanumeric()
                && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric))
    };
    bytes.iter().enumerate().all(placed).then(|| Cow::Owned(text.replace('_', "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_qemu_accepts() {
        for text in ["0", "-0", "5", "-18446744073709551616"] {
            assert!(is_json_integer(text) && is_json_number(text), "{text}");
        }
        for text in ["1.5", "1e400", "0.5E-3", "-1.0e+05", "0.0e1", "1E5"] {
            assert!(!is_json_integer(text) && is_json_number(text), "{text}");
        }
        for text in [
            "", "-", "+1", "01", "-01", "1_000", "1.", ".5", "1e", "1e+", "0x10", "1.5.2", "--1", "1e5e5", "0e1",
            "-0E+1", "٣",
        ] {
            assert!(!is_json_number(text), "{text}");
        }
    }

    #[test]
    fn numbers_of_python_become_json() {
        let check = |text: &str, expected: &str| {
            assert_eq!(from_python(text).as_deref(), Some(expected), "{text}");
        };
        check("1e400", "1e400");
        check("0x1F", "31");
        check("-0x10", "-16");
        check("0o17", "15");
        check("0B11", "3");
        check("0xffff_ffff_ffff_ffff", "18446744073709551615");
        check("1_000", "1000");
        check("+1", "1");
        check(".5", "0.5");
        check("1.", "1.0");
        check("-1.e5", "-1.0e5");
        for text in ["01", "1__0", "_1", "1_", ".", "-.", "+", "0x", "0x+1", "1j", "abc", "1.2.3", ".e5"] {
            assert_eq!(from_python(text), None, "{text}");
        }
    }
}
