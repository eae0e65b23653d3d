//! What a handshake told about the peer.

use std::net::IpAddr;

use linkspan_core::{TlsIdentity, TlsInfo};
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// The facts of one handshake; `is_verified` says whether `chain` was found to be trusted.
pub(crate) fn info(alpn: Option<&[u8]>, chain: Option<&[CertificateDer<'_>]>, is_verified: bool) -> TlsInfo {
    let chain = chain.unwrap_or_default();
    let mut info = TlsInfo::default();
    info.alpn = alpn.map(|name| String::from_utf8_lossy(name).into_owned());
    info.certificates = chain.iter().map(|der| der.to_vec()).collect();
    info.identity = chain.first().filter(|_| is_verified).and_then(|own| identity(own));
    info
}

/// The names in a certificate. Those that are not what their kind says (no UTF-8, no address) are left out.
fn identity(der: &[u8]) -> Option<TlsIdentity> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut identity = TlsIdentity::default();
    let mut common_names = certificate.subject().iter_common_name();
    identity.common_name = common_names.find_map(|name| name.as_str().ok()).map(str::to_owned);
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    for name in alternatives.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => identity.dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => identity.ip_addresses.extend(address(bytes)),
            GeneralName::RFC822Name(name) => identity.emails.push((*name).to_owned()),
            GeneralName::URI(name) => identity.uris.push((*name).to_owned()),
            _ => {}
        }
    }
    Some(identity)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate() -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "alice");
        params.subject_alt_names = vec![
            SanType::DnsName("one.test".try_into().unwrap()),
            SanType::DnsName("two.test".try_into().unwrap()),
            SanType::Rfc822Name("alice@one.test".try_into().unwrap()),
            SanType::URI("spiffe://one.test/alice".try_into().unwrap()),
            SanType::IpAddress([192, 0, 2, 1].into()),
            SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()),
        ];
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn every_kind_of_name_is_found() {
        let chain = [certificate()];
        let identity = info(None, Some(&chain), true).identity.unwrap();
        assert_eq!(identity.common_name.as_deref(), Some("alice"));
        assert_eq!(identity.dns_names, ["one.test", "two.test"]);
        assert_eq!(identity.emails, ["alice@one.test"]);
        assert_eq!(identity.uris, ["spiffe://one.test/alice"]);
        let addresses: Vec<_> = identity.ip_addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(addresses, ["192.0.2.1", "::1"]);
    }

    #[test]
    fn who_was_not_verified_has_no_identity() {
        let chain = [certificate()];
        let seen = info(Some(b"a"), Some(&chain), false);
        assert_eq!((seen.identity, seen.certificates.len()), (None, 1));
        assert_eq!(info(None, Some(&[]), true).identity, None);
        assert_eq!(info(None, None, true).identity, None);
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        let whole = certificate();
        for end in 0..whole.len() {
            assert_eq!(identity(&whole[..end]), None);
        }
    }
}
