//! The options of a client.

use std::sync::Arc;
use std::time::Duration;

use super::observer::Observer;
use crate::events::{HistoryBounds, OnEvent};
use crate::message::Event;
use crate::policy::Policy;
#[cfg(feature = "tls")]
use crate::transport::ClientCredentials;

/// The options of a client, and what makes one of them. [`Client::builder`](super::Client::builder) begins it.
///
/// ```no_run
/// use qmpsh::address::Address;
/// use qmpsh::client::Client;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = Client::builder().guest_agent(true).name("web1").connect("/run/qga.sock".parse::<Address>()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "it connects to nothing before `connect` or `build`"]
pub struct ClientBuilder {
    pub(super) name: Option<String>,
    pub(super) max_message: usize,
    pub(super) out_of_band: bool,
    pub(super) negotiate: bool,
    pub(super) guest_agent: bool,
    pub(super) handshake_limit: Option<Duration>,
    pub(super) policy: Policy,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) history: Option<HistoryBounds>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<(ClientCredentials, Option<String>)>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            name: None,
            max_message: 256 << 20,
            out_of_band: true,
            negotiate: true,
            guest_agent: false,
            handshake_limit: None,
            policy: Policy::default(),
            observer: None,
            on_event: None,
            history: Some(HistoryBounds::default()),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl ClientBuilder {
    /// Sets the name of the connection, which its log records carry.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the longest message that may come, in bytes; 256 MiB by default. A longer one ends the session.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// Sets whether out-of-band execution is enabled where the server offers it; true by default.
    pub fn out_of_band(mut self, on: bool) -> Self {
        self.out_of_band = on;
        self
    }

    /// Sets whether to wait for the greeting and negotiate; true by default. Otherwise commands are sent at once.
    pub fn negotiate(mut self, on: bool) -> Self {
        self.negotiate = on;
        self
    }

    /// Sets whether the peer is a guest agent, which is synchronized with and sends no greeting; false by default.
    pub fn guest_agent(mut self, on: bool) -> Self {
        self.guest_agent = on;
        self
    }

    /// Sets how long a peer that dials in may take for its handshake; no limit by default.
    pub fn handshake_limit(mut self, limit: Duration) -> Self {
        self.handshake_limit = Some(limit);
        self
    }

    /// Sets which commands may be sent; all by default. The negotiation is always allowed.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets what sees all messages, such as a log.
    pub fn observer(mut self, observer: impl Into<Option<Arc<dyn Observer>>>) -> Self {
        self.observer = observer.into();
        self
    }

    /// Sets what is called with every event in order, before any stream gets it. The task of the connection calls it, so it must
    /// not block.
    pub fn on_event(mut self, call: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(OnEvent(Arc::new(call)));
        self
    }

    /// Sets how many events [`Client::wait`](super::Client::wait) remembers; with `None` it only sees events that come while it waits.
    pub fn history(mut self, bounds: Option<HistoryBounds>) -> Self {
        self.history = bounds;
        self
    }

    /// Connects with TLS. The server's certificate must be for `hostname`; without one, for the host of the address.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, credentials: ClientCredentials, hostname: Option<String>) -> Self {
        self.tls = Some((credentials, hostname));
        self
    }
}
