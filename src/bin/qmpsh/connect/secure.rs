//! TLS, as the command line asks for it.

use super::{Failure, Status};
use crate::cli::Tls;
use qmpsh::transport::{CertificateFault, ClientCredentials, CredentialsError, Role, ServerCredentials, TlsError};

/// The credentials for connecting; read anew each time, since certificates are renewed.
pub(super) fn client(tls: &Tls) -> Result<ClientCredentials, Failure> {
    ClientCredentials::load(&tls.credentials).map_err(unusable)
}

/// The credentials for listening.
pub(super) fn server(tls: &Tls) -> Result<ServerCredentials, Failure> {
    ServerCredentials::load(&tls.credentials).map_err(unusable)
}

fn unusable(error: CredentialsError) -> Failure {
    Failure::new(Status::NoSession, format!("--tls-creds: {error}"))
}

/// Why TLS failed when connecting, and which option may help.
pub(super) fn explain(error: &TlsError) -> String {
    let hint = match error {
        TlsError::NoName => " (--tls-hostname NAME says which it is)",
        TlsError::BadName(_) => " (--tls-hostname NAME is the name to check)",
        TlsError::Certificate(Role::Server, CertificateFault::Name { names, .. }) if !names.is_empty() => {
            " (--tls-hostname NAME is the name to check, if it is not that of the address)"
        }
        TlsError::NotTls(_) => " (without TLS leave --tls-creds away; with it QEMU's chardev has tls-creds=ID)",
        _ => "",
    };
    format!("{error}{hint}")
}
