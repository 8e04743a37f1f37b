//! The shell's language: from the text of a line to the message that is sent. No I/O.
//!
//! [`syntax`] reads a line into a statement with spans. [`typing`] makes a [`Request`](crate::message::Request) of it, with
//! the types that the [`schema`](crate::schema) names. [`complete`] says what can stand at the cursor of a line that is
//! being typed. [`meant`] says how a refused line is written here. [`hmp`] has lines for the human monitor, which are sent as they are.

pub mod complete;
pub mod hmp;
pub mod meant;
pub mod syntax;
pub mod typing;
