//! Certificates made for a test, in directories as QEMU's `tls-creds-x509` takes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedKey, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use tempfile::TempDir;

use crate::support::temporary_directory;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::named(&format!("CA {}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A directory with its certificate as `ca-cert.pem`, and nothing else.
    pub fn folder(&self) -> Folder {
        Folder::empty().with("ca-cert.pem", &self.pem)
    }

    pub fn server_folder(&self) -> Folder {
        self.folder().with_pair("server", &Leaf::server().signed_by(self))
    }

    pub fn client_folder(&self) -> Folder {
        self.folder().with_pair("client", &Leaf::client().signed_by(self))
    }

    /// A list that revokes the certificates of these serial numbers, and is good until that year.
    pub fn revocations(&self, serials: &[u64], until: i32) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("a list").pem().expect("its text")
    }
}

pub struct Leaf(CertificateParams);

impl Leaf {
    pub fn server() -> Self {
        Self::of(&["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub fn client() -> Self {
        Self::of(&[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn of(names: &[&str], purpose: ExtendedKeyUsagePurpose) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![purpose];
        Self(params)
    }

    /// In place of those of this machine.
    pub fn names(self, names: &[&str]) -> Self {
        let mut other = Self::of(names, ExtendedKeyUsagePurpose::ServerAuth).0;
        other.extended_key_usages.clone_from(&self.0.extended_key_usages);
        Self(other)
    }

    pub fn years(mut self, from: i32, to: i32) -> Self {
        (self.0.not_before, self.0.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        self
    }

    pub fn serial(mut self, number: u64) -> Self {
        self.0.serial_number = Some(SerialNumber::from(number));
        self
    }

    pub fn signed_by(&self, authority: &Authority) -> CertifiedKey<KeyPair> {
        let signing_key = KeyPair::generate().expect("a key");
        let cert = self.0.signed_by(&signing_key, &authority.issuer).expect("a certificate");
        CertifiedKey { cert, signing_key }
    }
}

pub struct Folder(TempDir);

impl Folder {
    pub fn empty() -> Self {
        Self(temporary_directory())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.file(name), text).expect("a file");
        self
    }

    pub fn without(self, name: &str) -> Self {
        fs::remove_file(self.file(name)).expect("a file");
        self
    }

    /// `server-cert.pem` and `server-key.pem`, or those of `client`.
    pub fn with_pair(self, whose: &str, pair: &CertifiedKey<KeyPair>) -> Self {
        let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        self.with(&format!("{whose}-cert.pem"), certificate).with(&format!("{whose}-key.pem"), key)
    }
}
