//! TLS: credentials from the command line, and hints for its errors.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use crate::cli::Options;
use crate::status::Failure;
use qmpsh::text;
use qmpsh::transport::{CertificateFault, ClientCredentials, CredentialsError, Role, ServerCredentials, TlsError};

/// The credentials for connecting, and the name that the server's certificate must be for.
pub(super) type ClientTls = (ClientCredentials, Option<String>);

/// Loads the credentials for connecting. They are loaded for each connection, since certificates are renewed.
pub(super) async fn client(options: &Options) -> Result<Option<ClientTls>, Failure> {
    let Some(directory) = &options.tls_creds else { return Ok(None) };
    let credentials = load(directory, |directory| ClientCredentials::load(directory), options.connect_timeout).await?;
    Ok(Some((credentials, options.tls_hostname.clone())))
}

/// Loads the credentials for listening.
pub(crate) async fn server(directory: &Path, limit: Duration) -> Result<ServerCredentials, Failure> {
    load(directory, |directory| ServerCredentials::load(directory), limit).await
}

/// Loads credentials on a thread: a file may be a pipe that nobody writes to, or on a file system that does not respond.
async fn load<T: Send + 'static>(
    directory: &Path,
    load: fn(&Path) -> Result<T, CredentialsError>,
    limit: Duration,
) -> Result<T, Failure> {
    let path = directory.to_owned();
    let loading = tokio::task::spawn_blocking(move || load(&path));
    let loaded = match timeout(limit, loading).await {
        Ok(loaded) => loaded.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())),
        Err(_) => {
            let (directory, seconds) = (directory.to_string_lossy(), limit.as_secs_f64());
            let why = "one of them may be a pipe that nobody writes to";
            let directory = text::line(&directory);
            return Err(unusable(format!("cannot read the files in {directory} within {seconds} s: {why}")));
        }
    };
    loaded.map_err(unusable)
}

fn unusable(why: impl Display) -> Failure {
    Failure::no_session(format!("--tls-creds: {why}"))
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
