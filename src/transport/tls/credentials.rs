//! Credentials, checked and ready to be used.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_rustls::rustls::client::{
    ResolvesClientCert, Resumption, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateRevocationListDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig, SignatureScheme,
};

use super::Role;
use super::directory::{CredentialsError, Directory};
use super::fault::{CertificateFault, list_fault, plain};

/// What it takes to connect with TLS; cheap to clone.
#[derive(Clone)]
pub struct ClientCredentials {
    config: Arc<ClientConfig>,
    own: Option<Arc<CertifiedKey>>,
}

impl ClientCredentials {
    /// Reads `ca-cert.pem`, and what else a client may have, from a directory, and checks it.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, CredentialsError> {
        let files = Files::load(directory.as_ref(), Role::Client)?;
        let own = match files.directory.own()? {
            None => None,
            Some((chain, key)) => Some(files.certified(CertifiedKey::from_der(chain, key, &files.provider))?),
        };
        if let Some(own) = &own {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&files.roots), files.provider());
            let verifier = verifier.build().map_err(|error| files.verifier_failed(&error))?;
            let (leaf, intermediates) =
                own.cert.split_first().ok_or_else(|| files.failed(Error::NoCertificatesPresented))?;
            verifier
                .verify_client_cert(leaf, intermediates, UnixTime::now())
                .map_err(|error| files.certificate_failed(error))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&files.roots), files.provider())
            .with_crls(files.revoked.clone())
            // As with QEMU, what the list does not say is not held against a certificate, nor that the list is old.
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| files.verifier_failed(&error))?;
        let mut config = ClientConfig::builder_with_provider(files.provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| files.failed(error))?
            .with_webpki_verifier(verifier)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), own })
    }

    /// What one connection needs; the other is told whether the server asked for a certificate.
    pub(super) fn for_one(&self) -> (Arc<ClientConfig>, Arc<AtomicBool>) {
        let asked = Arc::new(AtomicBool::new(false));
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::new(Own { certificate: self.own.clone(), asked: Arc::clone(&asked) });
        (Arc::new(config), asked)
    }

    /// Whether there is a certificate to show.
    pub(super) fn has_certificate(&self) -> bool {
        self.own.is_some()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("has_certificate", &self.has_certificate()).finish_non_exhaustive()
    }
}

/// What it takes to listen with TLS; cheap to clone. Clients without a certificate of our CA are refused.
#[derive(Clone)]
pub struct ServerCredentials {
    pub(super) config: Arc<ServerConfig>,
    /// The names that our certificate is for.
    pub(super) names: Vec<String>,
}

impl ServerCredentials {
    /// Reads `ca-cert.pem`, `server-cert.pem`, `server-key.pem`, and `ca-crl.pem` if there is one, and checks them.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, CredentialsError> {
        let files = Files::load(directory.as_ref(), Role::Server)?;
        let (chain, key) = files.directory.own_needed()?;
        let own = files.certified(CertifiedKey::from_der(chain, key, &files.provider))?;
        let names = files.check_server(&own)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&files.roots), files.provider())
            .with_crls(files.revoked.clone())
            // As with QEMU, what the list does not say is not held against a certificate, nor that the list is old.
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| files.verifier_failed(&error))?;
        let mut config = ServerConfig::builder_with_provider(files.provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| files.failed(error))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        // One session a connection: nothing is to be resumed.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), names })
    }
}

impl fmt::Debug for ServerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCredentials").field("names", &self.names).finish_non_exhaustive()
    }
}

/// What both ends read.
struct Files<'a> {
    directory: Directory<'a>,
    role: Role,
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl<'a> Files<'a> {
    fn load(path: &'a Path, role: Role) -> Result<Self, CredentialsError> {
        let directory = Directory::new(path, role)?;
        let mut roots = RootCertStore::empty();
        for certificate in directory.authorities()? {
            let malformed = |_| directory.unusable("ca-cert.pem", "a certificate in it is malformed");
            roots.add(certificate).map_err(malformed)?;
        }
        let revoked = directory.revocations()?;
        Ok(Self { directory, role, provider: Arc::new(ring::default_provider()), roots: Arc::new(roots), revoked })
    }

    fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// Our certificate with its key, if they belong together.
    fn certified(&self, loaded: Result<CertifiedKey, Error>) -> Result<Arc<CertifiedKey>, CredentialsError> {
        let (certificate, key) = (self.role.certificate(), self.role.key());
        loaded.map(Arc::new).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                CredentialsError::KeyMismatch { key: self.directory.file(key), certificate }
            }
            Error::InvalidCertificate(_) => self.certificate_failed(error),
            _ => self.directory.unusable(key, "it is of a kind that is not known here (RSA, ECDSA and Ed25519 are)"),
        })
    }

    /// Checks our own certificate as clients will, all but the name; gives the names it is for.
    fn check_server(&self, own: &CertifiedKey) -> Result<Vec<String>, CredentialsError> {
        let failed = |error| self.certificate_failed(error);
        let parsed = ParsedCertificate::try_from(own.end_entity_cert().map_err(failed)?).map_err(failed)?;
        let intermediates = own.cert.get(1..).unwrap_or_default();
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, UnixTime::now(), algorithms)
            .map_err(failed)?;
        // Checking a name that no certificate has returns the names that there are.
        let nobody = ServerName::try_from("name.invalid").map_err(|_| failed(Error::UnsupportedNameType))?;
        Ok(match verify_server_name(&parsed, &nobody) {
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => {
                presented.iter().filter_map(|name| plain(name)).collect()
            }
            _ => Vec::new(),
        })
    }

    /// What is wrong with our own certificate.
    fn certificate_failed(&self, error: Error) -> CredentialsError {
        let file = self.role.certificate();
        match error {
            Error::InvalidCertificate(error) => self.directory.unusable(file, CertificateFault::of(&error)),
            error => self.directory.unusable(file, error),
        }
    }

    fn verifier_failed(&self, error: &VerifierBuilderError) -> CredentialsError {
        match error {
            VerifierBuilderError::InvalidCrl(error) => self.directory.unusable("ca-crl.pem", list_fault(error)),
            // No CA, or what is not known yet.
            _ => self.directory.unusable("ca-cert.pem", "no CA's certificate is in it"),
        }
    }

    fn failed(&self, error: Error) -> CredentialsError {
        self.directory.unusable("", error)
    }
}

/// Shows our certificate, if there is one, and remembers that the server asked.
#[derive(Debug)]
struct Own {
    certificate: Option<Arc<CertifiedKey>>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}
