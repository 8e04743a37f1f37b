//! The words of a line of any language.

use crate::language::syntax::{parse, written};

/// Splits a line at white space outside quotes. The quotes stay.
pub(super) fn split(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote) = (None, None);
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c.is_whitespace() => words.extend(start.take().map(|start| &line[start..at])),
            None => {
                start.get_or_insert(at);
                quote = matches!(c, '"' | '\'').then_some(c);
            }
        }
    }
    words.extend(start.map(|start| &line[start..]));
    words
}

/// Removes the quotes around a word.
pub(super) fn unquoted(word: &str) -> &str {
    let inner = |quote| word.strip_prefix(quote)?.strip_suffix(quote);
    inner('\'').or_else(|| inner('"')).unwrap_or(word)
}

/// Writes `KEY=VALUE` for a value without quotes.
pub(super) fn pair(key: &str, value: &str) -> String {
    format!("{key}={}", written(value))
}

/// Returns true if `word` can be the name of an argument.
pub(super) fn is_key(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Returns `line` as something to write, if it parses.
pub(super) fn write(line: &str) -> Option<String> {
    is_line(line).then(|| format!("write `{line}`"))
}

/// Returns true if this is a line of the shell.
pub(super) fn is_line(line: &str) -> bool {
    parse(line).is_ok_and(|lines| !lines.is_empty())
}
