//! Properties that hold for all bytes, a file each, whose `check` panics where one does not.
//!
//! `scripts/fuzz` runs them with libFuzzer. `tests/properties/` includes this file, and runs them over `fuzz/corpus/` and
//! mutations of it with each `cargo test`.

pub mod client;
pub mod json;
pub mod language;
pub mod schema;
pub mod secrets;
pub mod server;
pub mod text;

/// Numbers that follow from the bytes, to cut them and to choose.
#[derive(Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// Returns the numbers of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        // FNV-1a.
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        Self(bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// Returns a number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
    }

    /// Returns `bytes` in pieces: mostly short, some long.
    pub fn pieces<'b>(&mut self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let longest = [1, 3, 20, 1000][self.below(4)];
            let (piece, after) = rest.split_at((1 + self.below(longest)).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}
