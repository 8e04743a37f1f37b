//! Reads the peer's replies: lists of which only the beginning is kept, without entries that are not as expected.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How many entries of a list are read. The rest is counted.
const MOST: usize = 10_000;

/// The entries of a list. Those that are not as expected are left out, because a later QEMU may have others.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) entries: Vec<T>,
    /// How many more there were.
    pub(super) left_out: u64,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), left_out: 0 }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut found = List::default();
        for _ in 0..MOST {
            let Some(entry) = list.next_element::<&RawValue>()? else { return Ok(found) };
            found.entries.extend(serde_json::from_str(entry.get()));
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            found.left_out += 1;
        }
        Ok(found)
    }
}

/// Reads a reply that is a list; an empty one if it is not.
pub(super) fn list<T: DeserializeOwned>(reply: &[u8]) -> List<T> {
    serde_json::from_slice(reply).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_not_as_expected_are_left_out() {
        let check =
            |reply: &str, expected: &[u8]| assert_eq!(list::<u8>(reply.as_bytes()).entries, expected, "{reply}");
        check("[1, 2]", &[1, 2]);
        check("[1, \"x\", 300, [[]], 2]", &[1, 2]);
        check("", &[]);
        check("{}", &[]);
        check("[1, inf]", &[]);
        let deep = format!("[1, {}{}]", "[".repeat(5000), "]".repeat(5000));
        check(&deep, &[1]);
    }

    #[test]
    fn long_lists_are_counted() {
        let long = format!("[{}1]", "1,".repeat(1_000_000));
        let list = list::<u8>(long.as_bytes());
        assert_eq!((list.entries.len(), list.left_out), (MOST, 990_001));
    }
}
