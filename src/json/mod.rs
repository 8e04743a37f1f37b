//! JSON as text: finds documents in a stream, and makes values compact, indented or safe to show. No I/O.
//!
//! `scanner` finds the ends of documents in a stream that is split anywhere. The rest works on whole values, with `tokens`.
//!
//! Nothing builds a tree: a value stays the bytes that came. So numbers, the order of keys and the escapes of strings come out as
//! the peer sent them, whatever the size and the depth.

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

/// How deep objects and arrays may be nested in a message to QEMU, its own braces counted. Source: `MAX_NESTING` in QEMU's
/// `qobject/json-streamer.c`; tried on 7.2.
pub const MAX_NESTING: usize = 1024;

pub use compact::compact;
pub use document::Document;
pub(crate) use document::{Outline, Span};
pub use error::ScanError;
pub use escape::escape;
pub use indent::{Indenter, Part};
pub use scanner::Scanner;
pub use string::{decode, is_noncharacter};
pub(crate) use string::{decode_inner, decode_name, has_half_surrogate, quoted};
pub(crate) use tokens::{Token, TokenKind, Tokens};
pub use walk::{Elements, elements, members};
