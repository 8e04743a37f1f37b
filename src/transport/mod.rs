//! The transports: Unix and TCP sockets, programs, ssh, and TLS around any of them.
//!
//! In comes an address or a descriptor, out go [`Link`](crate::protocol::Link)s for the engine. `child` is the one way to run a
//! process here.

#[cfg(feature = "language")]
pub mod child;
#[cfg(not(feature = "language"))]
mod child;
mod endpoint;
mod exec;
mod inherited;
mod socket_file;
mod ssh;
mod stderr_tail;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod unix;
mod watcher;

pub use endpoint::{DialTarget, Endpoint};
pub use exec::Exec;
pub use inherited::Inherited;
#[cfg(feature = "language")]
pub use socket_file::SocketFile;
pub use ssh::Ssh;
#[cfg(feature = "language")]
pub use ssh::Tunnel;
#[cfg(feature = "language")]
pub use stderr_tail::StderrTail;
pub use tcp::Tcp;
#[cfg(feature = "tls")]
pub use tls::{
    CertificateFault, ClientCredentials, CredentialsError, Reached, Role, ServerCredentials, TlsBind, TlsDial, TlsError,
};
pub use unix::{Unix, UnixLink};
