//! Finds the quotes, backslashes and brackets in 64 bytes at once, as bits.
//!
//! After simdjson's first stage (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019), reduced to what
//! finding the end of a value needs.

use wide::u8x16;

/// One bit for each byte of a block, the first byte in the lowest bit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// `{`, `}`, `[` and `]`.
    pub(super) brackets: u64,
}

impl Masks {
    pub(super) fn of(block: &[u8; 64]) -> Self {
        let mut masks = Self::default();
        let (parts, _) = block.as_chunks::<16>();
        for (i, part) in parts.iter().enumerate() {
            let bytes = u8x16::new(*part);
            let is = |bytes: u8x16, byte| bytes.simd_eq(u8x16::splat(byte));
            let bits = |found: u8x16| u64::from(found.to_bitmask()) << (16 * i);
            // With the bit 0x20 set, `[` is `{` and `]` is `}`, and no other byte becomes one of them.
            let folded = bytes | u8x16::splat(0x20);
            masks.quotes |= bits(is(bytes, b'"'));
            masks.backslashes |= bits(is(bytes, b'\\'));
            masks.brackets |= bits(is(folded, b'{') | is(folded, b'}'));
        }
        masks
    }
}

/// Returns the bytes after an odd run of backslashes, which are escaped. `carry` tells if the first byte of the block is escaped,
/// the second result if the first byte after it is.
pub(super) fn escaped(backslashes: u64, carry: bool) -> (u64, bool) {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let carry = u64::from(carry);
    if backslashes == 0 {
        return (carry, false);
    }
    let backslashes = backslashes & !carry;
    let follows = backslashes << 1 | carry;
    let odd_starts = backslashes & !EVEN & !follows;
    let (even_ends, after) = odd_starts.overflowing_add(backslashes);
    ((EVEN ^ (even_ends << 1)) & follows, after)
}

/// Turns each bit into the parity of itself and the lower bits: of quotes, that gives the bytes between them.
pub(super) fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = [u8; 64]> {
        prop::array::uniform(prop_oneof![prop::sample::select(br#""\{}[]azy|;_"#.to_vec()), any::<u8>()])
    }

    fn bits(block: &[u8; 64], is: impl Fn(u8) -> bool) -> u64 {
        block.iter().enumerate().fold(0, |bits, (i, &byte)| bits | u64::from(is(byte)) << i)
    }

    proptest! {
        #[test]
        fn masks_are_what_a_loop_finds(block in block()) {
            let expected = Masks {
                quotes: bits(&block, |b| b == b'"'),
                backslashes: bits(&block, |b| b == b'\\'),
                brackets: bits(&block, |b| b"{}[]".contains(&b)),
            };
            prop_assert_eq!(Masks::of(&block), expected);
        }

        #[test]
        fn escapes_are_what_a_loop_finds(block in block(), carry: bool) {
            let mut escape = carry;
            let mut expected = 0_u64;
            for (i, &byte) in block.iter().enumerate() {
                expected |= u64::from(escape) << i;
                escape = !escape && byte == b'\\';
            }
            prop_assert_eq!(escaped(Masks::of(&block).backslashes, carry), (expected, escape));
        }

        #[test]
        fn parity_is_what_a_loop_finds(quotes: u64) {
            let mut inside = 0;
            let expected = (0..64).fold(0_u64, |bits, i| { inside ^= quotes >> i & 1; bits | inside << i });
            prop_assert_eq!(parity(quotes), expected);
        }
    }
}
