//! Which brackets are open: one bit each, so that a million of them cost 128 KiB.

/// A stack of open brackets. A bit is set for `{` and clear for `[`.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    /// The innermost brackets, the last one in the lowest bit: `depth % 64` of them, or 64 after a refill.
    top: u64,
    /// The words under `top`, 64 brackets each.
    below: Vec<u64>,
    depth: usize,
}

impl Nesting {
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Opens `bracket`, which is `{` or `[`.
    pub(super) fn push(&mut self, bracket: u8) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | kind(bracket);
        self.depth += 1;
    }

    /// Closes with `bracket`, which is `}` or `]`; false if that does not match what is open.
    pub(super) fn pop(&mut self, bracket: u8) -> bool {
        if self.depth == 0 || self.top & 1 != kind(bracket) {
            return false;
        }
        self.depth -= 1;
        self.top >>= 1;
        if self.depth.is_multiple_of(64)
            && let Some(word) = self.below.pop()
        {
            self.top = word;
        }
        true
    }

    /// Whether the innermost bracket is a `{`.
    pub(super) fn is_in_object(&self) -> bool {
        self.depth > 0 && self.top & 1 == 1
    }

    /// The bracket that would close what is open, as a name for messages.
    pub(super) fn closing(&self) -> &'static str {
        if self.top & 1 == 1 { "`}`" } else { "`]`" }
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
