//! The settings of a client.

use std::sync::Arc;
use std::time::Duration;

use super::observer::Observer;
use crate::events::{HistoryBounds, OnEvent};
use crate::policy::Policy;

/// The default of [`ClientOptions::max_message`]: 256 MiB.
pub const MAX_MESSAGE: usize = 256 << 20;

/// The settings of a client.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The connection's name in the log (E18).
    pub name: Option<String>,
    /// The longest message, in bytes. A longer one ends the session.
    pub max_message: usize,
    /// Enables out-of-band execution if the server offers it.
    pub out_of_band: bool,
    /// Waits for the greeting and negotiates. Otherwise commands are sent at once.
    pub negotiate: bool,
    /// The peer is a guest agent: instead of a greeting there is a synchronization.
    pub guest_agent: bool,
    /// How long a peer that is accepted may take for its greeting and negotiation.
    pub handshake_limit: Option<Duration>,
    /// Which commands may be sent; the default allows all. The negotiation is always allowed.
    pub policy: Policy,
    /// Sees all messages.
    pub observer: Option<Arc<dyn Observer>>,
    /// Called with every event in order, before any stream or wait gets it.
    pub on_event: Option<OnEvent>,
    /// How many events [`Client::wait`](super::Client::wait) remembers; `None`: it only sees events that come while it waits.
    pub history: Option<HistoryBounds>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            name: None,
            max_message: MAX_MESSAGE,
            out_of_band: true,
            negotiate: true,
            guest_agent: false,
            handshake_limit: None,
            policy: Policy::default(),
            observer: None,
            on_event: None,
            history: Some(HistoryBounds::default()),
        }
    }
}
