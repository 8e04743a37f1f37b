//! Bounds what a tool returns, and keeps the rest for the next call.

use std::collections::VecDeque;
use std::rc::Rc;

use rmcp::model::ContentBlock;

/// The longest text of a result, in bytes.
pub(super) const MOST: usize = 64 << 10;

/// The parameter that asks for the rest of a result.
pub(super) const OFFSET: &str = "offset";

/// How many results are kept, and how much of each, in bytes.
const RESULTS: usize = 4;
const LONGEST: usize = 16 << 20;

/// The last results that were too long for one call, each with the call that returned it: a command does not run again to show the
/// rest of its result.
#[derive(Default)]
pub(super) struct Kept(VecDeque<(String, Rc<str>)>);

impl Kept {
    /// Returns the beginning of a result, and keeps it if there is more.
    pub(super) fn first(&mut self, call: String, text: String) -> Vec<ContentBlock> {
        self.0.retain(|(kept, _)| *kept != call);
        if text.len() <= MOST {
            return vec![ContentBlock::text(text)];
        }
        let text: Rc<str> = text[..text.floor_char_boundary(LONGEST)].into();
        if self.0.len() == RESULTS {
            self.0.pop_front();
        }
        self.0.push_back((call, Rc::clone(&text)));
        part(&text, 0)
    }

    /// Returns what stands in a kept result from `offset` on.
    pub(super) fn rest(&self, call: &str, offset: usize) -> Result<Vec<ContentBlock>, String> {
        let Some((_, text)) = self.0.iter().find(|(kept, _)| kept == call) else {
            return Err(format!(
                "no result of this call is kept: call it with the same arguments and without `{OFFSET}`"
            ));
        };
        if offset >= text.len() {
            return Err(format!("`{OFFSET}` is behind the end: the result has {} bytes", text.len()));
        }
        Ok(part(text, text.floor_char_boundary(offset)))
    }
}

/// Returns a part of a text, and how to ask for what comes next.
fn part(text: &str, from: usize) -> Vec<ContentBlock> {
    let end = text.floor_char_boundary(from + MOST);
    let mut blocks = vec![ContentBlock::text(&text[from..end])];
    if end < text.len() {
        blocks.push(ContentBlock::text(format!(
            "(cut: bytes {from} to {end} of {}; for the rest, call again with the same arguments and \"{OFFSET}\": {end})",
            text.len()
        )));
    }
    blocks
}

/// Cuts a message that is too long.
pub(super) fn shortened(message: &str) -> String {
    let end = message.floor_char_boundary(MOST);
    if end < message.len() { format!("{}…", &message[..end]) } else { message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn texts(blocks: &[ContentBlock]) -> Vec<String> {
        blocks.iter().map(|block| block.as_text().unwrap().text.clone()).collect()
    }

    #[test]
    fn a_long_result_comes_in_parts() {
        let mut kept = Kept::default();
        assert_eq!(texts(&kept.first("a".into(), "short".into())), ["short"]);
        assert!(kept.rest("a", 1).unwrap_err().contains("without `offset`"));
        let long = format!("x{}", "é".repeat(MOST));
        let mut found = String::new();
        let mut parts = texts(&kept.first("b".into(), long.clone()));
        loop {
            assert!(parts[0].len() <= MOST);
            found += &parts[0];
            let Some(note) = parts.get(1) else { break };
            let offset = note.rsplit_once(": ").unwrap().1.trim_end_matches(')').parse().unwrap();
            assert_eq!(offset, found.len());
            parts = texts(&kept.rest("b", offset).unwrap());
        }
        assert_eq!(found, long);
        assert!(kept.rest("b", long.len()).unwrap_err().contains("behind the end"));
        // A later call of its kind takes its place.
        kept.first("b".into(), "short".into());
        assert!(kept.rest("b", 1).is_err());
    }

    #[test]
    fn the_oldest_result_is_dropped() {
        let mut kept = Kept::default();
        for n in 0..=RESULTS {
            kept.first(n.to_string(), "x".repeat(MOST + 1));
        }
        assert!(kept.rest("0", 1).is_err());
        assert!(kept.rest("1", 1).is_ok());
    }
}
