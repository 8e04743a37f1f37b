//! Makes the message that is sent ([`Request`](crate::message::Request)) of a parsed line ([`crate::language::syntax`]). No I/O of
//! its own: see [`Sources`].
//!
//! [`Types`] is the one place that decides what an unquoted value is: [`Untyped`] by its spelling alone, as qmp-shell does,
//! [`Typed`] by the schema. [`Needs`] says what to ask the peer before a line can be typed, which for most lines is nothing. If
//! the peer refuses an argument because of its type, [`Resend`] makes the next message, and [`hints`] says what the schema knows.

mod arguments;
mod builder;
mod error;
mod hints;
mod limits;
mod needs;
mod request;
mod resend;
mod scalar;
#[cfg(test)]
mod tests;
mod typed;
#[cfg(test)]
mod typed_tests;
mod types;
mod values;

pub use arguments::Arguments;
pub(crate) use arguments::KeyTree;
pub use error::{TypingError, TypingErrorKind};
pub use hints::{can_teach, hints, nested_properties};
pub use needs::{Needs, Property};
pub use request::request;
pub use resend::Resend;
pub use scalar::could_mean_two_things;
pub use typed::Typed;
pub use types::{Place, Role, Types, Untyped};
pub use values::Sources;
