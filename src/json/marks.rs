//! Finds the quotes of a document, and the brackets outside strings.

use super::blocks::{self, Masks};

/// Finds quotes and brackets, 64 bytes at a time. It keeps the masks of the last block, so it reads each byte once.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The range of the block, which has 64 bytes, or fewer at the end of the input.
    start: usize,
    end: usize,
    /// Quotes that are not escaped.
    quotes: u64,
    /// Brackets outside strings.
    brackets: u64,
    /// All bits are set if the block ends inside a string.
    inside: u64,
    /// The first byte after the block is escaped.
    escape: bool,
    /// The whole block is text inside a string.
    is_text: bool,
    /// The document has a backslash.
    pub(super) may_escape: bool,
}

impl Marks {
    /// Returns the place of the first unescaped quote from `at` on. `at` must not decrease.
    #[inline]
    pub(super) fn next_quote(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        self.next(bytes, at, |marks| marks.quotes)
    }

    /// Returns the place of the first bracket outside strings from `at` on. `at` must not decrease.
    #[inline]
    pub(super) fn next_bracket(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        self.next(bytes, at, |marks| marks.brackets)
    }

    #[inline]
    fn next(&mut self, bytes: &[u8], at: usize, mask: impl Fn(&Self) -> u64) -> Option<usize> {
        loop {
            if let Some(found) = self.first(mask(self), at) {
                return Some(found);
            }
            self.next_block(bytes)?;
        }
    }

    /// Returns the place of the first bit in `mask` from `at` on.
    #[inline]
    fn first(&self, mask: u64, at: usize) -> Option<usize> {
        if at >= self.end {
            return None;
        }
        let skipped = at.saturating_sub(self.start);
        let left = mask >> skipped;
        (left != 0).then(|| self.start + skipped + left.trailing_zeros() as usize)
    }

    /// Goes to the next block; `None` at the end of the input.
    fn next_block(&mut self, bytes: &[u8]) -> Option<()> {
        if self.is_text {
            self.skip_text(bytes);
        }
        let rest = &bytes[self.end..];
        let (masks, length) = match rest.first_chunk() {
            Some(block) => (Masks::of(block), 64),
            None if rest.is_empty() => return None,
            None => (Masks::of(&filled_up(rest)), rest.len()),
        };
        let (escaped, after) = blocks::escaped(masks.backslashes, self.escape);
        self.quotes = masks.quotes & !escaped;
        let inside = blocks::parity(self.quotes) ^ self.inside;
        self.brackets = masks.brackets & !inside;
        self.inside = 0_u64.wrapping_sub(inside >> 63);
        self.escape = if length == 64 { after } else { escaped >> length & 1 == 1 };
        self.is_text = self.inside != 0 && masks.quotes | masks.backslashes == 0;
        self.may_escape |= masks.backslashes != 0;
        self.start = self.end;
        self.end += length;
        Some(())
    }

    /// Goes to the next quote or backslash in a string.
    #[cold]
    fn skip_text(&mut self, bytes: &[u8]) {
        self.end += memchr::memchr2(b'"', b'\\', &bytes[self.end..]).unwrap_or(bytes.len() - self.end);
    }
}

/// Fills the last bytes up to a block with zeros.
#[cold]
fn filled_up(rest: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where a loop finds quotes that are not escaped, and brackets outside of strings.
    fn found_by_a_loop(bytes: &[u8]) -> (Vec<usize>, Vec<usize>) {
        let (mut quotes, mut brackets) = (Vec::new(), Vec::new());
        let mut escape = false;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if escape && *byte == b'"' => {}
                b'"' => quotes.push(at),
                b'{' | b'}' | b'[' | b']' if quotes.len().is_multiple_of(2) => brackets.push(at),
                _ => {}
            }
            escape = !escape && *byte == b'\\';
        }
        (quotes, brackets)
    }

    /// Where `next` finds something in bytes that come in pieces which end at `cuts`.
    fn found(bytes: &[u8], cuts: &[usize], next: impl Fn(&mut Marks, &[u8], usize) -> Option<usize>) -> Vec<usize> {
        let (mut marks, mut at, mut found) = (Marks::default(), 0, Vec::new());
        for end in cuts.iter().copied().filter(|&end| end < bytes.len()).chain([bytes.len()]) {
            while let Some(place) = next(&mut marks, &bytes[..end.max(at)], at) {
                found.push(place);
                at = place + 1;
            }
            at = at.max(end);
        }
        found
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(prop::sample::select(br#""\{}[]a,"#.to_vec()), 0..20),
            (0..300_usize).prop_map(|length| vec![b'x'; length]),
        ]
    }

    proptest! {
        #[test]
        fn marks_are_what_a_loop_finds(
            pieces in prop::collection::vec(piece(), 0..10),
            mut cuts in prop::collection::vec(0..1000_usize, 0..20),
        ) {
            let bytes = pieces.concat();
            cuts.sort_unstable();
            let (quotes, brackets) = found_by_a_loop(&bytes);
            prop_assert_eq!(found(&bytes, &cuts, Marks::next_quote), quotes);
            prop_assert_eq!(found(&bytes, &cuts, Marks::next_bracket), brackets);
        }
    }
}
