//! Which commands a client may send. No I/O.
//!
//! In come rules and a command, out goes whether it is allowed. `commands` has a decision on each command of QEMU: whether it
//! may be sent where nothing may change. `rules` has the rules that users add, and `human` makes one form of the spellings of a line
//! for the human monitor.

mod commands;
mod human;
mod rules;

pub use commands::{Decision, Effect};
pub use rules::{Policy, Rule, SCREEN_TEXT};
