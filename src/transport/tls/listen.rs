//! Listening with TLS.

use std::io;
use std::task::{Context, Poll};

use tokio_rustls::{TlsAcceptor, TlsStream};

use super::credentials::ServerCredentials;
use super::error::TlsError;
use super::link::{FirstBytes, TlsLink};
use super::role::Role;
use crate::protocol::{Bind, Incoming, Link, Listen};
use crate::transport::Endpoint;

/// An address to listen on with TLS; see [`ServerCredentials::bind`].
#[derive(Debug, Clone)]
pub struct TlsBind {
    credentials: ServerCredentials,
    at: Endpoint,
}

impl ServerCredentials {
    /// Puts TLS around an address.
    pub fn bind(self, at: Endpoint) -> TlsBind {
        TlsBind { credentials: self, at }
    }

    /// Speaks TLS with peers that connect to an existing listener.
    pub fn listen(self, listener: Box<dyn Listen>) -> Box<dyn Listen> {
        Box::new(TlsListening { credentials: self, listener })
    }
}

impl Bind for TlsBind {
    async fn bind(self) -> io::Result<Box<dyn Listen>> {
        Ok(self.credentials.listen(self.at.bind().await?))
    }
}

struct TlsListening {
    credentials: ServerCredentials,
    listener: Box<dyn Listen>,
}

impl Listen for TlsListening {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Incoming>> {
        self.listener.poll_accept(context).map_ok(|incoming| {
            let credentials = self.credentials.clone();
            let Incoming { peer, handshake } = incoming;
            Incoming { peer, handshake: Box::pin(async move { shake(credentials, handshake.await?).await }) }
        })
    }

    fn set_backlog(&mut self, backlog: i32) -> io::Result<()> {
        self.listener.set_backlog(backlog)
    }

    fn address(&self) -> String {
        self.listener.address()
    }
}

/// Does the handshake with one peer.
async fn shake(credentials: ServerCredentials, link: Box<dyn Link>) -> io::Result<Box<dyn Link>> {
    let first = FirstBytes::default();
    let handshake = TlsAcceptor::from(credentials.config).accept(first.of(link));
    let stream = handshake.await.map_err(|error| TlsError::in_handshake(error, Role::Server, &first.get()))?;
    let refusal = TlsError::refused_silently(Role::Server, &credentials.names);
    Ok(Box::new(TlsLink::new(TlsStream::Server(stream), Role::Server, Some(refusal))))
}
