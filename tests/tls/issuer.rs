//! Certificates as no sound issuer would make them.

use linkspan::tls::{Identity, TrustedCa};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, date_time_ymd,
};

/// Signs whatever it is asked to.
pub(crate) struct Issuer(CertifiedIssuer<'static, KeyPair>);

/// What a certificate says.
#[derive(Clone, Default)]
pub(crate) struct Paper {
    pub(crate) common_name: &'static str,
    pub(crate) names: Vec<SanType>,
    /// The first and last year it is valid in.
    pub(crate) years: Option<(i32, i32)>,
    pub(crate) is_for_clients: bool,
}

impl Paper {
    /// A server's, for this machine.
    pub(crate) fn of_a_server() -> Self {
        let names = vec![address([127, 0, 0, 1]), SanType::DnsName("localhost".try_into().unwrap())];
        Self { common_name: "server", names, ..Self::default() }
    }

    /// A client's.
    pub(crate) fn of_a_client() -> Self {
        Self { common_name: "alice", is_for_clients: true, ..Self::default() }
    }

    pub(crate) fn valid_in(mut self, first: i32, last: i32) -> Self {
        self.years = Some((first, last));
        self
    }

    pub(crate) fn named(mut self, names: Vec<SanType>) -> Self {
        self.names = names;
        self
    }
}

pub(crate) fn address(octets: [u8; 4]) -> SanType {
    SanType::IpAddress(octets.into())
}

impl Issuer {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn trusted(&self) -> TrustedCa {
        TrustedCa::from_pem(self.pem()).unwrap()
    }

    /// The chain and the key, in PEM.
    pub(crate) fn sign(&self, paper: Paper) -> (String, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, paper.common_name);
        params.subject_alt_names = paper.names;
        if let Some((first, last)) = paper.years {
            params.not_before = date_time_ymd(first, 1, 1);
            params.not_after = date_time_ymd(last, 12, 31);
        }
        params.extended_key_usages = vec![if paper.is_for_clients {
            ExtendedKeyUsagePurpose::ClientAuth
        } else {
            ExtendedKeyUsagePurpose::ServerAuth
        }];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    pub(crate) fn issue(&self, paper: Paper) -> Identity {
        let (chain, key) = self.sign(paper);
        Identity::from_pem(chain, key).unwrap()
    }
}
