//! What a road can do, as data.

/// What a transport can promise. The runtime and the conformance kit adapt to it; nobody asks which road it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Lanes progress independently: one lost packet or one large body delays only its own lane.
    pub independent_lanes: bool,
    /// What is sent is encrypted, and the server's identity is proven unless the client chose not to look
    /// (`dangerously_skip_verification`): then anyone on the path may read and change it. Who was proven is in
    /// [`TlsInfo::identity`](crate::TlsInfo::identity).
    pub encrypted: bool,
    /// Most lanes open at once in one direction, besides lane 0. Default 64; the peer's hello may lower it.
    ///
    /// Higher lets more large bodies share the link; lower bounds memory: the worst case per connection is this times
    /// the largest message.
    pub max_lanes: u32,
}

impl Capabilities {
    /// One ordered byte or message pipe that carries every lane in batch order: TCP, Unix sockets, WebSocket.
    pub fn byte_stream() -> Self {
        Self { independent_lanes: false, encrypted: false, max_lanes: 64 }
    }

    /// A road whose lanes are streams of their own: QUIC.
    pub fn streams() -> Self {
        Self { independent_lanes: true, encrypted: true, max_lanes: 64 }
    }

    /// The same with `encrypted` set.
    #[must_use]
    pub fn with_encryption(mut self, encrypted: bool) -> Self {
        self.encrypted = encrypted;
        self
    }

    /// The same with `independent_lanes` set.
    #[must_use]
    pub fn with_independent_lanes(mut self, independent: bool) -> Self {
        self.independent_lanes = independent;
        self
    }
}
