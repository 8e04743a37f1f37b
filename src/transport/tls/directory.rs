//! Reads a directory of credentials.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::role::Role;
use crate::error::describe;
use crate::text;

/// A directory of credentials cannot be used. The message is safe to show.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct CredentialsError {
    /// The file that is missing or cannot be used, or the directory.
    pub file: PathBuf,
    message: String,
}

impl CredentialsError {
    /// Makes an error whose message `write` makes of the file's name.
    fn new(file: PathBuf, write: impl FnOnce(&str) -> String) -> Self {
        let message = write(&text::bytes(file.as_os_str().as_encoded_bytes()));
        Self { file, message }
    }
}

/// The directory of credentials of one end.
pub(super) struct Directory<'a> {
    path: &'a Path,
    pub(super) role: Role,
}

impl<'a> Directory<'a> {
    pub(super) fn new(path: &'a Path, role: Role) -> Result<Self, CredentialsError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path, role }),
            Ok(_) => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            Err(error) => Err(error),
        }
        .map_err(|why| {
            CredentialsError::new(path.to_owned(), |path| {
                format!("{path} is not a directory of TLS credentials: {}", describe(&why))
            })
        })
    }

    /// Makes an error about a file.
    fn error(&self, name: &str, write: impl FnOnce(&str) -> String) -> CredentialsError {
        CredentialsError::new(self.path.join(name), write)
    }

    fn doing(&self) -> &'static str {
        match self.role {
            Role::Client => "connecting",
            Role::Server => "listening",
        }
    }

    /// Returns the contents of a file, if it exists.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CredentialsError> {
        match std::fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(self
                .error(name, |file| format!("cannot read {file} for {} with TLS: {}", self.doing(), describe(&why)))),
        }
    }

    fn missing(&self, name: &str) -> CredentialsError {
        let needs = match self.role {
            Role::Client => {
                "ca-cert.pem (and client-cert.pem with client-key.pem, if the server asks for a certificate)"
            }
            Role::Server => "ca-cert.pem, server-cert.pem and server-key.pem",
        };
        self.error(name, |file| format!("{file} is missing; {} with TLS needs {needs}", self.doing()))
    }

    /// Makes the error for one of two files that belong together.
    fn half(&self, name: &str, other: &str) -> CredentialsError {
        self.error(name, |file| format!("{file} is missing; it belongs to {other}"))
    }

    /// Makes the error for a key that is not that of the certificate.
    pub(super) fn key_mismatch(&self) -> CredentialsError {
        let certificate = self.role.certificate();
        self.error(self.role.key(), |key| {
            format!("{key} is not the key of {certificate} beside it: each is of another pair")
        })
    }

    /// Makes the error for a file that is malformed or that the peer would refuse.
    pub(super) fn unusable(&self, name: &str, why: impl Display) -> CredentialsError {
        self.error(name, |file| format!("{file} cannot be used: {why}"))
    }

    /// Reads the certificates of the trusted CAs.
    pub(super) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
        let name = "ca-cert.pem";
        self.certificates(name, &self.read(name)?.ok_or_else(|| self.missing(name))?)
    }

    /// Reads the lists of revoked certificates.
    pub(super) fn revocations(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialsError> {
        let name = "ca-crl.pem";
        let none = "no list of revoked certificates is in it (`-----BEGIN X509 CRL-----`)";
        self.read(name)?.map_or(Ok(Vec::new()), |bytes| self.all(name, &bytes, none))
    }

    /// Reads our own certificate, followed by those between it and the CA, and its key; `None` if both files are missing.
    pub(super) fn own(&self) -> Result<Option<OwnPem>, CredentialsError> {
        let (certificate, key) = (self.role.certificate(), self.role.key());
        match (self.read(certificate)?, self.read(key)?) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.half(key, certificate)),
            (None, Some(_)) => Err(self.half(certificate, key)),
            (Some(chain), Some(pem)) => Ok(Some((self.certificates(certificate, &chain)?, self.key(key, &pem)?))),
        }
    }

    /// Reads our own certificate and its key; an error if the files are missing.
    pub(super) fn own_needed(&self) -> Result<OwnPem, CredentialsError> {
        self.own()?.ok_or_else(|| self.missing(self.role.certificate()))
    }

    fn certificates(&self, name: &str, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
        self.all(name, bytes, "no certificate is in it (`-----BEGIN CERTIFICATE-----`)")
    }

    /// Reads every section of one kind; at least one.
    fn all<T: PemObject>(&self, name: &str, bytes: &[u8], none: &'static str) -> Result<Vec<T>, CredentialsError> {
        let all: Result<Vec<T>, pem::Error> = T::pem_slice_iter(bytes).collect();
        match all {
            Ok(all) if all.is_empty() => Err(self.unusable(name, none)),
            Ok(all) => Ok(all),
            Err(_) => Err(self.unusable(name, "it is cut off, or no PEM")),
        }
    }

    fn key(&self, name: &str, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, CredentialsError> {
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        if has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED") {
            let why = "the key is protected by a password (`openssl pkey -in OLD -out NEW` takes it away)";
            return Err(self.unusable(name, why));
        }
        PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
            pem::Error::NoItemsFound => self.unusable(name, "no private key is in it (`-----BEGIN PRIVATE KEY-----`)"),
            _ => self.unusable(name, "it is cut off, or no PEM"),
        })
    }
}

/// A chain of certificates and the key of the first.
pub(super) type OwnPem = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);
