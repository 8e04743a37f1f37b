//! TLS over any transport, with a directory of credentials in the format of QEMU's `tls-creds-x509`.
//!
//! | file | what | to connect | to listen |
//! |---|---|---|---|
//! | `ca-cert.pem` | the trusted CAs | required | required |
//! | `ca-crl.pem` | the certificates that they have revoked | optional | optional |
//! | `client-cert.pem`, `client-key.pem` | our certificate and its key | optional | |
//! | `server-cert.pem`, `server-key.pem` | our certificate and its key | | required |
//!
//! The peer is always verified: the server's certificate and the name it is for, and the client's certificate. Source: docs/qmp.md, "TLS", and QEMU's `docs/system/tls.rst`, `crypto/tlscredsx509.c`.
//!
//! ```no_run
//! use qmpsh::address::Address;
//! use qmpsh::client::Client;
//! use qmpsh::transport::ClientCredentials;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let credentials = ClientCredentials::load("/etc/pki/qemu")?;
//! let address: Address = "host1.example.com:4444".parse()?;
//! let client = Client::builder().tls(credentials, None).connect(address).await?;
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
mod role;

pub use connect::{Reached, TlsDial};
pub use credentials::{ClientCredentials, ServerCredentials};
pub use directory::CredentialsError;
pub use error::TlsError;
pub use fault::CertificateFault;
pub use listen::TlsBind;
pub use role::Role;
