//! Errors of scanning a stream of messages.

use crate::text;

/// How many bytes are kept to quote in the message.
const SEEN: usize = 160;

/// The stream of bytes is not a stream of JSON objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// Other data came where a message should begin.
    #[error("received data is not a JSON object: `{}`", text::excerpt(seen, 80))]
    Garbage {
        /// The first bytes of the data.
        seen: Vec<u8>,
    },
    /// The structure of a message is wrong: a bracket that does not match, a member without a colon.
    #[error("malformed message: {expected} expected at byte {at}, near `{}`", text::excerpt(seen, 80))]
    Malformed {
        /// The number of bytes before the error.
        at: usize,
        /// The expected token.
        expected: &'static str,
        /// The bytes around the error.
        seen: Vec<u8>,
    },
    /// A message is longer than the limit.
    #[error("a message is longer than the limit of {limit} bytes; it begins with `{}`", text::excerpt(seen, 80))]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// The beginning of the message.
        seen: Vec<u8>,
    },
    /// A message has too many members.
    #[error("a message has more than {limit} members; it begins with `{}`", text::excerpt(seen, 80))]
    TooManyMembers {
        /// The limit.
        limit: usize,
        /// The beginning of the message.
        seen: Vec<u8>,
    },
    /// The stream ended inside a message.
    #[error("the stream ended inside a message, after {length} bytes of it: `{}`", text::excerpt(seen, 80))]
    Truncated {
        /// The bytes of the message that had come.
        length: usize,
        /// The beginning of the message.
        seen: Vec<u8>,
    },
}

impl ScanError {
    pub(super) fn garbage(bytes: &[u8]) -> Self {
        Self::Garbage { seen: beginning(bytes) }
    }

    pub(super) fn truncated(bytes: &[u8]) -> Self {
        Self::Truncated { length: bytes.len(), seen: beginning(bytes) }
    }

    pub(super) fn malformed(bytes: &[u8], at: usize, expected: &'static str) -> Self {
        let from = at.saturating_sub(SEEN / 4);
        Self::Malformed { at, expected, seen: beginning(bytes.get(from..).unwrap_or_default()) }
    }
}

pub(super) fn beginning(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(SEEN)].to_vec()
}
