//! Connecting with TLS.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsConnector, TlsStream};

use super::error::Refusal;
use super::link::{FirstBytes, TlsLink};
use super::{ClientCredentials, Role, TlsError};
use crate::protocol::{Dial, Link};
use crate::transport::Endpoint;

/// An address to be connected to with TLS, or a connection that TLS is to be spoken on; see
/// [`ClientCredentials::dial`].
pub struct TlsDial {
    credentials: ClientCredentials,
    hostname: Option<String>,
    to: Target,
    reached: Reached,
}

enum Target {
    Endpoint(Endpoint),
    Connected(Box<dyn Link>),
}

impl ClientCredentials {
    /// `to`, with TLS. The server's certificate must be for `hostname`; without one, for the host that `to` names.
    ///
    /// What fails is a [`TlsError`] inside the [`io::Error`], where it is TLS that fails.
    pub fn dial(self, to: Endpoint, hostname: Option<String>) -> TlsDial {
        TlsDial { credentials: self, hostname, to: Target::Endpoint(to), reached: Reached::default() }
    }

    /// TLS on a connection that is there already, whose other end is a server for `hostname`.
    pub fn on(self, link: Box<dyn Link>, hostname: Option<String>) -> TlsDial {
        let reached = Reached(Arc::new(AtomicBool::new(true)));
        TlsDial { credentials: self, hostname, to: Target::Connected(link), reached }
    }
}

impl TlsDial {
    /// Tells, also while it is connecting and after, whether the peer has been reached.
    pub fn reached(&self) -> Reached {
        self.reached.clone()
    }
}

/// Whether the peer has been reached, so that what is still missing is TLS.
#[derive(Debug, Clone, Default)]
pub struct Reached(Arc<AtomicBool>);

impl Reached {
    /// Whether the connection below is there.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Dial for TlsDial {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        let to = match self.to {
            Target::Endpoint(endpoint) => Target::Endpoint(endpoint.located_with_tls().await?),
            connected @ Target::Connected(_) => connected,
        };
        let host = match &to {
            Target::Endpoint(Endpoint::Tcp(tcp)) => Some(tcp.host.clone()),
            _ => None,
        };
        // What cannot be checked is not connected to.
        let name = self.hostname.or(host).ok_or(TlsError::NoName)?;
        let name = ServerName::try_from(name.clone()).map_err(|_| TlsError::BadName(name))?;
        let link = match to {
            Target::Endpoint(endpoint) => endpoint.dial().await?,
            Target::Connected(link) => link,
        };
        self.reached.0.store(true, Ordering::Relaxed);
        shake(&self.credentials, name, link).await
    }
}

/// The handshake.
async fn shake(
    credentials: &ClientCredentials,
    name: ServerName<'static>,
    link: Box<dyn Link>,
) -> io::Result<Box<dyn Link>> {
    let (config, asked) = credentials.for_one();
    let first = FirstBytes::default();
    let handshake = TlsConnector::from(config).connect(name, first.of(link));
    let stream = handshake.await.map_err(|error| TlsError::in_handshake(error, Role::Client, &first.get()))?;
    let if_silent = match (asked.load(Ordering::Relaxed), credentials.has_certificate()) {
        (false, _) => None,
        (true, true) => Some(TlsError::Refused(Refusal { role: Role::Client, said: None, names: Vec::new() })),
        (true, false) => Some(TlsError::CertificateRequired),
    };
    Ok(Box::new(TlsLink::new(TlsStream::Client(stream), Role::Client, if_silent)))
}
