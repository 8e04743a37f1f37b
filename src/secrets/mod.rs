//! Finds and masks secrets: passwords and the like in commands, file names and typed lines.
//!
//! The wire log, diagnostics and the history use one list, in `words`. It has the secret arguments of QEMU's schema and of the
//! guest agent. Besides, an argument is a secret if its name suggests it. Members that end in `-secret` hold the id of a
//! `secret` object and are shown. Source: docs/qmp.md, "Secrets".
//!
//! A secret is masked because of its place: the member of a message, the argument of a line. What cannot be read has no places, so
//! it is masked from the first word on that may name a secret.

mod mask;
mod words;

pub use mask::{excerpt, mask, mask_places, reveals};
pub use words::{SecretSearch, in_text, is_secret_argument, mask_urls, takes_secret};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::words::is_secret_name;
    use super::*;

    #[test]
    fn names_of_secrets() {
        let check = |name: &str, expected: bool| assert_eq!(is_secret_name(name), expected, "{name}");
        check("password", true);
        check("Password", true);
        check("file.password", true);
        check("proxy-password", true);
        check("passphrase", true);
        check("cookie", true);
        check("secret", true);
        check("password-secret", false);
        check("file.cookie-secret", false);
        check("key-secret", false);
        check("passwordid", false);
        check("node-name", false);
        check("data", false);
    }

    #[test]
    fn excerpts_are_masked_before_they_are_cut() {
        let check = |message: &str, max, expected: &str| {
            assert_eq!(excerpt(message.as_bytes(), max), expected);
        };
        check(r#"{"return": {}}"#, 40, r#"{"return": {}}"#);
        check(r#"{"return": {}, "id": 1}"#, 10, r#"{"return"…"#);
        check(r#"{"password":"hunter2"}"#, 40, r#"{"password":"***"}"#);
        let long = format!(r#"{{"password":"{}","a":1}}"#, "x".repeat(10_000));
        check(&long, 40, r#"{"password":"***"…"#);
    }

    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            " ",
            " ",
            "a",
            "=",
            ",",
            ":",
            "password",
            "secret",
            "data=",
            "S",
            "object-add",
            "qom-set",
            "guest-exec",
            "arg",
            "set_password",
            "x://u:p@h",
            "x://h",
            "\\",
            "\\u0064",
            "'",
            "\"",
            "{",
            "rbd:",
            "key=",
            "#",
        ])
    }

    proptest! {
        // What a search remembers must not hide a secret.
        #[test]
        fn a_search_finds_what_a_look_at_the_rest_finds(
            pieces in prop::collection::vec(piece(), 0..40),
            commands in prop::collection::vec(prop::sample::select(vec!["", "x", "object-add", "qom-set"]), 40),
        ) {
            let text = pieces.concat();
            let mut search = SecretSearch::new(&text);
            let starts = text.match_indices(' ').map(|(at, _)| at + 1);
            for (place, command) in starts.zip(commands) {
                let rest = in_text(&text[place..], command).map(|found| place + found);
                prop_assert_eq!(search.first_from(place, command), rest, "{} {}", place, command);
            }
        }
    }
}
