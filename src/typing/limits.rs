//! How long a message may be.

use super::{TypingError, TypingErrorKind};
use crate::syntax::Span;

/// Source: `MAX_TOKEN_SIZE` and `MAX_TOKEN_COUNT` in QEMU's `qobject/json-streamer.c`: the bytes of all tokens, and their number.
const MAX_BYTES: usize = 64 << 20;
const MAX_TOKENS: usize = 2 << 20;
/// What the `id` adds: `,"id":` and a number of up to 20 digits.
const ID_BYTES: usize = 26;
const ID_TOKENS: usize = 4;

/// Checks a compact message before it gets its `id`.
pub(super) fn check(text: &str, span: Span) -> Result<(), TypingError> {
    // QEMU wants one byte to be left.
    if text.len() + ID_BYTES + 1 > MAX_BYTES {
        return Err(TypingError::new(span, TypingErrorKind::TooLong));
    }
    // A token has a byte at least.
    if text.len() + ID_TOKENS > MAX_TOKENS && tokens(text) + ID_TOKENS > MAX_TOKENS {
        return Err(TypingError::new(span, TypingErrorKind::TooManyTokens));
    }
    Ok(())
}

/// The tokens of a compact JSON text: marks, strings, numbers and words.
fn tokens(text: &str) -> usize {
    let mut count = 0;
    let mut string = false;
    let mut escaped = false;
    let mut word = false;
    for byte in text.bytes() {
        if string {
            if escaped {
                escaped = false;
            } else {
                escaped = byte == b'\\';
                string = byte != b'"';
            }
            continue;
        }
        let in_word = !b"{}[]:,\"".contains(&byte);
        count += usize::from(!(in_word && word));
        word = in_word;
        string = byte == b'"';
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tokens() {
        let check = |text: &str, expected| assert_eq!(tokens(text), expected, "{text}");
        check("", 0);
        check("{}", 2);
        check(r#"{"a":-1.5,"b\"\\":[true,null,"{,"]}"#, 17 - 2);
    }

    #[test]
    fn limits() {
        let span = Span::default();
        let list = |tokens: usize| format!("[{}1{}]", "1,".repeat((tokens - 3) / 2), " ".repeat(0));
        assert!(check(&list(MAX_TOKENS - ID_TOKENS - 1), span).is_ok());
        let error = check(&list(MAX_TOKENS - ID_TOKENS + 1), span).unwrap_err();
        assert!(matches!(error.kind, TypingErrorKind::TooManyTokens));
        assert!(check(&"1".repeat(MAX_BYTES - ID_BYTES - 1), span).is_ok());
        let error = check(&"1".repeat(MAX_BYTES - ID_BYTES), span).unwrap_err();
        assert!(matches!(error.kind, TypingErrorKind::TooLong));
    }
}
