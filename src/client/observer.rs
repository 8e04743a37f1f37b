//! Observers of a client's messages: a log of the wire, an echo.

use std::fmt;

use crate::json::Document;

/// Sees each message of a client's sessions, in the order of the wire. What it sees has secrets in it.
///
/// It is called by the session's own task, so it must not wait.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A message on its way out, with its id.
    fn sent(&self, message: &[u8], by: Origin);

    /// A whole message that came, not looked at yet: it may mean nothing.
    fn received(&self, message: &Document);
}

/// On whose behalf a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user's: what [`Client::start`](super::Client::start) and [`execute`](super::Client::execute) send.
    User,
    /// The program's own: the negotiation, and what [`Client::start_as`](super::Client::start_as) sends for it.
    Program,
}
