//! What is shown on a terminal.

use qmpsh::language::hmp::Answer;
use qmpsh::language::syntax;
use qmpsh::{secrets, text};

/// Checks that nothing that is made safe to show has a character that is not.
pub fn check(bytes: &[u8]) {
    let lossy = String::from_utf8_lossy(bytes);
    let line = text::line(&lossy);
    is_safe(&line);
    assert_eq!(text::line(&line), line, "twice");
    is_safe(&text::bytes(bytes));
    is_safe(&syntax::shown(&lossy));
    is_safe_on_lines(&text::lines(&lossy));
    if let Ok(valid) = std::str::from_utf8(bytes) {
        assert_eq!(text::bytes(bytes), line, "{valid:?}");
    }
    for max in [0, 1, 7, 80] {
        for excerpt in [text::excerpt(bytes, max), secrets::excerpt(bytes, max)] {
            is_safe(&excerpt);
            assert!(excerpt.chars().count() <= max.max(1) + 1, "{excerpt:?} has more than {max} characters");
        }
    }
    let result = serde_json::to_vec(&*lossy).expect("a string");
    if let Some(answer) = Answer::read("info block", &result) {
        is_safe_on_lines(&text::lines(&answer.text));
    }
}

/// Checks the text of one line.
pub fn is_safe(text: &str) {
    assert!(!text.contains(is_dangerous), "{text:?}");
}

/// Checks text that may have line breaks and tabs.
pub fn is_safe_on_lines(text: &str) {
    assert!(!text.contains(|c| is_dangerous(c) && c != '\n' && c != '\t'), "{text:?}");
}

/// Returns true for what controls a terminal, changes the direction or hides. Not the program's own list.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{ad}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}')
}
