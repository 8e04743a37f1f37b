//! (being built)

pub mod console;
