//! The tokens of JSON text.

use std::ops::Range;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    Comma,
    Colon,
    /// A string, with its quotes.
    String,
    /// A number, or any other word that is not JSON, such as `inf`.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// White space, as much as there is.
    Space,
}

/// A token, or the part of one that is in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Its range in the text; never empty.
    pub(crate) range: Range<usize>,
}

/// The token at the end of a text that is cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cut {
    kind: Option<TokenKind>,
    /// The last byte is a backslash that escapes the next one.
    escape: bool,
}

/// Iterates over the tokens of any bytes without gaps, and without validating or allocating.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    cut: Cut,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self::starting_at(text, 0)
    }

    /// Iterates from byte `at` on, where a token begins.
    pub(super) fn starting_at(text: &'a [u8], at: usize) -> Self {
        Self { text, at, cut: Cut::default() }
    }

    /// Iterates over the next piece of a text, whose last piece ended with `cut`.
    pub(super) fn resume(piece: &'a [u8], cut: Cut) -> Self {
        Self { text: piece, at: 0, cut }
    }

    /// Returns the token that is cut at the end of the text.
    pub(super) fn cut(&self) -> Cut {
        self.cut
    }

    /// Goes behind the next value and returns its range; `None` at a closing bracket or the end of the text.
    pub(super) fn value(&mut self) -> Option<Range<usize>> {
        let separates = |kind| matches!(kind, TokenKind::Space | TokenKind::Comma | TokenKind::Colon);
        let first = self.find(|token| !separates(token.kind))?;
        let start = first.range.start;
        if first.kind == TokenKind::Close {
            self.at = start;
            return None;
        }
        let mut depth = usize::from(first.kind == TokenKind::Open);
        while depth > 0 {
            match self.next().map(|token| token.kind) {
                Some(TokenKind::Open) => depth += 1,
                Some(TokenKind::Close) => depth -= 1,
                Some(_) => {}
                None => break,
            }
        }
        Some(start..self.at)
    }

    /// Returns the length of the string at the front of `rest`, whose closing quote may come from `at` on.
    fn string_length(&mut self, rest: &[u8], mut at: usize) -> usize {
        while let Some(found) = memchr::memchr2(b'"', b'\\', rest.get(at..).unwrap_or_default()) {
            at += found + 1;
            if rest[at - 1] == b'"' {
                return at;
            }
            at += 1;
        }
        self.cut = Cut { kind: Some(TokenKind::String), escape: at > rest.len() };
        rest.len()
    }

    /// Returns the length of the word at the front of `rest`.
    fn word_length(&mut self, rest: &[u8], kind: TokenKind) -> usize {
        rest.iter().position(|&byte| ends_word(byte)).unwrap_or_else(|| {
            self.cut.kind = Some(kind);
            rest.len()
        })
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let start = self.at;
        let rest = &self.text[start..];
        let first = *rest.first()?;
        let Cut { kind, escape } = std::mem::take(&mut self.cut);
        let kind = kind.filter(|kind| *kind == TokenKind::String || !ends_word(first));
        let is_cut = kind.is_some();
        let kind = kind.unwrap_or(match first {
            b'{' | b'[' => TokenKind::Open,
            b'}' | b']' => TokenKind::Close,
            b',' => TokenKind::Comma,
            b':' => TokenKind::Colon,
            b'"' => TokenKind::String,
            // QEMU's `nan` also begins so, but is not a literal.
            b't' | b'f' | b'n' => TokenKind::Literal,
            byte if is_space(byte) => TokenKind::Space,
            _ => TokenKind::Number,
        });
        self.at += match kind {
            TokenKind::String => self.string_length(rest, usize::from(escape || !is_cut)),
            TokenKind::Number | TokenKind::Literal => self.word_length(rest, kind),
            TokenKind::Space => rest.iter().take_while(|&&byte| is_space(byte)).count(),
            TokenKind::Open | TokenKind::Close | TokenKind::Comma | TokenKind::Colon => 1,
        };
        Some(Token { kind, range: start..self.at })
    }
}

/// Returns true for JSON's white space: space, tab, newline and carriage return.
pub(super) fn is_space(byte: u8) -> bool {
    // The first comparison rules out most bytes.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn ends_word(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tokens of `text` with their kinds, fed in pieces; the parts of one that is cut are put together.
    fn tokens(text: &[u8], cuts: &[usize]) -> Vec<(TokenKind, Vec<u8>)> {
        let (mut found, mut rest, mut cut) = (Vec::<(TokenKind, Vec<u8>)>::new(), text, Cut::default());
        for size in cuts.iter().copied().chain([text.len()]) {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            let mut tokens = Tokens::resume(piece, cut);
            let mut joins = cut != Cut::default();
            for Token { kind, range } in tokens.by_ref() {
                let bytes = &piece[range];
                joins |= kind == TokenKind::Space;
                match found.last_mut() {
                    Some((last, all)) if joins && *last == kind => all.extend_from_slice(bytes),
                    _ => found.push((kind, bytes.to_vec())),
                }
                joins = false;
            }
            (cut, rest) = (tokens.cut(), after);
        }
        found
    }

    #[test]
    fn tokens_are_told_apart() {
        use TokenKind::{Close, Colon, Comma, Literal, Number, Open, Space, String};
        let check = |text: &str, expected: &[(TokenKind, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(kind, text)| (*kind, text.as_bytes().to_vec())).collect();
            assert_eq!(tokens(text.as_bytes(), &[]), expected, "{text}");
            assert_eq!(tokens(text.as_bytes(), &vec![1; text.len()]), expected, "{text}, one byte at a time");
        };
        check("", &[]);
        check("{}", &[(Open, "{"), (Close, "}")]);
        check("[ \r\n-1.5e3]", &[(Open, "["), (Space, " \r\n"), (Number, "-1.5e3"), (Close, "]")]);
        check(r#""a\"":null,"#, &[(String, r#""a\"""#), (Colon, ":"), (Literal, "null"), (Comma, ",")]);
        check(r#""\\" inf"#, &[(String, r#""\\""#), (Space, " "), (Number, "inf")]);
        check(r#"1"a"#, &[(Number, "1"), (String, r#""a"#)]);
    }

    #[test]
    fn a_value_ends_with_its_bracket() {
        let check = |text: &str, expected: &[&str]| {
            let mut tokens = Tokens::new(text.as_bytes());
            let found: Vec<_> = std::iter::from_fn(|| tokens.value()).map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text}");
            assert_eq!(tokens.value(), None, "{text}");
        };
        check(r#" "a]" : [1,{"b":[]}] , 2"#, &[r#""a]""#, r#"[1,{"b":[]}]"#, "2"]);
        check("1]2", &["1"]);
        check("[[1", &["[[1"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_covered_and_cut_anywhere(
            text in prop::collection::vec(prop_oneof![
                4 => prop::sample::select(b"{}[]\"\\:, tn1\n".to_vec()), 1 => any::<u8>()], 0..100),
            cuts in prop::collection::vec(0_usize..20, 0..40),
        ) {
            let whole = tokens(&text, &[]);
            prop_assert_eq!(whole.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<u8>>(), text.clone());
            prop_assert_eq!(tokens(&text, &cuts), whole);
        }
    }
}
