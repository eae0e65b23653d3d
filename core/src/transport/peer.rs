//! What is known of a peer from the road it came by.

use std::net::IpAddr;

use super::UpgradeInfo;
use super::address::Address;
use crate::{Capabilities, Endpoint};

/// Facts about a link and the peer at its other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    endpoint: Endpoint,
    local: Option<Address>,
    remote: Option<Address>,
    capabilities: Capabilities,
    /// Boxed, since every session keeps its peer's facts and most roads tell few.
    tls: Option<Box<TlsInfo>>,
    upgrade: Option<Box<UpgradeInfo>>,
    credentials: Option<Box<Credentials>>,
}

/// Which process a peer on the same machine is, as the kernel tells: of a Unix socket, as of when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// The process, where the system tells it. It may have ended, and its number may be another's by now.
    pub pid: Option<u32>,
}

impl Credentials {
    /// Of a process that nothing more is known of.
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid, pid: None }
    }
}

/// What the TLS handshake told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The application protocol agreed on, if any.
    pub alpn: Option<String>,
    /// The name the client asked for.
    pub server_name: Option<String>,
    /// The peer's certificate chain in DER, its own first; empty if it showed none. Whoever verifies nothing sees it too.
    pub certificates: Vec<Vec<u8>>,
    /// Who the peer proved to be: none without a certificate, and none if it was not verified.
    pub identity: Option<TlsIdentity>,
}

/// The names in a peer's certificate, which was verified: its issuer, chain and dates are right, and the peer holds its
/// key.
///
/// A server sees here whom a client's certificate was issued to, a client the server it reached. Which name counts is a
/// matter between an application and its issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsIdentity {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// Host names it is valid for; a leading `*.` stands for one label.
    pub dns_names: Vec<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// IP addresses it is valid for.
    pub ip_addresses: Vec<IpAddr>,
    /// URIs, such as SPIFFE ids (`spiffe://example.org/billing`).
    pub uris: Vec<String>,
}

impl PeerInfo {
    /// Facts of a link made by `endpoint`: the one connected to, or the one listened on.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            local: None,
            remote: None,
            capabilities: Capabilities::byte_stream(),
            tls: None,
            upgrade: None,
            credentials: None,
        }
    }

    /// The same with both addresses, as the road prints them (`127.0.0.1:7001`).
    #[must_use]
    pub fn with_addresses(
        mut self,
        local: impl Into<Option<String>>,
        remote: impl Into<Option<String>>,
    ) -> Self {
        self.local = local.into().map(Address::new);
        self.remote = remote.into().map(Address::new);
        self
    }

    /// The same with what the road can do. Default: [`Capabilities::byte_stream`].
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The same with what TLS told.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsInfo) -> Self {
        self.tls = Some(Box::new(tls));
        self
    }

    /// The same with what the HTTP upgrade told.
    #[must_use]
    pub fn with_upgrade(mut self, upgrade: UpgradeInfo) -> Self {
        self.upgrade = Some(Box::new(upgrade));
        self
    }

    /// The same with which process it is.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(Box::new(credentials));
        self
    }

    /// The endpoint connected to, or listened on.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The road: the endpoint's scheme.
    pub fn scheme(&self) -> &str {
        self.endpoint.scheme()
    }

    /// Our address.
    pub fn local_address(&self) -> Option<&str> {
        self.local.as_ref().map(Address::as_str)
    }

    /// The peer's address.
    pub fn remote_address(&self) -> Option<&str> {
        self.remote.as_ref().map(Address::as_str)
    }

    /// What the road can do.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// What TLS told, on roads that have it.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }

    /// Which process the peer is, on Unix sockets.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_deref()
    }

    /// What the HTTP upgrade told, on WebSocket.
    pub fn upgrade(&self) -> Option<&UpgradeInfo> {
        self.upgrade.as_deref()
    }
}
