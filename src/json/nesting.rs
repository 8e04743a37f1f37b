//! The stack of open brackets: one bit each, so that a million of them take 128 KiB.

/// A stack of open brackets. A bit is set for `{` and clear for `[`.
#[derive(Debug, Clone, Default)]
pub(super) struct Nesting {
    words: Vec<u64>,
    depth: usize,
}

impl Nesting {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Opens `bracket`, which is `{` or `[`.
    pub(super) fn push(&mut self, bracket: u8) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.words.len() {
            self.words.push(0);
        }
        self.words[word] = self.words[word] & !(1 << bit) | kind(bracket) << bit;
        self.depth += 1;
    }

    /// Closes with `bracket`, which is `}` or `]`. Returns false if it does not match the open bracket.
    pub(super) fn pop(&mut self, bracket: u8) -> bool {
        let matches = self.innermost() == Some(kind(bracket));
        self.depth -= usize::from(matches);
        matches
    }

    /// Returns true if the innermost bracket is a `{`.
    pub(super) fn is_in_object(&self) -> bool {
        self.innermost() == Some(1)
    }

    /// Returns the bracket that closes the innermost one, for messages.
    pub(super) fn closing(&self) -> &'static str {
        if self.is_in_object() { "`}`" } else { "`]`" }
    }

    fn innermost(&self) -> Option<u64> {
        let at = self.depth.checked_sub(1)?;
        Some(self.words[at / 64] >> (at % 64) & 1)
    }
}

/// `{` and `}` have the bit 0x20, `[` and `]` do not.
fn kind(bracket: u8) -> u64 {
    u64::from(bracket >> 5 & 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_matched_at_any_depth() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 1000] {
            let mut nesting = Nesting::default();
            let brackets: Vec<u8> = (0..depth).map(|i| if i % 3 == 0 { b'{' } else { b'[' }).collect();
            for &bracket in &brackets {
                nesting.push(bracket);
            }
            assert_eq!(nesting.depth(), depth);
            for &bracket in brackets.iter().rev() {
                let (right, wrong) = if bracket == b'{' { (b'}', b']') } else { (b']', b'}') };
                assert!(!nesting.pop(wrong));
                assert_eq!(nesting.closing().as_bytes()[1], right);
                assert!(nesting.pop(right));
            }
            assert_eq!(nesting.depth(), 0);
            assert!(!nesting.pop(b'}'));
        }
    }
}
