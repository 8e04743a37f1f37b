//! Matches names and values with shell globs.

use std::fmt;

/// A shell glob, or a text that stands for itself.
///
/// `*` matches any text, slashes and dots too, `?` any one character, `[abc]` and `[a-z]` one of those, `[!abc]` one
/// that is none of them. A special character stands for itself in brackets: `[*]`, `[?]`, `[[]`; a backslash always
/// does. Upper and lower case differ.
///
/// ```
/// use qmpsh::pattern::Pattern;
///
/// let pattern = Pattern::new("BLOCK_JOB_*").unwrap();
/// assert!(pattern.matches("BLOCK_JOB_READY"));
/// assert!(!pattern.matches("JOB_STATUS_CHANGE"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// `None` if it matches only its own text.
    glob: Option<glob::Pattern>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad pattern `{text}`: a `[` is never closed (`[[]` matches a `[`)")]
pub struct PatternError {
    text: String,
}

impl Pattern {
    /// Reads `text` as a pattern.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let mut stars = text.to_owned();
        // In the library two stars match directories; in a shell they are like one.
        while stars.contains("**") {
            stars = stars.replace("**", "*");
        }
        let glob = if text.contains(['*', '?', '[']) {
            Some(glob::Pattern::new(&stars).map_err(|_| PatternError { text: text.to_owned() })?)
        } else {
            None
        };
        Ok(Self { text: text.to_owned(), glob })
    }

    /// Returns a pattern that matches only `text`, whatever characters it has.
    pub fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), glob: None }
    }

    /// Returns true if the pattern matches all of `text`.
    pub fn matches(&self, text: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.matches(text),
            None => self.text == text,
        }
    }

    /// Returns true if it has special characters, so that it may match several texts.
    pub fn is_glob(&self) -> bool {
        self.glob.is_some()
    }
}

/// Writes the pattern as it was read; not safe to show.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_the_whole_text() {
        let check = |pattern: &str, yes: &[&str], no: &[&str]| {
            let pattern = Pattern::new(pattern).unwrap();
            for text in yes {
                assert!(pattern.matches(text), "{pattern} {text}");
            }
            for text in no {
                assert!(!pattern.matches(text), "{pattern} {text}");
            }
        };
        check("STOP", &["STOP"], &["STO", "STOPP", "stop", ""]);
        check("", &[""], &["a"]);
        check("*", &["", "STOP", "/machine/a", ".x", "a\nb"], &[]);
        check("BLOCK_*", &["BLOCK_", "BLOCK_IO_ERROR"], &["BLOCK", "X_BLOCK_"]);
        check("**a***b", &["ab", "x/a/b/ab", "a**b"], &["a", "ba"]);
        check("/machine/*/x", &["/machine/a/x", "/machine/a/b/x"], &["/machine/x"]);
        check("d?", &["d0", "dé"], &["d", "d10"]);
        check("d[0-3]", &["d0", "d3"], &["d4", "d[0-3]"]);
        check("d[!0-3]", &["d4", "dx"], &["d0", "d"]);
        check("[*][?][[]", &["*?["], &["abc"]);
        check(r"a\*", &[r"a\", r"a\b"], &["a*"]);
        check("[]]", &["]"], &["[]]"]);
    }

    #[test]
    fn a_literal_matches_only_itself() {
        let literal = Pattern::literal("a*[");
        assert!(literal.matches("a*[") && !literal.matches("ab") && !literal.is_glob());
    }

    #[test]
    fn an_open_bracket_is_an_error() {
        for text in ["[", "a[b", "[a-", "[]"] {
            let error = Pattern::new(text).unwrap_err().to_string();
            assert_eq!(error, format!("bad pattern `{text}`: a `[` is never closed (`[[]` matches a `[`)"));
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = Pattern::new(&"*a".repeat(200)).unwrap();
        assert!(!pattern.matches(&"a".repeat(199)));
        assert!(pattern.matches(&"a".repeat(500)));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(5000))));
    }
}
