//! What can be wrong with a certificate, in words.

use std::fmt;

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertRevocationListError, CertificateError};

use crate::date::Utc;
use crate::text;

/// Why a certificate is refused; says what is to be said of "it", and is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// No CA that is trusted has signed it.
    UnknownAuthority,
    /// Nor has this one: there is a CA with the name of its CA, but with another key.
    OtherAuthority,
    /// It has expired: when, in seconds since 1970.
    Expired(u64),
    /// It is not valid yet: from when on, in seconds since 1970.
    NotYetValid(u64),
    /// It has been revoked.
    Revoked,
    /// It is for other names.
    Name {
        /// The name that it should be for.
        expected: String,
        /// The names that it is for.
        names: Vec<String>,
    },
    /// Its extended key usage does not allow it.
    Purpose,
    /// The list of what its CA has revoked cannot be used.
    RevocationList(String),
    /// It is the certificate of a CA.
    IsAuthority,
    /// It is of a version before 3.
    Version,
    /// It cannot be read.
    Malformed,
    /// Something else.
    Other(String),
}

impl CertificateFault {
    pub(super) fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(not_after.as_secs()),
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid(not_before.as_secs()),
            CertificateError::Expired => Self::Other("its dates are wrong".to_owned()),
            CertificateError::Revoked => Self::Revoked,
            CertificateError::NotValidForNameContext { expected, presented } => Self::Name {
                expected: name(expected),
                names: presented.iter().filter_map(|name| plain(name)).collect(),
            },
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::Purpose,
            CertificateError::BadEncoding => Self::Malformed,
            CertificateError::BadSignature => Self::OtherAuthority,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::Other("it is signed in a way that is too weak (SHA-1, a short key) or not known here".to_owned())
            }
            // What webpki says, and rustls has no word for.
            CertificateError::Other(other) => match other.to_string().as_str() {
                "CaUsedAsEndEntity" => Self::IsAuthority,
                "UnsupportedCertVersion" => Self::Version,
                other => Self::Other(format!("it breaks a rule of X.509: {other}")),
            },
            other => Self::Other(format!("it breaks a rule of X.509: {other:?}")),
        }
    }

    pub(super) fn of_list(error: &CertRevocationListError) -> Self {
        Self::RevocationList(list_fault(error))
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority => f.write_str("no CA of ca-cert.pem has signed it"),
            Self::OtherAuthority => {
                f.write_str("no CA of ca-cert.pem has signed it; one has the name of its CA, but another key")
            }
            Self::Expired(seconds) => write!(f, "it expired on {}", Utc { seconds: *seconds }),
            Self::NotYetValid(seconds) => {
                write!(f, "it is not valid before {} (or the clock is wrong)", Utc { seconds: *seconds })
            }
            Self::Revoked => f.write_str("it was revoked, as ca-crl.pem says"),
            Self::Name { expected, names } if names.is_empty() => write!(
                f,
                "it has no subjectAltName for {expected}; its CN does not count (certtool: dns_name, ip_address)",
            ),
            Self::Name { expected, names } => {
                let names: Vec<_> = names.iter().map(|name| text::line(name)).collect();
                write!(f, "it is for {}, not for {expected}", names.join(", "))
            }
            Self::Purpose => f.write_str("it was made for another use (its extended key usage)"),
            Self::RevocationList(why) => {
                write!(f, "whether it was revoked is unknown, since ca-crl.pem cannot be used: {}", text::line(why))
            }
            Self::IsAuthority => f.write_str("it is the certificate of a CA, and cannot be used as that of a peer"),
            Self::Version => f.write_str("it is an X.509 certificate of version 1, and version 3 is needed"),
            Self::Malformed => f.write_str("it is malformed"),
            Self::Other(why) => f.write_str(&text::line(why)),
        }
    }
}

/// What is wrong with a list of revoked certificates.
pub(super) fn list_fault(error: &CertRevocationListError) -> String {
    match error {
        CertRevocationListError::ParseError
        | CertRevocationListError::UnsupportedCrlVersion
        | CertRevocationListError::Other(_) => {
            "it is malformed, or of version 1 (openssl ca makes version 2 with crl_extensions and crlnumber)".to_owned()
        }
        CertRevocationListError::BadSignature => "its signature is not that of the CA".to_owned(),
        CertRevocationListError::IssuerInvalidForCrl => {
            "its CA is not made for signing such lists (certtool: crl_signing_key; openssl: keyUsage=cRLSign)"
                .to_owned()
        }
        other => format!("{other:?}"),
    }
}

/// A name as people write it.
fn name(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

/// `DnsName("a.example")` as `a.example`, `IpAddress(::1)` as `::1`; what no server can be called by is left out.
pub(super) fn plain(presented: &str) -> Option<String> {
    let inside = |prefix: &str, suffix: &str| presented.strip_prefix(prefix)?.strip_suffix(suffix).map(str::to_owned);
    inside("DnsName(\"", "\")").or_else(|| inside("IpAddress(", ")"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::rustls::OtherError;

    use super::*;

    #[test]
    fn names_are_plain() {
        let check = |presented: &str, expected: Option<&str>| assert_eq!(plain(presented).as_deref(), expected);
        check("DnsName(\"a.example\")", Some("a.example"));
        check("IpAddress(127.0.0.1)", Some("127.0.0.1"));
        check("IpAddress(::1)", Some("::1"));
        check("UniformResourceIdentifier(\"x:y\")", None);
        check("DirectoryName", None);
    }

    #[test]
    fn what_peers_say_is_escaped() {
        let name = |names: &[&str]| CertificateFault::Name {
            expected: "h".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(name(&["a\u{1b}", "b"]).to_string(), "it is for a\\u{1b}, b, not for h");
        assert!(name(&[]).to_string().starts_with("it has no subjectAltName for h; its CN does not"));
    }

    #[test]
    fn what_rustls_has_no_word_for() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Said(&'static str);
        let check = |said, expected: CertificateFault| {
            let error = CertificateError::Other(OtherError(Arc::new(Said(said))));
            assert_eq!(CertificateFault::of(&error), expected);
        };
        check("CaUsedAsEndEntity", CertificateFault::IsAuthority);
        check("UnsupportedCertVersion", CertificateFault::Version);
        check("Strange", CertificateFault::Other("it breaks a rule of X.509: Strange".to_owned()));
    }
}
