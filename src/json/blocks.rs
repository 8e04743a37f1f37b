//! 64 bytes at once: where their quotes, backslashes and brackets are, as bits.
//!
//! After simdjson's first stage (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019), reduced to what
//! finding the end of a value needs.

/// One bit for each byte of a block, the first byte in the lowest bit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// `{`, `}`, `[` and `]`.
    pub(super) brackets: u64,
}

#[cfg(any(test, not(target_arch = "x86_64")))]
const fn splat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

impl Masks {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "several times as fast, and scanning is most of the work for an event")]
    pub(super) fn of(block: &[u8; 64]) -> Self {
        // SAFETY: every x86_64 processor has SSE2.
        unsafe { Self::with_sse2(block) }
    }

    /// Sixteen bytes at a time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sse2")]
    fn with_sse2(block: &[u8; 64]) -> Self {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8 as equal, _mm_movemask_epi8 as high_bits, _mm_or_si128 as or, _mm_set_epi64x, _mm_set1_epi8,
        };
        let all = |byte: u8| _mm_set1_epi8(byte.cast_signed());
        let mut masks = Self::default();
        let (quarters, _) = block.as_chunks::<16>();
        for (i, quarter) in quarters.iter().enumerate() {
            let quarter = u128::from_le_bytes(*quarter).cast_signed();
            #[expect(clippy::cast_possible_truncation, reason = "each half is taken")]
            let bytes = _mm_set_epi64x((quarter >> 64) as i64, quarter as i64);
            // With the bit 0x20 set, `[` is `{` and `]` is `}`, and nothing else becomes one of them.
            let folded = or(bytes, all(0x20));
            let bits = |mask| u64::from(high_bits(mask).cast_unsigned()) << (16 * i);
            masks.quotes |= bits(equal(bytes, all(b'"')));
            masks.backslashes |= bits(equal(bytes, all(b'\\')));
            masks.brackets |= bits(or(equal(folded, all(b'{')), equal(folded, all(b'}'))));
        }
        masks
    }

    /// Eight bytes at a time, in plain integers.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn of(block: &[u8; 64]) -> Self {
        portable(block)
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(block: &[u8; 64]) -> Masks {
    let (words, _) = block.as_chunks::<8>();
    let mut masks = Masks::default();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let ascii = !word & splat(0x80);
        let low = word & splat(0x7f);
        // The high bit of each byte that equals `byte`: of the others, the sum sets it.
        let equal = |low: u64, byte: u8| !((low ^ splat(byte)) + splat(0x7f)) & ascii;
        // With the bit 0x20 set, `[` is `{` and `]` is `}`, and nothing else becomes one of them.
        let folded = low | splat(0x20);
        // Word i is put into bit i of each byte: the eight words' bits side by side, to be turned around at the end.
        let place = 7 - i;
        masks.quotes |= equal(low, b'"') >> place;
        masks.backslashes |= equal(low, b'\\') >> place;
        masks.brackets |= (equal(folded, b'{') | equal(folded, b'}')) >> place;
    }
    masks.quotes = transposed(masks.quotes);
    masks.brackets = transposed(masks.brackets);
    if masks.backslashes != 0 {
        masks.backslashes = transposed(masks.backslashes);
    }
    masks
}

/// Bit `8 * i + j` goes to `8 * j + i`. Source: Warren, "Hacker's Delight", 7-3.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn transposed(mut bits: u64) -> u64 {
    for (shift, mask) in [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0xf0f0_f0f0)] {
        let swapped = (bits ^ bits >> shift) & mask;
        bits ^= swapped ^ swapped << shift;
    }
    bits
}

/// Which bytes are escaped by an odd run of backslashes before them. `carry` says whether the first byte is escaped by
/// what came before the block; the second result says whether the byte after the block is.
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

/// Each bit becomes the parity of itself and the bits under it: from quotes to what is inside them.
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
            prop_assert_eq!(&Masks::of(&block), &expected);
            prop_assert_eq!(&portable(&block), &expected);
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
