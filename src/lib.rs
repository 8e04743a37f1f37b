//! qmpsh: an interactive shell, a scripting client and a library for the QEMU Machine Protocol (QMP).

mod error;

pub mod message;

pub mod json;

pub mod text;

pub mod secrets;

pub mod address;

pub mod protocol;

pub mod transport;

pub mod client;

pub mod events;

pub mod schema;

pub mod syntax;

pub mod typing;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "cli")]
pub mod shell;
