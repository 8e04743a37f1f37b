//! Up and Down: the lines of the history that begin with what was typed.
//!
//! rustyline walks through a history line by line and asks it for each entry. [`RecallHistory`] answers with the next entry that
//! fits, and Down from the newest of them with what was typed.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustyline::history::{History, MemHistory, SearchDirection, SearchResult};
use rustyline::{Cmd, Result};

/// The search that Up began. The keys and the history share it, because rustyline does not tell the history what was typed.
#[derive(Debug, Default)]
pub(super) struct Recall(Mutex<Search>);

#[derive(Debug, Default)]
struct Search {
    /// What was typed before the first Up.
    typed: String,
    /// How much of it stood before the cursor then, in bytes: entries begin with that.
    prefix: usize,
    /// The entry that stands in the line.
    shown: Option<String>,
    /// The entry that rustyline asks for next is for Up or Down.
    is_asked: bool,
    /// rustyline has what was typed, with its cursor: the search began below the newest entry.
    is_saved: bool,
    /// No newer entry fits.
    is_newest: bool,
}

impl Recall {
    /// Notes that Up or Down was pressed. In a line of several rows they first move the cursor.
    ///
    /// Returns the command for it, if it is not the usual one.
    pub(super) fn press(&self, line: &str, cursor: usize, up: bool) -> Option<Cmd> {
        let (before, behind) = line.split_at_checked(cursor).unwrap_or((line, ""));
        if if up { before } else { behind }.contains('\n') {
            return None;
        }
        let mut search = self.lock();
        if search.shown.as_deref() != Some(line) {
            *search = Search { typed: line.to_owned(), prefix: before.len(), ..Search::default() };
        }
        let is_shown = search.shown.is_some();
        if !up && is_shown && search.is_newest && search.is_saved {
            search.shown = None;
            return Some(Cmd::EndOfHistory);
        }
        search.is_asked = up || is_shown;
        None
    }

    /// Forgets a key for which rustyline did not need an entry.
    pub(super) fn forget_key(&self) {
        self.lock().is_asked = false;
    }

    fn lock(&self) -> MutexGuard<'_, Search> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A history in memory that is walked through as [`Recall`] says.
pub(super) struct RecallHistory {
    lines: MemHistory,
    recall: Arc<Recall>,
}

impl RecallHistory {
    pub(super) fn new(recall: Arc<Recall>) -> Self {
        Self { lines: MemHistory::new(), recall }
    }

    /// Finds the first entry from `index` on that begins with `prefix`, and is not `in_line` already.
    fn next(
        &self,
        prefix: &str,
        in_line: &str,
        index: usize,
        direction: SearchDirection,
    ) -> Result<Option<SearchResult<'_>>> {
        let mut at = Some(index);
        while let Some(here) = at
            && let Some(found) = self.lines.get(here, direction)?
        {
            if found.entry.starts_with(prefix) && found.entry != in_line {
                return Ok(Some(found));
            }
            at = match direction {
                SearchDirection::Forward => Some(here + 1),
                SearchDirection::Reverse => here.checked_sub(1),
            };
        }
        Ok(None)
    }
}

impl History for RecallHistory {
    fn get(&self, index: usize, direction: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        let mut search = self.recall.lock();
        if !std::mem::take(&mut search.is_asked) {
            return self.lines.get(index, direction);
        }
        let prefix = search.typed.get(..search.prefix).unwrap_or_default();
        let in_line = search.shown.as_deref().unwrap_or(&search.typed);
        if let Some(found) = self.next(prefix, in_line, index, direction)? {
            let is_newest = self.next(prefix, &found.entry, found.idx + 1, SearchDirection::Forward)?.is_none();
            let is_saved = search.is_saved || (search.shown.is_none() && index + 1 == self.len());
            let shown = Some(found.entry.clone().into_owned());
            *search = Search { shown, is_saved, is_newest, ..std::mem::take(&mut *search) };
            return Ok(Some(found));
        }
        if direction == SearchDirection::Reverse {
            return Ok(None);
        }
        search.shown = None;
        Ok(Some(SearchResult { entry: Cow::Owned(search.typed.clone()), idx: self.len(), pos: search.prefix }))
    }

    fn add(&mut self, line: &str) -> Result<bool> {
        self.lines.add(line)
    }

    fn add_owned(&mut self, line: String) -> Result<bool> {
        self.lines.add_owned(line)
    }

    fn len(&self) -> usize {
        self.lines.len()
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn set_max_len(&mut self, len: usize) -> Result<()> {
        self.lines.set_max_len(len)
    }

    fn ignore_dups(&mut self, yes: bool) -> Result<()> {
        self.lines.ignore_dups(yes)
    }

    fn ignore_space(&mut self, yes: bool) {
        self.lines.ignore_space(yes);
    }

    fn save(&mut self, path: &Path) -> Result<()> {
        self.lines.save(path)
    }

    fn append(&mut self, path: &Path) -> Result<()> {
        self.lines.append(path)
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        self.lines.load(path)
    }

    fn clear(&mut self) -> Result<()> {
        self.lines.clear()
    }

    fn search(&self, term: &str, start: usize, direction: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        self.lines.search(term, start, direction)
    }

    fn starts_with(&self, term: &str, start: usize, direction: SearchDirection) -> Result<Option<SearchResult<'_>>> {
        self.lines.starts_with(term, start, direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SearchDirection::{Forward, Reverse};

    fn history(lines: &[&str]) -> RecallHistory {
        let mut history = RecallHistory::new(Arc::default());
        for line in lines {
            history.add(line).unwrap();
        }
        history
    }

    /// What stands in the line after a key, and where rustyline then is in the history.
    fn press(history: &RecallHistory, line: &str, cursor: usize, index: usize, up: bool) -> Option<(String, usize)> {
        if let Some(Cmd::EndOfHistory) = history.recall.press(line, cursor, up) {
            return Some(("what was typed".to_owned(), history.len()));
        }
        let (index, direction) = if up { (index - 1, Reverse) } else { (index + 1, Forward) };
        let found = history.get(index, direction).unwrap();
        found.map(|found| (found.entry.into_owned(), found.idx))
    }

    #[test]
    fn entries_that_begin_with_what_was_typed_are_shown() {
        let history = history(&["stop", "block 1", "cont", "block 2", "stop"]);
        let up = |line: &str, index| press(&history, line, line.len(), index, true);
        let down = |line: &str, index| press(&history, line, line.len(), index, false);
        let at = |line: &str, index| Some((line.to_owned(), index));
        assert_eq!(up("block", 5), at("block 2", 3));
        assert_eq!(up("block 2", 3), at("block 1", 1));
        assert_eq!(up("block 1", 1), None);
        assert_eq!(down("block 1", 1), at("block 2", 3));
        assert_eq!(down("block 2", 3), at("what was typed", 5));
        // An entry that was changed begins another search.
        assert_eq!(up("block", 5), at("block 2", 3));
        assert_eq!(up("s", 3), at("stop", 0));
        // The entry that stands in the line is not shown again.
        assert_eq!(up("stop", 5), None);
        // The text before the cursor counts.
        assert_eq!(press(&history, "blxyz", 2, 5, true), at("block 2", 3));
        assert_eq!(down("block 2", 3), at("what was typed", 5));
        // rustyline does not know an entry that was changed.
        assert_eq!(up("blo", 3), at("block 1", 1));
        assert_eq!(down("block 1", 1), at("block 2", 3));
        assert_eq!(down("block 2", 3), at("blo", 5));
        assert_eq!(up("", 5), at("stop", 4));
    }

    #[test]
    fn other_keys_see_every_entry() {
        let history = history(&["a", "b", "c"]);
        let entry = |index| history.get(index, Reverse).unwrap().unwrap().entry.into_owned();
        assert_eq!(entry(2), "c");
        history.recall.press("a", 1, true);
        history.recall.forget_key();
        assert_eq!(entry(2), "c");
        // Within a line of several rows the key moves the cursor.
        history.recall.press("a\nb", 3, true);
        assert_eq!(entry(2), "c");
        history.recall.press("a\nb", 0, false);
        assert_eq!(entry(2), "c");
    }
}
