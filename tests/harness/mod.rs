//! The test harness itself: the other tests are worth what it is worth.

mod mock;
mod qemu;
mod run;
mod terminal;
