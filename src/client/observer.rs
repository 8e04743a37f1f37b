//! Observers of a client's messages, such as a log.

use std::fmt;

use crate::json::Document;
use crate::message::Request;

/// Sees each message of a client's sessions, in the order of the wire. Secrets are not masked.
///
/// The task of the session calls it, so it must not block.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Sees a message that is sent, with its id, which stands at its end, and the command that it was made of.
    fn sent(&self, message: &[u8], command: &Request, by: Origin);

    /// Sees a message that came, before it is parsed.
    fn received(&self, message: &Document);
}

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user: [`Client::start`](super::Client::start) and [`execute`](super::Client::execute).
    User,
    /// The program: the negotiation, and [`Client::start_as`](super::Client::start_as) for it.
    Program,
    /// The program, to read the guest's screen: what that needs is allowed where [`Policy::read_only`](crate::policy::Policy::read_only)
    /// is, unless a rule denies it.
    Screen,
}
