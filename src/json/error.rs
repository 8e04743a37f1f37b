//! Errors of scanning a stream of messages.

use crate::text;

/// How many bytes of what came are kept for the message about it.
const SEEN: usize = 160;

/// The stream of bytes is not a stream of JSON objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// Something other than an object stands where a message should begin.
    #[error("received data is not a JSON object: `{}`", text::excerpt(seen, 80))]
    Garbage {
        /// The first bytes of it, as they came.
        seen: Vec<u8>,
    },
    /// The outline of a message is wrong: a bracket that does not match, a member without a colon.
    #[error("malformed message: {expected} expected at byte {at}, near `{}`", text::excerpt(seen, 80))]
    Malformed {
        /// How many bytes of the message were right.
        at: usize,
        /// What should have stood there.
        expected: &'static str,
        /// Some bytes before and after that place.
        seen: Vec<u8>,
    },
    /// A message is longer than the limit.
    #[error("a message is longer than the limit of {limit} bytes; it begins with `{}`", text::excerpt(seen, 80))]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// How the message begins.
        seen: Vec<u8>,
    },
    /// A message has so many members that it cannot be one of this protocol.
    #[error("a message has more than {limit} members; it begins with `{}`", text::excerpt(seen, 80))]
    TooManyMembers {
        /// The limit.
        limit: usize,
        /// How the message begins.
        seen: Vec<u8>,
    },
    /// The stream ended inside a message.
    #[error("the stream ended inside a message, after {length} bytes of it: `{}`", text::excerpt(seen, 80))]
    Truncated {
        /// How much of the message had come, in bytes.
        length: usize,
        /// How the message begins.
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

    /// The received bytes that are quoted, as they came; not safe to show.
    pub fn seen(&self) -> &[u8] {
        match self {
            Self::Garbage { seen }
            | Self::Malformed { seen, .. }
            | Self::TooLong { seen, .. }
            | Self::TooManyMembers { seen, .. }
            | Self::Truncated { seen, .. } => seen,
        }
    }
}

pub(super) fn beginning(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(SEEN)].to_vec()
}
