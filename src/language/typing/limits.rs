//! Limits the size of a message.

use super::error::{TypingError, TypingErrorKind};
use crate::json::Tokens;
use crate::language::syntax::Span;

/// Source: `MAX_TOKEN_SIZE` and `MAX_TOKEN_COUNT` in QEMU's `qobject/json-streamer.c`: the bytes of all tokens, and their number.
const MAX_BYTES: usize = 64 << 20;
const MAX_TOKENS: usize = 2 << 20;
/// The size of an `id`: `,"id":` and a number of up to 20 digits.
const ID_BYTES: usize = 26;
const ID_TOKENS: usize = 4;

/// Checks a compact message before it gets its `id`.
pub(super) fn check(text: &str, span: Span) -> Result<(), TypingError> {
    within(text, MAX_BYTES, MAX_TOKENS).map_err(|kind| TypingError::new(span, kind))
}

fn within(text: &str, max_bytes: usize, max_tokens: usize) -> Result<(), TypingErrorKind> {
    // QEMU needs one byte more.
    if text.len() + ID_BYTES + 1 > max_bytes {
        return Err(TypingErrorKind::TooLong);
    }
    // A token has a byte at least.
    if text.len() + ID_TOKENS > max_tokens && Tokens::new(text.as_bytes()).count() + ID_TOKENS > max_tokens {
        return Err(TypingErrorKind::TooManyTokens);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tokens() {
        let check = |text: &str, expected| assert_eq!(Tokens::new(text.as_bytes()).count(), expected, "{text}");
        check("", 0);
        check("{}", 2);
        check(r#"{"a":-1.5,"b\"\\":[true,null,"{,"]}"#, 17 - 2);
    }

    #[test]
    fn limits() {
        let outcome = |text: &str, max_bytes, max_tokens| match within(text, max_bytes, max_tokens) {
            Ok(()) => "fits",
            Err(TypingErrorKind::TooLong) => "too long",
            Err(TypingErrorKind::TooManyTokens) => "too many tokens",
            Err(_) => "something else",
        };
        assert_eq!(outcome("12345", 5 + ID_BYTES + 1, 1 + ID_TOKENS), "fits");
        assert_eq!(outcome("12345", 5 + ID_BYTES, 1 + ID_TOKENS), "too long");
        assert_eq!(outcome("[1,22]", 1000, 5 + ID_TOKENS), "fits");
        assert_eq!(outcome("[1,22]", 1000, 4 + ID_TOKENS), "too many tokens");
    }

    #[test]
    fn the_limits_of_qemu() {
        let span = Span::default();
        assert!(check(&"[".repeat(MAX_TOKENS - ID_TOKENS), span).is_ok());
        let error = check(&"[".repeat(MAX_TOKENS), span).unwrap_err();
        assert!(matches!(error.kind, TypingErrorKind::TooManyTokens));
        let error = check(&" ".repeat(MAX_BYTES), span).unwrap_err();
        assert!(matches!(error.kind, TypingErrorKind::TooLong));
    }
}
