//! How the program of the packages, which is linked with musl, allocates memory. The unit tests use it too.
//!
//! musl's own allocator is slow with many small blocks, also in a program that runs only one command. But it grows a large block
//! without copying it, which keeps a long message from taking twice its memory. So each has what it does better.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator { small: Mutex::new(Dlmalloc::new()) };

/// The size, in bytes, of the smallest block that musl allocates. From about here on, it maps a block by itself.
const LARGE: usize = 128 * 1024;

struct Allocator {
    /// The one of the crate, `GlobalDlmalloc`, has a slower lock.
    small: Mutex<Dlmalloc>,
}

impl Allocator {
    fn small(&self) -> MutexGuard<'_, Dlmalloc> {
        self.small.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(unsafe_code, reason = "allocators are unsafe; this one only chooses between two")]
// SAFETY: the size of a block, which its owner keeps, says which allocator it is from, and both keep their contracts. The lock
// allocates nothing on Linux.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            unsafe { self.small().malloc(layout.size(), layout.align()) }
        } else {
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() < LARGE {
            unsafe { self.small().free(block, layout.size(), layout.align()) }
        } else {
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            unsafe { self.small().calloc(layout.size(), layout.align()) }
        } else {
            unsafe { System.alloc_zeroed(layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match (layout.size() < LARGE, size < LARGE) {
            (true, true) => unsafe { self.small().realloc(block, layout.size(), layout.align(), size) },
            (false, false) => unsafe { System.realloc(block, layout, size) },
            // SAFETY: the caller promises that the size fits the alignment. The new block is as large as what is copied, and no part
            // of the old one.
            _ => unsafe {
                let other = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !other.is_null() {
                    other.copy_from_nonoverlapping(block, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                other
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LARGE;

    #[test]
    fn a_block_keeps_its_bytes_when_it_changes_the_allocator() {
        let pattern = |index: usize| index.to_le_bytes()[0];
        let mut block: Vec<u8> = (0..LARGE - 1).map(pattern).collect();
        for capacity in [LARGE, LARGE - 1, 4 * LARGE, 100, 0, 2 * LARGE] {
            block.truncate(capacity);
            block.shrink_to_fit();
            block.reserve_exact(capacity - block.len());
            assert!(block.capacity() >= capacity);
            assert!(block.iter().enumerate().all(|(index, byte)| *byte == pattern(index)), "{capacity}");
            block.extend((block.len()..capacity).map(pattern));
        }
        assert_eq!(vec![0_u8; LARGE], vec![0_u8; LARGE - 1].into_iter().chain([0]).collect::<Vec<_>>());
    }
}
