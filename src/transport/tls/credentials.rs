//! Credentials, checked and ready for use.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_rustls::rustls::client::{
    ResolvesClientCert, Resumption, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateRevocationListDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    NoServerSessionStorage, ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig, SignatureScheme,
};

use super::directory::{CredentialsError, Directory, OwnPem};
use super::fault::{CertificateFault, list_fault, plain};
use super::role::Role;

/// The credentials to connect with TLS. Clones are cheap.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    config: Arc<ClientConfig>,
    own: Option<Arc<CertifiedKey>>,
}

impl ClientCredentials {
    /// Reads and checks the credentials of a client in a directory. Only `ca-cert.pem` is required.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, CredentialsError> {
        let files = Files::load(directory.as_ref(), Role::Client)?;
        let own = files.directory.own()?.map(|own| files.certified(own)).transpose()?;
        if let Some(own) = &own {
            let verifier = files.client_verifier(Vec::new())?;
            let (leaf, intermediates) =
                own.cert.split_first().ok_or_else(|| files.failed(Error::NoCertificatesPresented))?;
            verifier
                .verify_client_cert(leaf, intermediates, UnixTime::now())
                .map_err(|error| files.certificate_failed(error))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&files.roots), files.provider())
            .with_crls(files.revoked.clone())
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

    /// Returns the configuration for one connection, and a flag that is set if the server asks for a certificate.
    pub(super) fn for_one(&self) -> (Arc<ClientConfig>, Arc<AtomicBool>) {
        let asked = Arc::new(AtomicBool::new(false));
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::new(Own { certificate: self.own.clone(), asked: Arc::clone(&asked) });
        (Arc::new(config), asked)
    }

    /// Returns true if there is a certificate to send.
    pub(super) fn has_certificate(&self) -> bool {
        self.own.is_some()
    }
}

/// The credentials to listen with TLS. Clones are cheap. Clients need a certificate of a trusted CA.
#[derive(Debug, Clone)]
pub struct ServerCredentials {
    pub(super) config: Arc<ServerConfig>,
    /// The names in our certificate.
    pub(super) names: Vec<String>,
}

impl ServerCredentials {
    /// Reads and checks the credentials of a server in a directory. Only `ca-crl.pem` is optional.
    pub fn load(directory: impl AsRef<Path>) -> Result<Self, CredentialsError> {
        let files = Files::load(directory.as_ref(), Role::Server)?;
        let own = files.certified(files.directory.own_needed()?)?;
        let names = files.check_server(&own)?;
        let verifier = files.client_verifier(files.revoked.clone())?;
        let mut config = ServerConfig::builder_with_provider(files.provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| files.failed(error))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        // A connection has one session, so none is resumed.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), names })
    }
}

/// The files that both ends read.
struct Files<'a> {
    directory: Directory<'a>,
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
        Ok(Self { directory, provider: Arc::new(ring::default_provider()), roots: Arc::new(roots), revoked })
    }

    fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// Makes the verifier of the certificates of clients.
    fn client_verifier(
        &self,
        revoked: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Arc<dyn ClientCertVerifier>, CredentialsError> {
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), self.provider())
            .with_crls(revoked)
            // Like QEMU, accept a certificate that a list does not cover, and a list that is old.
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| self.verifier_failed(&error))
    }

    /// Pairs our certificate with its key.
    fn certified(&self, (chain, key): OwnPem) -> Result<Arc<CertifiedKey>, CredentialsError> {
        CertifiedKey::from_der(chain, key, &self.provider).map(Arc::new).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => self.directory.key_mismatch(),
            Error::InvalidCertificate(_) => self.certificate_failed(error),
            _ => self.directory.unusable(
                self.directory.role.key(),
                "it is of a kind that is not known here (RSA, ECDSA and Ed25519 are)",
            ),
        })
    }

    /// Checks our own certificate as a client does, except for the name. Returns the names in it.
    fn check_server(&self, own: &CertifiedKey) -> Result<Vec<String>, CredentialsError> {
        let failed = |error| self.certificate_failed(error);
        let parsed = ParsedCertificate::try_from(own.end_entity_cert().map_err(failed)?).map_err(failed)?;
        let intermediates = own.cert.get(1..).unwrap_or_default();
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, UnixTime::now(), algorithms)
            .map_err(failed)?;
        // The error for a name that no certificate has lists the names in this one.
        let nobody = ServerName::try_from("name.invalid").map_err(|_| failed(Error::UnsupportedNameType))?;
        Ok(match verify_server_name(&parsed, &nobody) {
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => {
                presented.iter().filter_map(|name| plain(name)).collect()
            }
            _ => Vec::new(),
        })
    }

    /// Makes the error for our own certificate.
    fn certificate_failed(&self, error: Error) -> CredentialsError {
        let file = self.directory.role.certificate();
        match error {
            Error::InvalidCertificate(error) => self.directory.unusable(file, CertificateFault::of(&error)),
            error => self.directory.unusable(file, error),
        }
    }

    fn verifier_failed(&self, error: &VerifierBuilderError) -> CredentialsError {
        match error {
            VerifierBuilderError::InvalidCrl(error) => self.directory.unusable("ca-crl.pem", list_fault(error)),
            // There is no CA, or it is a new kind of error.
            _ => self.directory.unusable("ca-cert.pem", "no CA's certificate is in it"),
        }
    }

    fn failed(&self, error: Error) -> CredentialsError {
        self.directory.unusable("", error)
    }
}

/// Sends our certificate, if there is one, and remembers that the server asked.
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
