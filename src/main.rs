//! The `qmpsh` program.
fn main() {}
