//! Helps with the line that is being typed: [`complete`] says what can stand at the cursor, [`hint`] what can follow, and
//! [`colors`] what each part is; [`Lines`] is the text as they read it. No I/O.
//!
//! [`crate::language::syntax`] says what the language expects at a place, [`crate::schema`] what the peer has for it,
//! and [`Live`] what exists there. `context` has the arguments of the command at the cursor with their types;
//! `commands`, `arguments`, `values`, `dot_commands` and `json_line` list the items for a place; `live` has the table of which argument takes
//! which live values; `item` chooses those that fit the typed text, and quotes them.
//!
//! Names come from the peer and may be anything. What is shown is escaped. What goes into the line is quoted so that it holds
//! nothing that drives a terminal, or left out.

mod arguments;
mod color;
mod commands;
mod completion;
mod context;
mod describe;
mod dot_commands;
mod hint;
mod item;
mod json_line;
mod lines;
mod live;
#[cfg(test)]
mod tests;
mod values;

pub use color::{Color, colors};
pub use completion::{complete, complete_hmp};
pub use context::{BuiltinCommand, Context, Takes};
pub use hint::{Hint, hint};
pub use item::{Candidate, Completion};
pub use lines::Lines;
pub use live::{Live, LiveValue, Nothing, Question};
