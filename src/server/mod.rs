//! The server side of QMP, as a second protocol on the engine.
//!
//! In come connections, out go [`Command`]s, and back go [`Response`]s. A [`Connection`] greets its client and negotiates; what a
//! client says that is no command has its answer already, in the words of QEMU ([`Received::Refused`]).
//!
//! `lexer` and `framing` find requests in a stream, as QEMU does: its parser takes more than JSON, and one mistake costs one
//! request. `parser` writes each anew, so that what is checked is what is run. `command` says which request is a command.

mod command;
mod connection;
mod framing;
mod lexer;
mod parser;
mod protocol;
mod response;

pub use command::{Command, Received};
pub use connection::{Connection, Responses, next_peer};
pub use framing::MAX_REQUEST;
pub use protocol::QmpServer;
pub use response::Response;
