//! Connecting with TLS.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsConnector, TlsStream};

use super::credentials::ClientCredentials;
use super::error::TlsError;
use super::link::{FirstBytes, TlsLink};
use super::role::Role;
use crate::protocol::{Dial, Link};
use crate::transport::{DialTarget, Endpoint};

/// A target to connect to with TLS; see [`ClientCredentials::dial`].
pub struct TlsDial {
    credentials: ClientCredentials,
    hostname: Option<String>,
    to: DialTarget,
    reached: Reached,
}

impl ClientCredentials {
    /// Puts TLS around a target. The server's certificate must be for `hostname`; without one, for the host of the target.
    ///
    /// An error of TLS is a [`TlsError`] inside the [`io::Error`].
    pub fn dial(self, to: impl Into<DialTarget>, hostname: Option<String>) -> TlsDial {
        let to = to.into();
        let reached = Reached(Arc::new(AtomicBool::new(matches!(to, DialTarget::Link(_)))));
        TlsDial { credentials: self, hostname, to, reached }
    }
}

impl TlsDial {
    /// Returns a handle that tells, also while it is connecting and after, if the peer was reached.
    pub fn reached(&self) -> Reached {
        self.reached.clone()
    }
}

/// Tells if the peer was reached, so that only TLS is missing.
#[derive(Debug, Clone)]
pub struct Reached(Arc<AtomicBool>);

impl Reached {
    /// Returns true if the connection below TLS exists.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Dial for TlsDial {
    async fn dial(self) -> io::Result<Box<dyn Link>> {
        let to = self.to.with_tls().await?;
        let host = match &to {
            DialTarget::Endpoint(Endpoint::Tcp(tcp)) => Some(tcp.host.clone()),
            _ => None,
        };
        // A name that cannot be checked fails before there is a connection.
        let name = self.hostname.or(host).ok_or(TlsError::NoName)?;
        let name = ServerName::try_from(name.clone()).map_err(|_| TlsError::BadName(name))?;
        let link = to.dial().await?;
        self.reached.0.store(true, Ordering::Relaxed);

        let (config, asked) = self.credentials.for_one();
        let first = FirstBytes::default();
        let handshake = TlsConnector::from(config).connect(name, first.of(link));
        let stream = handshake.await.map_err(|error| TlsError::in_handshake(error, Role::Client, &first.get()))?;
        let if_silent = match (asked.load(Ordering::Relaxed), self.credentials.has_certificate()) {
            (false, _) => None,
            (true, true) => Some(TlsError::refused_silently(Role::Client, &[])),
            (true, false) => Some(TlsError::CertificateRequired),
        };
        Ok(Box::new(TlsLink::new(TlsStream::Client(stream), Role::Client, if_silent)))
    }
}
