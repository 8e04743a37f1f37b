//! JSON as text: documents found in a stream, their members as ranges, text made compact or indented.
//!
//! Nothing here does I/O, and nothing builds a tree: a value stays the bytes that came, so that numbers, the order of
//! keys and the way strings are escaped come out as the peer sent them, whatever the size and the depth.

mod blocks;
mod compact;
mod document;
mod error;
mod indent;
mod marks;
mod nesting;
mod parts;
#[cfg(test)]
mod samples;
mod scanner;
mod string;
mod walk;

pub use compact::compact;
pub use document::Document;
pub(crate) use document::{Outline, Span};
pub use error::ScanError;
pub use indent::Indenter;
pub use parts::{Part, Parts};
pub use scanner::Scanner;
pub use string::decode;
pub(crate) use string::decode_inner;
pub use walk::{Elements, Members, elements, members};

/// JSON's white space: space, tab, newline and carriage return.
pub(crate) fn is_space(byte: u8) -> bool {
    // All else that stands between two tokens is greater.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
