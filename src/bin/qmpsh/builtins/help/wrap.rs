//! Breaks text into lines.

use textwrap::{Options, WordSplitter};

/// Breaks `text` between words into lines of at most `width` columns; the first begins with `first`, the others with `indent`.
pub(super) fn wrap(first: &str, indent: &str, text: &str, width: usize) -> String {
    let options = Options::new(width).break_words(false).word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options.initial_indent(first).subsequent_indent(indent))
}
