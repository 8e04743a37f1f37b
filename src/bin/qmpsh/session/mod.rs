//! What batch and interactive shell share.
//!
//! A [`Session`] is the state of one run of the program: the client, the way to the peer, what is known of it, and the settings.
//! A [`Frontend`] prints and waits. An [`Action`] is what a line asks for. The shell's own questions to the peer are in
//! [`queries`] and [`ask`]; [`outcome`] says how a command ended. [`schema`] is the peer's, [`types`] what it says about a line;
//! [`qom_types`] are those of QEMU's object model, which ship with the program.

pub(crate) mod action;
pub(crate) mod ask;
pub(crate) mod dialect;
pub(crate) mod event_filter;
pub(crate) mod event_names;
pub(crate) mod frontend;
pub(crate) mod hmp;
pub(crate) mod outcome;
pub(crate) mod peer;
pub(crate) mod qom_types;
pub(crate) mod queries;
mod refusals;
pub(crate) mod schema;
mod seen_events;
mod state;
pub(crate) mod types;

pub(crate) use action::{Action, Builtin};
pub(crate) use dialect::SharedDialect;
pub(crate) use event_filter::EventFilter;
pub(crate) use frontend::{Frontend, attend};
pub(crate) use seen_events::SeenEvents;
pub(crate) use state::{Connection, Peer, Session};
