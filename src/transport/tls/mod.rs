//! TLS over any transport, with a directory of credentials as QEMU's `tls-creds-x509` takes it.
//!
//! | file | what | to connect | to listen |
//! |---|---|---|---|
//! | `ca-cert.pem` | the CAs that are trusted | needed | needed |
//! | `ca-crl.pem` | what those have revoked | if there | if there |
//! | `client-cert.pem`, `client-key.pem` | our certificate and its key | if there | |
//! | `server-cert.pem`, `server-key.pem` | our certificate and its key | | needed |
//!
//! The peer is always verified: the server's certificate and the name it is for, and the client's certificate. There is
//! no way not to. Source: docs/qmp.md, "TLS", and QEMU's `docs/system/tls.rst`, `crypto/tlscredsx509.c`.
//!
//! ```no_run
//! use qmpsh::client::{Client, ClientOptions};
//! use qmpsh::transport::{ClientCredentials, Endpoint, Tcp};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let credentials = ClientCredentials::load("/etc/pki/qemu")?;
//! let address = Endpoint::Tcp(Tcp { host: "host1.example.com".to_owned(), port: 4444 });
//! let client = Client::new(ClientOptions::default());
//! client.connect(credentials.dial(address, None)).await?;
//! # Ok(())
//! # }
//! ```

mod connect;
mod credentials;
mod directory;
mod error;
mod fault;
mod link;
mod listen;

pub use connect::{Reached, TlsDial};
pub use credentials::{ClientCredentials, ServerCredentials};
pub use directory::CredentialsError;
pub use error::{Refusal, TlsError};
pub use fault::CertificateFault;
pub use listen::TlsBind;

/// An end of a connection in TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that connects.
    Client,
    /// The one that listens.
    Server,
}

impl Role {
    fn peer(self) -> Self {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// The file with the certificate of this end.
    fn certificate(self) -> &'static str {
        match self {
            Role::Client => "client-cert.pem",
            Role::Server => "server-cert.pem",
        }
    }

    /// The file with the key of that certificate.
    fn key(self) -> &'static str {
        match self {
            Role::Client => "client-key.pem",
            Role::Server => "server-key.pem",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Role::Client => "client",
            Role::Server => "server",
        })
    }
}
