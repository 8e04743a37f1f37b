//! What leaves the program: results, tables, events, progress, messages, and the log of the wire.

pub(crate) mod changes;
pub(crate) mod color;
pub(crate) mod columns;
pub(crate) mod diagnostics;
mod event_line;
pub(crate) mod messages;
pub(crate) mod natural;
pub(crate) mod pager;
pub(crate) mod pipeline;
pub(crate) mod printer;
pub(crate) mod progress;
pub(crate) mod render;
pub(crate) mod stdout;
pub(crate) mod table;
pub(crate) mod units;
pub(crate) mod wire_log;
