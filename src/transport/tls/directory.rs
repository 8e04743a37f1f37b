//! Reading a directory of credentials.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::Role;
use crate::text;

/// Why a directory of credentials cannot be used; the message is safe to show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// It cannot be looked into.
    #[error("{} is not a directory of TLS credentials: {why}", shown(.path))]
    Directory {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A file is not there.
    #[error("{} is missing; {} with TLS needs {}", shown(.file), doing(*.role), needs(*.role))]
    Missing {
        /// The file that is missing.
        file: PathBuf,
        /// What it is needed for: to be the client or the server.
        role: Role,
    },
    /// One of the two files that belong together is not there.
    #[error("{} is missing; it belongs to {}", shown(.file), .beside)]
    Half {
        /// The file that is missing.
        file: PathBuf,
        /// The name of the one that is there.
        beside: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {} for {} with TLS: {why}", shown(.file), doing(*.role))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What it is used for: to be the client or the server.
        role: Role,
        /// What the system says.
        why: io::Error,
    },
    /// Key and certificate do not belong together.
    #[error("{} is not the key of {certificate} beside it: each is of another pair", shown(.key))]
    KeyMismatch {
        /// The file with the key.
        key: PathBuf,
        /// The name of the file with the certificate.
        certificate: &'static str,
    },
    /// A file is malformed, or would be refused by the peer.
    #[error("{} cannot be used: {why}", shown(.file))]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

fn shown(path: &Path) -> impl fmt::Display {
    text::bytes(path.as_os_str().as_encoded_bytes()).into_owned()
}

fn doing(role: Role) -> &'static str {
    match role {
        Role::Client => "connecting",
        Role::Server => "listening",
    }
}

fn needs(role: Role) -> &'static str {
    match role {
        Role::Client => "ca-cert.pem (and client-cert.pem with client-key.pem, if the server asks for a certificate)",
        Role::Server => "ca-cert.pem, server-cert.pem and server-key.pem",
    }
}

/// A directory of credentials, as one end uses it.
pub(super) struct Directory<'a> {
    path: &'a Path,
    role: Role,
}

impl<'a> Directory<'a> {
    pub(super) fn new(path: &'a Path, role: Role) -> Result<Self, CredentialsError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { path, role }),
            Ok(_) => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            Err(error) => Err(error),
        }
        .map_err(|why| CredentialsError::Directory { path: path.to_owned(), why })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The contents, if there is such a file.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CredentialsError> {
        match std::fs::read(self.file(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(CredentialsError::Unreadable { file: self.file(name), role: self.role, why }),
        }
    }

    fn missing(&self, name: &str) -> CredentialsError {
        CredentialsError::Missing { file: self.file(name), role: self.role }
    }

    /// The certificates of the CAs that are trusted.
    pub(super) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
        let name = "ca-cert.pem";
        self.certificates(name, &self.read(name)?.ok_or_else(|| self.missing(name))?)
    }

    /// The lists of revoked certificates.
    pub(super) fn revocations(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialsError> {
        let name = "ca-crl.pem";
        let none = "no list of revoked certificates is in it (`-----BEGIN X509 CRL-----`)";
        self.read(name)?.map_or(Ok(Vec::new()), |bytes| self.all(name, &bytes, none))
    }

    /// Our own certificate, followed by those between it and the CA, and its key; `None` if both files are missing.
    pub(super) fn own(&self) -> Result<Option<OwnPem>, CredentialsError> {
        let (certificate, key) = (self.role.certificate(), self.role.key());
        match (self.read(certificate)?, self.read(key)?) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(CredentialsError::Half { file: self.file(key), beside: certificate }),
            (None, Some(_)) => Err(CredentialsError::Half { file: self.file(certificate), beside: key }),
            (Some(chain), Some(pem)) => Ok(Some((self.certificates(certificate, &chain)?, self.key(key, &pem)?))),
        }
    }

    /// Our own certificate and its key; an error if the files are missing.
    pub(super) fn own_needed(&self) -> Result<OwnPem, CredentialsError> {
        self.own()?.ok_or_else(|| self.missing(self.role.certificate()))
    }

    fn certificates(&self, name: &str, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
        self.all(name, bytes, "no certificate is in it (`-----BEGIN CERTIFICATE-----`)")
    }

    /// What is wrong with a file.
    pub(super) fn unusable(&self, name: &str, why: impl ToString) -> CredentialsError {
        CredentialsError::Unusable { file: self.file(name), why: why.to_string() }
    }

    /// Every section of one kind; at least one.
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
type OwnPem = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);
