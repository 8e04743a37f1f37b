//! The two ends of a connection.

use std::fmt;

/// An end of a connection in TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The end that connects.
    Client,
    /// The end that listens.
    Server,
}

impl Role {
    pub(super) fn peer(self) -> Self {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// Returns the name of the file with the certificate of this end.
    pub(super) fn certificate(self) -> &'static str {
        match self {
            Role::Client => "client-cert.pem",
            Role::Server => "server-cert.pem",
        }
    }

    /// Returns the name of the file with the key of that certificate.
    pub(super) fn key(self) -> &'static str {
        match self {
            Role::Client => "client-key.pem",
            Role::Server => "server-key.pem",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Client => "client",
            Role::Server => "server",
        })
    }
}
