//! One binary for every integration test: a file per area, `support` for what they share.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "`pub` says what a support module offers; a test binary exports nothing")]

mod support;

mod agent;
mod architecture;
mod batch;
mod builtins;
mod client;
mod connect;
mod engine;
mod examples;
mod field;
mod generated;
mod harness;
mod language;
mod list;
mod mcp;
mod properties;
mod readme;
mod remote;
mod server;
mod share;
mod shell;
mod tls;
mod wire_log;
