//! Errors of TLS.

use std::io;

use tokio_rustls::rustls::{AlertDescription, Error};

use super::fault::CertificateFault;
use super::role::Role;
use crate::text;

/// A TLS handshake or session failed; the message is safe to show.
///
/// It comes inside an [`io::Error`]; [`TlsError::of`] finds it there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no host name to check the server's certificate for.
    #[error("checking the server's certificate needs a host name")]
    NoName,
    /// The host name is not valid.
    #[error("`{}` is not a host name or an IP address, so no certificate can name it", text::line(.0))]
    BadName(String),
    /// The peer does not speak TLS, but sent these bytes.
    #[error("the peer does not speak TLS; it said `{}`", text::excerpt(.0, 60))]
    NotTls(Vec<u8>),
    /// The certificate of the peer is refused.
    #[error("the certificate of the {0} is refused: {1}")]
    Certificate(Role, CertificateFault),
    /// The client sent no certificate.
    #[error("the client sent no certificate that a CA in ca-cert.pem has signed")]
    NoCertificate,
    /// The server requires a certificate, and there is none.
    #[error("the server requires a client certificate, but client-cert.pem and client-key.pem are missing")]
    CertificateRequired,
    /// The peer refuses our certificate, or seems to, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// The peer closed the connection during the handshake.
    #[error(
        "the peer closed the connection during the TLS handshake, as QEMU does if its credentials are not tls-creds-x509"
    )]
    Closed,
    /// Both sides have no TLS version or cipher in common.
    #[error(
        "both sides have no TLS version or cipher in common (QEMU needs tls-creds-x509, not tls-creds-anon or tls-creds-psk)"
    )]
    NothingInCommon,
    /// The peer ended the handshake with an alert.
    #[error("the peer ended TLS with the alert {0}")]
    Alert(String),
    /// Any other error of the TLS library.
    #[error("TLS failed: {0}")]
    Other(Error),
}

impl TlsError {
    /// Returns the TLS error inside `error`, if there is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Returns true if the peer refused this end after the handshake, before it sent anything.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::CertificateRequired)
    }

    /// Converts an error of the handshake. `said` has the first bytes from the peer.
    pub(super) fn in_handshake(error: io::Error, role: Role, said: &[u8]) -> io::Error {
        if !said.is_empty() && !is_tls(said) {
            return Self::NotTls(said.to_vec()).into();
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::Closed.into()
            }
            _ => Self::in_session(error, role),
        }
    }

    /// Converts an error after the handshake.
    pub(super) fn in_session(error: io::Error, role: Role) -> io::Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(inner) => Self::from_rustls(inner, role).into(),
            None => error,
        }
    }

    fn from_rustls(error: &Error, role: Role) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::Certificate(role.peer(), CertificateFault::of(error)),
            Error::InvalidCertRevocationList(error) => Self::Certificate(role.peer(), CertificateFault::of_list(error)),
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::AlertReceived(alert) => Self::from_alert(*alert, role),
            Error::PeerIncompatible(_) => Self::NothingInCommon,
            other => Self::Other(other.clone()),
        }
    }

    fn from_alert(alert: AlertDescription, role: Role) -> Self {
        use AlertDescription as Alert;
        let said = match alert {
            Alert::CertificateRequired => return Self::CertificateRequired,
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
                return Self::NothingInCommon;
            }
            // The peer knows a CA of that name with another key.
            Alert::DecryptError => "the CA that signed it is not the one that is known there",
            Alert::UnknownCA => "it does not know the CA that signed it",
            Alert::CertificateExpired => "it has expired",
            Alert::CertificateRevoked => "it was revoked",
            Alert::BadCertificate | Alert::CertificateUnknown => "it is not good enough (its names, its dates, its CA)",
            Alert::UnsupportedCertificate => "it is of a kind that is not known there, or for another use",
            Alert::AccessDenied => "it has no access",
            other => return Self::Alert(format!("{other:?}")),
        };
        Self::Refused(format!("the {} refuses our certificate, {}: {said}", role.peer(), role.certificate()))
    }

    /// Makes the error for a peer that seems to refuse our certificate: QEMU closes the connection without a word. `names` has
    /// the names that a server's certificate is for.
    pub(super) fn refused_silently(role: Role, names: &[String]) -> Self {
        let why = match role {
            Role::Client => " (because of its CA, a revocation, or tls-authz of QEMU)".to_owned(),
            Role::Server if names.is_empty() => {
                ", which has no names (subjectAltName; certtool: dns_name, ip_address)".to_owned()
            }
            Role::Server => {
                let names = names.join(", ");
                format!(", which is for {names}: host= of QEMU has to be one of these, and its ca-cert.pem the same")
            }
        };
        let (peer, certificate) = (role.peer(), role.certificate());
        Self::Refused(format!(
            "the {peer} closed the connection right after the TLS handshake; it seems to refuse our certificate, \
             {certificate}{why}"
        ))
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match error {
            TlsError::NoName | TlsError::BadName(_) => io::ErrorKind::InvalidInput,
            // Another attempt may succeed, if the peer was just ending.
            TlsError::Closed => io::ErrorKind::ConnectionAborted,
            TlsError::NoCertificate | TlsError::CertificateRequired | TlsError::Refused(_) => {
                io::ErrorKind::PermissionDenied
            }
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

/// Returns true if these bytes can begin a TLS record, which has a type from 20 to 24 and a version that begins with 3.
fn is_tls(said: &[u8]) -> bool {
    matches!(said, [20..=24] | [20..=24, 3, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tls() {
        for (said, expected) in [
            (&b"{\"QMP\""[..], false),
            (b"SSH-2.0", false),
            (b"HTTP/1.1", false),
            (b"\x16", true),
            (b"\x16\x03\x01", true),
            (b"\x15\x03\x03\x00", true),
            (b"\x15\n", false),
        ] {
            assert_eq!(is_tls(said), expected, "{}", said.escape_ascii());
        }
    }

    #[test]
    fn alerts_in_words() {
        let check = |alert, role, expected: &str| assert_eq!(TlsError::from_alert(alert, role).to_string(), expected);
        check(
            AlertDescription::UnknownCA,
            Role::Client,
            "the server refuses our certificate, client-cert.pem: it does not know the CA that signed it",
        );
        check(
            AlertDescription::CertificateRequired,
            Role::Client,
            "the server requires a client certificate, but client-cert.pem and client-key.pem are missing",
        );
        check(AlertDescription::InternalError, Role::Server, "the peer ended TLS with the alert InternalError");
    }
}
