//! The values of options: times, sizes and others.

use qmpsh::pattern::PatternError;
use qmpsh::policy::Rule;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::ServerName;

/// The longest time an option takes, in seconds: 136 years, which can be added to any clock.
const LONGEST: f64 = 4_294_967_295.0;

/// Reads a timeout in seconds, fractions allowed. Zero is an error: it would end everything at once.
pub(super) fn limit(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("a timeout must be more than 0, such as 0.5 or 10".to_owned()),
        limit => Ok(limit),
    }
}

/// Reads a time in seconds, fractions allowed.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "it is not a number of seconds, such as 10 or 0.5".to_owned();
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(wrong());
    }
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if seconds > LONGEST {
        return Err(format!("the longest time is {LONGEST} seconds"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Reads a number of 1 or more.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(count),
        _ => Err("it is not a number of 1 or more".to_owned()),
    }
}

/// Reads a size in bytes: a number of 1 or more, with an optional k, M or G, which are powers of 1024.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = "it is not a size, such as 65536, 64k, 256M or 1G";
    let (digits, shift) = match text.as_bytes() {
        [.., b'k' | b'K'] => (&text[..text.len() - 1], 10),
        [.., b'm' | b'M'] => (&text[..text.len() - 1], 20),
        [.., b'g' | b'G'] => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong.to_owned());
    }
    let too_large = || "it is more than this machine can address".to_owned();
    let number: usize = digits.parse().map_err(|_| too_large())?;
    match number.checked_mul(1 << shift).ok_or_else(too_large)? {
        0 => Err("no message fits into 0 bytes".to_owned()),
        size => Ok(size),
    }
}

/// Reads the permissions of a file in octal.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    match (text.bytes().all(|byte| byte.is_ascii_digit()), u32::from_str_radix(text, 8)) {
        (true, Ok(mode @ 0..=0o777)) => Ok(mode),
        _ => Err("it is not a mode in octal, such as 0600 or 660".to_owned()),
    }
}

/// Reads a host name or an IP address, as certificates have them.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("it is not a host name or an IP address".to_owned()),
    }
}

/// Reads a rule of a policy.
pub(super) fn rule(text: &str) -> Result<Rule, String> {
    text.parse().map_err(|error: PatternError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        #[track_caller]
        fn check(input: &str, expected: Option<f64>) {
            assert_eq!(seconds(input).ok(), expected.map(Duration::from_secs_f64), "{input}");
        }
        check("10", Some(10.0));
        check("0.5", Some(0.5));
        check(".5", Some(0.5));
        check("0", Some(0.0));
        check("4294967295", Some(LONGEST));
        for wrong in ["", ".", "1.2.3", "-1", "+1", "1e3", "inf", "nan", "10s", " 1", "4294967296", &"9".repeat(400)] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_limit_is_never_zero() {
        for zero in ["0", "0.0", ".0", "0.0000000001"] {
            assert!(limit(zero).unwrap_err().contains("more than 0"), "{zero}");
        }
        assert_eq!(limit("0.001"), Ok(Duration::from_millis(1)));
    }

    #[test]
    fn counts() {
        assert_eq!(count("1"), Ok(1));
        assert_eq!(count("128"), Ok(128));
        for wrong in ["", "0", "-1", "+1", "1.5", "x", "99999999999999999999"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        #[track_caller]
        fn check(input: &str, expected: Option<usize>) {
            assert_eq!(size(input).ok(), expected, "{input}");
        }
        check("1", Some(1));
        check("64k", Some(65536));
        check("64K", Some(65536));
        check("256M", Some(268_435_456));
        check("1g", Some(1 << 30));
        for wrong in [
            "",
            "k",
            "0",
            "0G",
            "1T",
            "1.5M",
            "-1",
            "+1",
            "1 k",
            "1kk",
            "1é",
            "18446744073709551616",
            "99999999999999G",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn host_names() {
        for name in ["localhost", "host1.example.com", "10.0.0.1", "::1", "a_b"] {
            assert_eq!(host_name(name).as_deref(), Ok(name));
        }
        for wrong in ["", " ", "a b", "host:1", "[::1]", "-", "a..b", "h\u{f6}st", "fe80::1%eth0"] {
            assert!(host_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn modes() {
        #[track_caller]
        fn check(input: &str, expected: Option<u32>) {
            assert_eq!(mode(input).ok(), expected, "{input}");
        }
        check("0600", Some(0o600));
        check("660", Some(0o660));
        check("0", Some(0));
        check("0777", Some(0o777));
        for wrong in ["", "8", "1777", "0o600", "rw", "-600", "+600", " 600"] {
            check(wrong, None);
        }
    }
}
