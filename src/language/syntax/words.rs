//! The words of a command line, which the calling shell has split.

use super::Span;
use super::token::{Next, Position, TRANSACTION, Token, TokenKind};

/// The words of a command line, each of them finished: their quotes, `#` and `|` are ordinary.
///
/// `text` is those words joined by spaces, `words` where each of them stands.
pub(super) fn lex(text: &str, words: &[Span], mut emit: impl FnMut(Token)) -> Position {
    let mut position = Position::new();
    let mut words = words.iter().copied();
    let mut rest = words.next();
    while let Some(span) = rest {
        let word = span.of(text);
        let mut kind = position.kind(word);
        // Only a word of its own is a mark.
        if matches!(kind, TokenKind::Separator | TokenKind::TransactionClose) && word.len() > 1 {
            kind = if position.next == Next::Command { TokenKind::Command } else { TokenKind::Argument };
        }
        let token_span = match kind {
            TokenKind::TransactionOpen => Span::new(span.start, span.start + TRANSACTION.len()),
            TokenKind::Raw => Span::new(span.start, text.len()),
            _ => span,
        };
        let token = Token { kind, span: token_span };
        position.advance(token, text);
        emit(token);
        rest = match kind {
            TokenKind::Raw => None,
            _ if token_span.end < span.end => Some(Span::new(token_span.end, span.end)),
            _ => words.next(),
        };
    }
    position
}
