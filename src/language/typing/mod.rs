//! Makes the message that is sent ([`Request`](crate::message::Request)) of a parsed line
//! ([`crate::language::syntax`]). No I/O of its own: see [`Sources`].
//!
//! [`Types`] decides what an unquoted value is: by the schema, or by its spelling alone, as qmp-shell does. [`Needs`]
//! says what to ask the peer before a line can be typed, which for most lines is nothing. If the peer refuses an
//! argument because of its type, [`Resend`] makes the next message, and [`hints`] says what the schema knows.

mod arguments;
mod builder;
mod error;
mod hints;
mod needs;
mod other_names;
mod removed;
mod request;
mod resend;
mod scalar;
#[cfg(test)]
mod tests;
mod types;
#[cfg(test)]
mod types_tests;
mod values;

pub(crate) use arguments::KeyTree;
pub use error::{TypingError, TypingErrorKind};
pub use hints::{can_teach, hints, nested_properties, takes};
pub use needs::{Needs, Property};
pub use removed::was_removed;
pub use request::request;
pub use resend::Resend;
pub use scalar::could_mean_two_things;
pub use types::Types;
pub use values::Sources;
