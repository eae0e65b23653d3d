//! Why a handshake failed, in words that say what to do.
//!
//! TLS tells the other side a number and nothing more, so one table of numbers serves what we found and what the
//! peer told; the cause beneath has what more is known.

use linkspan_core::ErrorKind;
use rustls::{AlertDescription, CertificateError};

/// Which side of a handshake this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a handshake has two sides")]
pub enum Side {
    /// The server's.
    Accepting,
    /// The client's.
    Connecting,
}

/// Which side found the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a handshake has two sides")]
pub enum Finder {
    /// The peer found it with us, and told by an alert.
    Peer,
    /// We found it with the peer.
    Us,
}

/// What alert `number` (RFC 8446 §6) says about a handshake, seen from `side`. For authors of roads.
pub fn explain(number: u8, side: Side, finder: Finder) -> (ErrorKind, &'static str) {
    let words = match finder {
        Finder::Us => found(number, side),
        Finder::Peer => told(number, side),
    };
    words.unwrap_or_else(|| match AlertDescription::from(number) {
        AlertDescription::HandshakeFailure
        | AlertDescription::InsufficientSecurity
        | AlertDescription::MissingExtension
        | AlertDescription::ProtocolVersion
        | AlertDescription::UnsupportedExtension => {
            (ErrorKind::Refused, "no common version or cipher of TLS; one side may be very old")
        }
        AlertDescription::NoApplicationProtocol => (
            ErrorKind::Refused,
            "no common application protocol (ALPN); check that the peer serves this scheme on this port",
        ),
        AlertDescription::UnrecognisedName => {
            (ErrorKind::Refused, "the server does not know the name it was asked for; check server_name")
        }
        _ => (ErrorKind::Protocol, "the TLS handshake failed"),
    })
}

/// What `fault`, which we found with the peer's certificate, says about a handshake: more than its number does.
#[cfg_attr(
    not(any(feature = "stream", test)),
    expect(dead_code, reason = "only streams know more than the number")
)]
pub(crate) fn explain_fault(fault: &CertificateError, side: Side) -> (ErrorKind, &'static str) {
    let words = match (fault, side) {
        (
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            Side::Connecting,
        ) => {
            "the server's certificate is not for this name; connect by a name it holds, or name one with ?server_name=NAME"
        }
        (CertificateError::BadEncoding, _) => "the peer's certificate cannot be read; issue it anew",
        (CertificateError::UnhandledCriticalExtension, _) => {
            "the peer's certificate has a critical extension that is not known here; issue it without"
        }
        _ => return explain(AlertDescription::from(fault.clone()).into(), side, Finder::Us),
    };
    (ErrorKind::Certificate, words)
}

/// A fault that we found with the peer's certificate.
fn found(number: u8, side: Side) -> Option<(ErrorKind, &'static str)> {
    let words = match (AlertDescription::from(number), side) {
        (AlertDescription::CertificateExpired, _) => {
            "the peer's certificate is expired or not yet valid; renew it, or correct the clocks"
        }
        (AlertDescription::UnknownCA, Side::Connecting) => {
            "the server's certificate is of an issuer not trusted here; name the issuer's with ?ca=FILE or Tls::with_trusted_ca"
        }
        (AlertDescription::UnknownCA, Side::Accepting) => {
            "the client's certificate is of an issuer not trusted here; name the issuer's with ?client_ca=FILE or Tls::with_client_ca"
        }
        (AlertDescription::BadCertificate, Side::Connecting) => {
            "the server's certificate is not for this name, or cannot be read; connect by a name it holds, name one with ?server_name=NAME, or issue it anew"
        }
        (AlertDescription::UnsupportedCertificate, Side::Connecting) => {
            "the server's certificate is not for servers; issue it for server authentication"
        }
        (AlertDescription::UnsupportedCertificate, Side::Accepting) => {
            "the client's certificate is not for clients; issue it for client authentication"
        }
        (AlertDescription::CertificateRequired, _) => {
            "the client showed no certificate, and has to; it names its own with ?cert=FILE&key=FILE or Tls::with_identity"
        }
        (alert, _) if is_about_certificates(alert) => {
            "the peer's certificate is not valid; issue it anew, by an issuer trusted here"
        }
        _ => return None,
    };
    Some((ErrorKind::Certificate, words))
}

/// A fault that the peer found with ours.
fn told(number: u8, side: Side) -> Option<(ErrorKind, &'static str)> {
    let words = match (AlertDescription::from(number), side) {
        (AlertDescription::CertificateExpired, _) => {
            "the peer finds our certificate expired or not yet valid; renew it, or correct the clocks"
        }
        (AlertDescription::UnknownCA, Side::Connecting) => {
            "the server does not trust the issuer of our certificate; show one that its client_ca issued, with ?cert=FILE&key=FILE or Tls::with_identity"
        }
        (AlertDescription::UnknownCA, Side::Accepting) => {
            "the client does not trust the issuer of our certificate; it names the issuer's with ?ca=FILE or Tls::with_trusted_ca"
        }
        (AlertDescription::BadCertificate, Side::Accepting) => {
            "the client finds our certificate wrong, as one that does not hold the name asked for; issue it for that name, or let it connect by another"
        }
        (AlertDescription::CertificateRequired, _) => {
            "the server requires a certificate of ours; show one with ?cert=FILE&key=FILE or Tls::with_identity"
        }
        (alert, _) if is_about_certificates(alert) => {
            "the peer refuses our certificate; issue it anew, for this use and by an issuer that it trusts"
        }
        _ => return None,
    };
    Some((ErrorKind::Certificate, words))
}

fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::BadCertificateHashValue
            | AlertDescription::BadCertificateStatusResponse
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateUnobtainable
            // A signature that does not match: the wrong key, or a certificate its issuer did not sign.
            | AlertDescription::DecryptError
            | AlertDescription::NoCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wrong_name_reads_as_one() {
        let name = "not for this name";
        for (fault, what) in [
            (CertificateError::NotValidForName, name),
            (CertificateError::BadEncoding, "cannot be read"),
            (CertificateError::UnhandledCriticalExtension, "critical extension"),
            (CertificateError::Expired, "expired"),
            (CertificateError::UnknownIssuer, "issuer not trusted"),
        ] {
            let (kind, words) = explain_fault(&fault, Side::Connecting);
            assert_eq!(kind, ErrorKind::Certificate);
            assert!(words.contains(what), "{fault}: {words}");
            assert_eq!(words.contains(name), what == name, "{fault}: {words}");
        }
    }

    #[test]
    fn every_fault_of_a_certificate_says_what_to_do() {
        for number in 0..=u8::MAX {
            for side in [Side::Accepting, Side::Connecting] {
                for finder in [Finder::Peer, Finder::Us] {
                    let (kind, words) = explain(number, side, finder);
                    let is_about = is_about_certificates(AlertDescription::from(number));
                    assert_eq!(kind == ErrorKind::Certificate, is_about, "{number}: {words}");
                    assert!(!is_about || words.contains(';'), "{number}: {words}");
                }
            }
        }
    }
}
