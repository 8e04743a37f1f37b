//! A protocol engine: asynchronous, message-based, full duplex, generic over the protocol.
//!
//! The numbers E1 to E21 are those of the behaviors in docs/engine.md.
//!
//! A [`Session`] drives one connection at a time through four run states (E1):
//!
//! ```text
//!            connect, start_server, open_with_…          established
//!    Idle ───────────────────────────────▶ Connecting ───────────────▶ Running
//!     ▲                                        │                          │
//!     │            rolled back (E8, E9, E10)   │                          │ disconnect(), abort(),
//!     │                                        ▼                          ▼ reader or writer failed (E13)
//!     └──────────────────────────────────── Disconnecting ◀───────────────┘
//!                      disconnect() collects the result (E6)
//! ```
//!
//! A [`Protocol`] reads and writes messages, handles received ones, and does what comes before the session. Connections are
//! [`Link`]s, made by a [`Dial`] or accepted by a [`Listen`]er that a [`Bind`] opened. The engine knows no transport.
//!
//! Connecting and establishing run in the caller's future, under a guard: dropping that future leaves no task, socket or
//! socket file behind (E9). Only a running session has a task, the driver, which owns the connection.
//!
//! [`CodecProtocol`] is the protocol of any codec of tokio-util.

mod accept;
mod codec;
mod core;
mod driver;
mod error;
mod line;
mod link;
mod opening;
mod outbox;
mod runstate;
mod session;
mod task;
mod traits;
mod wire;

pub use codec::CodecProtocol;
pub use core::SessionOptions;
pub(crate) use error::has_ended;
pub use error::{Cause, ConnectError, OpenError, Phase, SessionError};
pub use line::{LineError, Lines};
pub(crate) use link::no_descriptors;
pub use link::{Bind, Dial, Handshake, Incoming, Link, Listen};
pub use runstate::{Runstate, StateError, StateWatcher};
pub use session::Session;
pub use traits::{Context, End, Protocol, Wire};
