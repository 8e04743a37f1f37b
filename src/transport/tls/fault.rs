//! Reasons why a certificate is refused.

use std::fmt;

use jiff::Timestamp;
use tokio_rustls::rustls::{CertRevocationListError, CertificateError};

use crate::text;

/// Why a certificate is refused. Its text ends a sentence about "it" and is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// The certificate is for other names.
    Name {
        /// The name that was checked.
        expected: String,
        /// The names of the certificate.
        names: Vec<String>,
    },
    /// Any other reason.
    Other(String),
}

impl CertificateFault {
    pub(super) fn of(error: &CertificateError) -> Self {
        let why = match error {
            CertificateError::NotValidForNameContext { expected, presented } => {
                let names = presented.iter().filter_map(|name| plain(name)).collect();
                return Self::Name { expected: expected.to_str().into_owned(), names };
            }
            CertificateError::UnknownIssuer => "no CA of ca-cert.pem has signed it",
            CertificateError::BadSignature => {
                "no CA of ca-cert.pem has signed it; one has the name of its CA, but another key"
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                return Self::Other(format!("it expired on {}", date(not_after.as_secs())));
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                let from = date(not_before.as_secs());
                return Self::Other(format!("it is not valid before {from} (or the clock is wrong)"));
            }
            CertificateError::Expired => "its dates are wrong",
            CertificateError::Revoked => "it was revoked, as ca-crl.pem says",
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "it was made for another use (its extended key usage)"
            }
            CertificateError::BadEncoding => "it is malformed",
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                "it is signed in a way that is too weak (SHA-1, a short key) or not known here"
            }
            // Errors of webpki that rustls has no variant for.
            CertificateError::Other(other) => match other.to_string().as_str() {
                "CaUsedAsEndEntity" => "it is the certificate of a CA, and cannot be used as that of a peer",
                "UnsupportedCertVersion" => "it is an X.509 certificate of version 1, and version 3 is needed",
                other => return Self::Other(format!("it breaks a rule of X.509: {other}")),
            },
            other => return Self::Other(format!("it breaks a rule of X.509: {other:?}")),
        };
        Self::Other(why.to_owned())
    }

    pub(super) fn of_list(error: &CertRevocationListError) -> Self {
        let why = list_fault(error);
        Self::Other(format!("whether it was revoked is unknown, since ca-crl.pem cannot be used: {why}"))
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { expected, names } if names.is_empty() => write!(
                f,
                "it has no subjectAltName for {expected}; its CN does not count (certtool: dns_name, ip_address)",
            ),
            Self::Name { expected, names } => {
                let names: Vec<_> = names.iter().map(|name| text::line(name)).collect();
                write!(f, "it is for {}, not for {expected}", names.join(", "))
            }
            Self::Other(why) => f.write_str(&text::line(why)),
        }
    }
}

/// Explains what is wrong with a list of revoked certificates.
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

/// Shows `DnsName("a.example")` as `a.example` and `IpAddress(::1)` as `::1`. Other kinds of names give `None`.
pub(super) fn plain(presented: &str) -> Option<String> {
    let inside = |prefix: &str, suffix: &str| presented.strip_prefix(prefix)?.strip_suffix(suffix).map(str::to_owned);
    inside("DnsName(\"", "\")").or_else(|| inside("IpAddress(", ")"))
}

/// Formats a time in seconds since 1970, as `2024-02-29 23:59:59 UTC`.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::MAX).strftime("%F %T UTC").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::rustls::OtherError;

    use super::*;

    #[test]
    fn dates_are_in_utc() {
        let check = |seconds, expected: &str| assert_eq!(date(seconds), expected);
        // The expected ones are those of `date -u -d @SECONDS`.
        check(0, "1970-01-01 00:00:00 UTC");
        check(951_782_399, "2000-02-28 23:59:59 UTC");
        check(951_782_400, "2000-02-29 00:00:00 UTC");
        check(951_868_800, "2000-03-01 00:00:00 UTC");
        check(1_709_251_199, "2024-02-29 23:59:59 UTC");
        check(1_735_689_599, "2024-12-31 23:59:59 UTC");
        check(1_735_689_600, "2025-01-01 00:00:00 UTC");
        check(4_107_542_400, "2100-03-01 00:00:00 UTC");
    }

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
        let check = |said, expected: &str| {
            let error = CertificateError::Other(OtherError(Arc::new(Said(said))));
            assert_eq!(CertificateFault::of(&error).to_string(), expected);
        };
        check("CaUsedAsEndEntity", "it is the certificate of a CA, and cannot be used as that of a peer");
        check("UnsupportedCertVersion", "it is an X.509 certificate of version 1, and version 3 is needed");
        check("Strange", "it breaks a rule of X.509: Strange");
    }
}
