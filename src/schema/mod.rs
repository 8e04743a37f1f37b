//! What a peer can do, as `query-qmp-schema` tells it: commands, events, and the types of what they take and return. No I/O.
//!
//! `read` makes the model (`types`) of a reply, `agent` that of a guest agent. `walk` finds the type at a path of keys, given the
//! tags of unions; `describe` puts types into words, `reference` lists all that is in one, and `nearest` finds a similar name.
//!
//! Type names are masked numbers that change from one QEMU to the next, so nothing here depends on them. Types may be
//! recursive, and a peer may send anything: types refer to each other by index, and each walk has a budget. Source:
//! QEMU's `qapi/introspect.json`; docs/qmp.md, "Introspection".

mod agent;
mod describe;
mod read;
mod reference;
#[cfg(test)]
pub(crate) mod sample;
mod similar;
mod types;
mod walk;

pub use read::SchemaError;
pub use reference::{Choice, Reference, ReferenceLine, Row};
pub use similar::nearest;
#[cfg(feature = "language")]
pub(crate) use similar::{meant, most_similar};
pub use types::{Builtin, Command, EnumValue, Event, Features, Member, Object, Schema, Type, TypeId, Variant};
#[cfg(feature = "language")]
pub(crate) use walk::is_index;
pub use walk::{Step, Tag, Tags, Walk};
