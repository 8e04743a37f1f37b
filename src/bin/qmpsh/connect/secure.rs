//! TLS: credentials from the command line, and hints for its errors.

use std::path::Path;

use crate::cli::Options;
use crate::status::Failure;
use qmpsh::transport::{CertificateFault, ClientCredentials, CredentialsError, Role, ServerCredentials, TlsError};

/// The credentials for connecting, and the name that the server's certificate must be for.
pub(super) type ClientTls = (ClientCredentials, Option<String>);

/// Loads the credentials for connecting. They are loaded for each connection, since certificates are renewed.
pub(super) fn client(options: &Options) -> Result<Option<ClientTls>, Failure> {
    let Some(directory) = &options.tls_creds else { return Ok(None) };
    Ok(Some((ClientCredentials::load(directory).map_err(unusable)?, options.tls_hostname.clone())))
}

/// Loads the credentials for listening.
pub(crate) fn server(directory: &Path) -> Result<ServerCredentials, Failure> {
    ServerCredentials::load(directory).map_err(unusable)
}

fn unusable(error: CredentialsError) -> Failure {
    Failure::no_session(format!("--tls-creds: {error}"))
}

/// Explains why TLS failed when connecting, and which option may help.
pub(super) fn explain(error: &TlsError) -> String {
    let hint = match error {
        TlsError::NoName => " (give it with --tls-hostname NAME)",
        TlsError::BadName(_) => " (give another with --tls-hostname NAME)",
        TlsError::Certificate(Role::Server, CertificateFault::Name { names, .. }) if !names.is_empty() => {
            " (if the name differs from the address, use --tls-hostname NAME)"
        }
        TlsError::NotTls(_) => {
            " (to connect without TLS, omit --tls-creds; with TLS, QEMU's chardev needs tls-creds=ID)"
        }
        _ => "",
    };
    format!("{error}{hint}")
}
