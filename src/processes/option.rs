//! QEMU's syntax for the value of an option: `socket,id=m,path=/tmp/a,,b,server=on,nowait`.
//!
//! Source: QEMU's `util/qemu-option.c`.

use std::borrow::Cow;

use crate::address::pieces;

/// The value of one option, as pairs. The last pair with a key counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct OptionValue {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl OptionValue {
    /// Reads `text`, also as JSON; a first piece without a key belongs to `implied`.
    pub(super) fn parse(text: &[u8], implied: &str) -> Self {
        if text.first() == Some(&b'{') {
            return Self::parse_json(text);
        }
        let mut pairs = Vec::new();
        for (index, piece) in pieces(text).into_iter().enumerate() {
            let special = piece.iter().position(|byte| matches!(byte, b'=' | b','));
            let pair = match special.filter(|&at| piece[at] == b'=') {
                Some(at) => (piece[..at].to_vec(), piece[at + 1..].to_vec()),
                None if index == 0 => (implied.as_bytes().to_vec(), piece),
                // `nowait` is `wait=off`, `server` is `server=on`.
                None => match piece.strip_prefix(b"no") {
                    Some(key) if matches!(key, b"wait" | b"delay" | b"server") => (key.to_vec(), b"off".to_vec()),
                    _ => (piece, b"on".to_vec()),
                },
            };
            pairs.push(pair);
        }
        Self { pairs }
    }

    fn parse_json(text: &[u8]) -> Self {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).unwrap_or_default();
        let text_of = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Bool(on) => Some(if on { "on" } else { "off" }.to_owned()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let pairs =
            object.into_iter().filter_map(|(key, value)| Some((key.into_bytes(), text_of(value)?.into_bytes())));
        Self { pairs: pairs.collect() }
    }

    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.pairs.iter().rev().find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// Returns a number in decimal digits.
    pub(super) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        std::str::from_utf8(self.get(key)?).ok()?.parse().ok()
    }

    /// Returns true if it is given and on.
    pub(super) fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some(b"on" | b"yes" | b"true" | b"y"))
    }

    /// Returns true if it is given and off.
    pub(super) fn is_off(&self, key: &str) -> bool {
        matches!(self.get(key), Some(b"off" | b"no" | b"false" | b"n"))
    }
}

/// Makes bytes text, for a sentence.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_read_as_pairs() {
        #[track_caller]
        fn check(text: &str, expected: &[(&str, &str)]) {
            let parsed = OptionValue::parse(text.as_bytes(), "implied");
            let expected: Vec<_> =
                expected.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
            assert_eq!(parsed.pairs, expected, "{text}");
        }
        check("", &[("implied", "")]);
        check("a", &[("implied", "a")]);
        check("a,b", &[("implied", "a"), ("b", "on")]);
        check("k=v,nowait,server", &[("k", "v"), ("wait", "off"), ("server", "on")]);
        check("noserver", &[("implied", "noserver")]);
        check("x,nodename=n,node", &[("implied", "x"), ("nodename", "n"), ("node", "on")]);
        check("a,,b,k=c,,d,,,e", &[("implied", "a,b"), ("k", "c,d,"), ("e", "on")]);
        check("a,,b=c", &[("implied", "a,b=c")]);
        check("k=a=b", &[("k", "a=b")]);
        check(",", &[("implied", ""), ("", "on")]);
        check(r#"{"k": "v", "n": 5, "b": true, "l": []}"#, &[("k", "v"), ("n", "5"), ("b", "on")]);
        check("{", &[]);
    }

    #[test]
    fn the_last_pair_with_a_key_counts() {
        let value = OptionValue::parse(b"server=off,port=1,port=22,server=yes", "");
        assert!(value.is_on("server") && !value.is_off("server"));
        assert_eq!(value.number::<u16>("port"), Some(22));
        assert_eq!(value.get("host"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in proptest::collection::vec(proptest::sample::select(b",=no{}\"\xff".to_vec()), 0..40)) {
            OptionValue::parse(&text, "x");
        }
    }
}
