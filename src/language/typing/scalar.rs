//! Reads an unquoted word as a boolean, an integer or a number.

use crate::language::syntax::{is_json_integer, parse_json, quoted};

/// Returns true if a word could be more than a string, so that the type of its argument decides.
///
/// ```
/// use qmpsh::language::typing::could_mean_two_things;
///
/// assert!(could_mean_two_things("0x10") && could_mean_two_things("off") && could_mean_two_things("10G"));
/// assert!(!could_mean_two_things("net0") && !could_mean_two_things("0123"));
/// ```
pub fn could_mean_two_things(text: &str) -> bool {
    text == "null" || boolean(text).is_some() || integer(text).is_some() || is_number(text) || is_json_integer(text)
}

/// Returns the JSON of a value by its spelling alone, as qmp-shell does: integers of JSON, and true and false in any case.
pub(super) fn untyped(text: &str) -> String {
    match ["true", "false"].into_iter().find(|word| text.eq_ignore_ascii_case(word)) {
        Some(word) => word.to_owned(),
        None if is_json_integer(text) => text.to_owned(),
        None => quoted(text),
    }
}

/// Reads on, off, yes, no, true or false, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let words = [("true", true), ("on", true), ("yes", true), ("false", false), ("off", false), ("no", false)];
    words.into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, value)| value)
}

/// Reads an integer of 64 bits, with or without sign: decimal, hexadecimal after `0x`, or with one of the suffixes k M
/// G T P E, in any case, which are powers of 1024. With a suffix it may have a fraction, if the result is an integer.
///
/// Zeros in front are refused: QEMU's command line reads some of these numbers as octal.
pub(super) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u128::from(u64::from_str_radix(hex, 16).ok()?),
        Some(_) => return None,
        None => scaled(digits)?,
    };
    let value = i128::try_from(magnitude).ok()?;
    let value = if negative { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}

/// Reads `12`, `10G`, `1.5k`.
fn scaled(text: &str) -> Option<u128> {
    /// The most digits of a fraction, more than 64 bits need; with the largest suffix it still fits 128 bits.
    const DIGITS: usize = 18;
    let suffix = text.bytes().last().and_then(|last| b"kmgtpe".iter().position(|k| *k == last.to_ascii_lowercase()));
    let number = if suffix.is_some() { &text[..text.len() - 1] } else { text };
    let shift = suffix.map_or(0, |at| 10 * (at + 1));
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if suffix.is_some() && !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    if !is_json_integer(whole) || whole.starts_with('-') || fraction.len() > DIGITS {
        return None;
    }
    let value = u128::from(whole.parse::<u64>().ok()?) << shift;
    if fraction.is_empty() {
        return Some(value);
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let parts = u128::from(fraction.parse::<u64>().ok()?) << shift;
    let unit = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    parts.is_multiple_of(unit).then(|| value + parts / unit)
}

/// Returns true if `text` is a number as in JSON.
pub(super) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && parse_json(text).is_ok_and(|json| json.as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_in_all_spellings() {
        let check = |text: &str, expected: Option<i128>| assert_eq!(integer(text), expected, "{text}");
        check("0", Some(0));
        check("-0", Some(0));
        check("42", Some(42));
        check("-42", Some(-42));
        check("18446744073709551615", Some(i128::from(u64::MAX)));
        check("18446744073709551616", None);
        check("-9223372036854775808", Some(i128::from(i64::MIN)));
        check("-9223372036854775809", None);
        check("0x10", Some(16));
        check("-0X1f", Some(-31));
        check("0xffffffffffffffff", Some(i128::from(u64::MAX)));
        check("0x1E", Some(30));
        check("10G", Some(10 << 30));
        check("1k", Some(1024));
        check("1K", Some(1024));
        check("2m", Some(2 << 20));
        check("3T", Some(3 << 40));
        check("4P", Some(4 << 50));
        check("15E", Some(15 << 60));
        check("16E", None);
        check("-1k", Some(-1024));
        check("1.5G", Some(3 << 29));
        check("0.25k", Some(256));
        check("0.000976562500000000k", Some(1));
        check("-1.5k", Some(-1536));
        // No integer comes out.
        check("0.1k", None);
        for text in [
            "",
            "-",
            "k",
            "-G",
            "0123",
            "00",
            "01k",
            "+1",
            "1.5",
            "1.",
            "1.k",
            ".5k",
            "1e5",
            "1_000",
            "0x",
            "0x+1",
            "0x1G",
            "0x1.8",
            "--1",
            "1 ",
            " 1",
            "1kk",
            "10GB",
            "10GiB",
            "1B",
            "٣",
            "1.5.5k",
            "1.-5k",
            "0.1234567890123456789k",
            "0x10000000000000000",
            "-18446744073709551615",
            "99999999999999999999k",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn booleans_are_read_in_any_case() {
        for text in ["on", "yes", "true", "True", "ON"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["off", "no", "false", "FALSE", "No"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        for text in ["", "o", "onn", "y", "n", "1", "0", "enable"] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }

    #[test]
    fn words_that_could_mean_two_things_are_found() {
        for text in [
            "0",
            "-5",
            "99999999999999999999",
            "0x10",
            "10G",
            "1k",
            "1.5",
            "1e5",
            "-0.5E-3",
            "on",
            "No",
            "true",
            "FALSE",
            "null",
        ] {
            assert!(could_mean_two_things(text), "{text}");
        }
        for text in [
            "",
            "net0",
            "x",
            "0123",
            "+1",
            "1_000",
            "Null",
            "NULL",
            "None",
            "nan",
            "inf",
            "1.5.6",
            "127.0.0.1",
            "0x",
            "10GB",
            "ok",
            "52:54:00:12:34:56",
            "tcp::2222-:22",
            "[1]",
            "{}",
            "\"1\"",
            " 1",
        ] {
            assert!(!could_mean_two_things(text), "{text}");
        }
    }
}
