//! qmpsh: an interactive shell, a scripting client and a library for the QEMU Machine Protocol (QMP).
//!
//! To talk to a QEMU, begin with [`client::Client`], [`transport`] and [`message::Request`]; for its events, with
//! [`client::Client::events`]; for another message protocol on the same engine, with [`protocol`].
//!
//! The library needs Rust 1.91 or later, and builds on Linux, macOS and the BSDs. It finds QEMU processes, and has abstract socket
//! names, on Linux alone. Without its default features it compiles no C.
//!
//! The modules, in the order to read them in. Those of the first two groups do no I/O. Imports point one way; ARCHITECTURE.md
//! says which, and what always holds.
//!
//! Text and bytes (with `error`, which puts errors into words):
//!
//! - [`message`]: the wire: greeting, request, reply, event, as bytes and ranges.
//! - [`json`]: documents found in a stream of bytes, made compact, indented; no trees.
//! - [`text`]: what the peer says, made safe to show on a terminal.
//! - [`secrets`]: what must not be shown or kept.
//! - [`pattern`]: shell globs.
//! - [`address`]: where a monitor is, and how that is written.
//!
//! What a peer can do:
//!
//! - [`schema`]: commands, events and types, as `query-qmp-schema` tells them.
//! - [`policy`]: which commands a client may send.
//!
//! The connection:
//!
//! - [`protocol`]: the engine: a [`protocol::Session`] drives a [`protocol::Protocol`] over a [`protocol::Link`].
//! - [`processes`]: the QEMU processes of this machine, and who holds their monitors.
//! - [`transport`]: what links are made of: Unix and TCP sockets, those of processes found by name among them; TLS around
//!   any of them.
//! - [`jobs`]: what becomes of jobs and of a migration, as events and queries tell it.
//! - [`events`]: streams of events, bounded and filtered; waits for one event, which look back.
//! - [`client`]: QMP on the engine.
//! - [`server`]: the server side of QMP on the engine.
//!
//! The shell's language, with the feature `language`:
//!
#![cfg_attr(
    feature = "language",
    doc = "- [`language`]: from the text of a line to the message that is sent; completion and hints."
)]

pub mod error;

pub mod message;

pub mod json;

pub mod text;

pub mod secrets;

pub mod pattern;

pub mod address;

pub mod schema;

#[cfg(feature = "language")]
pub mod language;

pub mod policy;

pub mod protocol;

pub mod processes;

pub mod transport;

pub mod events;

pub mod jobs;

pub mod client;

pub mod server;
