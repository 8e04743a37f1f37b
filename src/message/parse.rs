//! Values that are read with serde.

use std::sync::Arc;

use serde::de::DeserializeOwned;

/// A value that the peer sent is not of the type that was asked for. The source is serde's error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the value of `{member}` has another type than expected")]
pub struct ParseError {
    member: &'static str,
    source: Arc<serde_json::Error>,
}

impl ParseError {
    /// Reads the value of `member`. An empty object is also a `()`.
    pub(super) fn parse<T: DeserializeOwned>(member: &'static str, value: &[u8]) -> Result<T, Self> {
        serde_json::from_slice(value).or_else(|error| {
            let is_empty = value.iter().filter(|byte| !byte.is_ascii_whitespace()).eq(b"{}");
            let unit = if is_empty { serde_json::from_slice(b"null").ok() } else { None };
            unit.ok_or_else(|| Self { member, source: Arc::new(error) })
        })
    }
}
