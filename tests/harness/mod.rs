//! The test harness itself: the other tests are worth what it is worth.

mod mock;
mod program;
mod qemu;
mod terminal;
