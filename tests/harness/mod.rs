//! Tests of `tests/support/`.

mod mock;
mod program;
mod qemu;
mod terminal;
