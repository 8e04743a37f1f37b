//! qmpsh: an interactive shell, a scripting client and a library for the QEMU Machine Protocol (QMP).
//!
//! # Guide
//!
//! A [`Client`](client::Client) talks to one monitor. It is cheap to clone, and its clones share the session. An
//! [`Address`](address::Address) is a path, `HOST:PORT`, `vm:NAME`, `exec:COMMAND` or `ssh://HOST/PATH`.
//! [`Client::builder`](client::Client::builder) has the options: a guest agent, TLS, a policy, limits.
//!
//! ```no_run
//! use qmpsh::address::Address;
//! use qmpsh::client::{Client, ExecuteError};
//! use qmpsh::message::Request;
//! use serde::Deserialize;
//! use serde_json::json;
//!
//! #[derive(Deserialize)]
//! struct Status {
//!     running: bool,
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("/run/q.sock".parse::<Address>()?).await?;
//!
//! // Arguments and results are types of yours. Commands may run at the same time; each gets its own reply.
//! let status: Status = client.call("query-status", ()).await?;
//! client.call::<()>("block_resize", json!({"node-name": "n0", "size": 1 << 30})).await?;
//!
//! // The reply as it came, byte for byte.
//! let reply = client.execute(Request::new("query-block")).await;
//! match reply {
//!     Ok(reply) => println!("{}", String::from_utf8_lossy(&reply.result().unwrap_or_default())),
//!     // QEMU refused the command, and the session goes on.
//!     Err(ExecuteError::Server { class, desc, .. }) => println!("{class}: {desc}"),
//!     // The session has ended, or the request was no valid one.
//!     Err(error) => return Err(error.into()),
//! }
//!
//! // Events, from this line on. The stream ends with the session.
//! let mut events = client.events(["STOP", "BLOCK_*"]);
//! while let Some(event) = events.next().await {
//!     println!("{} {}", event.name(), event.data::<serde_json::Value>()?);
//! }
//!
//! // A job, also if it is over already. `migration` and `guest_exec` wait likewise.
//! client.job("backup").wait().await?;
//! client.disconnect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Every future may be dropped, which cancels it: connecting leaves nothing behind, and a command that was sent still runs. Nothing has
//! a time limit of its own; put `tokio::time::timeout` around it. No request can break the session: what QEMU's parser would refuse
//! is an error before anything is sent. Every command has exactly one outcome. The `Display` of an error says what failed, and its
//! `source()` why; [`error::describe`] puts both into one sentence. Texts of the peer are made safe for a terminal with [`text`].
//!
//! QEMU can dial in: [`Session::start_server`](protocol::Session::start_server), on
//! [`Client::session`](client::Client::session). A server of QMP is in [`server`], and another message protocol runs on the same engine
//! with [`protocol::CodecProtocol`]. `examples/` has a program for each of these.
//!
//! # What it needs
//!
//! The library needs Rust 1.91 or later, and builds on Linux, macOS and the BSDs. It finds QEMU processes, and has abstract socket
//! names, on Linux alone. Without its default features it compiles no C.
//!
//! # Modules
//!
//! The modules, in the order to read them in. Those of the first two groups do no I/O. Imports point one way; ARCHITECTURE.md
//! says which, and what always holds.
//!
//! Text and bytes (with `error`, which puts errors into words):
//!
//! - [`message`]: the wire: greeting, request, reply, event, as bytes and ranges.
//! - [`json`]: documents found in a stream of bytes, made compact, indented; no trees.
//! - [`text`]: what the peer says, made safe to show on a terminal.
//! - [`pattern`]: shell globs.
//! - [`address`]: where a monitor is, and how that is written.
//!
//! What a peer can do:
//!
//! - [`policy`]: which commands a client may send.
//!
//! The connection:
//!
//! - [`protocol`]: the engine: a [`protocol::Session`] drives a [`protocol::Protocol`] over a [`protocol::Link`].
//! - [`transport`]: what links are made of: Unix and TCP sockets, those of processes found by name among them; TLS around
//!   any of them.
//! - [`jobs`]: what becomes of jobs and of a migration, as events and queries tell it.
//! - [`events`]: streams of events, bounded and filtered; waits for one event, which look back.
//! - [`client`]: QMP on the engine.
//! - [`server`]: the server side of QMP on the engine.
//!
//! What a program such as the shell needs, with the feature `language`:
//!
#![cfg_attr(
    feature = "language",
    doc = "- [`schema`]: commands, events and types, as `query-qmp-schema` tells them.
- [`secrets`]: what must not be shown or kept.
- [`processes`]: the QEMU processes of this machine, and who holds their monitors.
- [`language`]: from the text of a line to the message that is sent; completion and hints."
)]
// What only a program such as the shell uses has no user without it.
#![cfg_attr(not(feature = "language"), allow(dead_code, unused_imports, unreachable_pub))]

pub mod error;

pub mod message;

pub mod json;

pub mod text;

#[cfg(feature = "language")]
pub mod secrets;
#[cfg(not(feature = "language"))]
mod secrets;

pub mod pattern;

pub mod address;

#[cfg(feature = "language")]
pub mod schema;

#[cfg(feature = "language")]
pub mod language;

pub mod policy;

pub mod protocol;

#[cfg(feature = "language")]
pub mod processes;
#[cfg(not(feature = "language"))]
mod processes;

pub mod transport;

pub mod events;

pub mod jobs;

pub mod client;

pub mod server;
