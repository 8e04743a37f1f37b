//! JSON as text: documents found in a stream, their members as ranges, text made compact, indented or safe to show.
//!
//! `scanner` finds where documents end in a stream, split anywhere. All else works on whole values, with `tokens`.
//!
//! Nothing here does I/O, and nothing builds a tree: a value stays the bytes that came, so that numbers, the order of
//! keys and the way strings are escaped come out as the peer sent them, whatever the size and the depth.

mod blocks;
mod compact;
mod document;
mod error;
mod escape;
mod indent;
mod marks;
mod nesting;
#[cfg(test)]
mod samples;
mod scanner;
mod string;
mod tokens;
mod walk;

pub use compact::compact;
pub use document::Document;
pub(crate) use document::{Outline, Span};
pub use error::ScanError;
pub use escape::escape;
pub use indent::{Indenter, Part};
pub use scanner::Scanner;
pub use string::decode;
pub(crate) use string::decode_inner;
pub(crate) use tokens::{Token, TokenKind, Tokens};
pub use walk::{Elements, elements, members};

/// JSON's white space: space, tab, newline and carriage return.
fn is_space(byte: u8) -> bool {
    // All else that stands between two tokens is greater.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
