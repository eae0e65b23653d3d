//! Hello and its answer: version, codec, limits, session.

use std::time::Instant;

use super::{Connection, Events, PeerLimits, Phase, Rate, Role};
use crate::wire::{Hello, MAX_INLINE_LEN, Message, VERSION};
use crate::{Close, CloseCode, Error, Metadata};

/// What a connector offers.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Names of codecs, most preferred first.
    pub(crate) codecs: Vec<&'static str>,
    pub(crate) metadata: Metadata,
}

/// The peer's hello, as far as the runtime needs it.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// What the peer offered; in the answer exactly one.
    pub(crate) codecs: Vec<String>,
    pub(crate) agent: String,
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) metadata: Metadata,
}

impl Connection {
    /// Says hello first.
    ///
    /// # Errors
    /// The metadata is too large for a hello.
    pub(crate) fn offer(&mut self, offer: &Offer) -> Result<(), Error> {
        let codecs = offer.codecs.iter().map(|&name| name.to_owned()).collect();
        let hello = self.hello(codecs, None, offer.metadata.clone());
        self.send(&Message::Hello(hello))
    }

    /// When the hellos must be exchanged.
    pub(crate) fn handshake_deadline(&self) -> Option<Instant> {
        self.life.handshake_until()
    }

    /// Answers the peer's hello: messages may flow from here on.
    pub(crate) fn admit(&mut self, codec: &'static str, session: [u8; 16]) {
        if self.phase == (Phase::Opening { heard: true }) {
            let hello = self.hello(vec![codec.to_owned()], Some(session), Metadata::new());
            let mut pushed = std::mem::take(&mut self.out);
            let _ = self.send(&Message::Hello(hello));
            self.out.append(&mut pushed);
            self.open();
        }
    }

    pub(super) fn handle_hello(
        &mut self,
        now: Instant,
        hello: Hello,
        events: &mut Events,
    ) -> Result<(), Error> {
        if self.phase != (Phase::Opening { heard: false }) {
            return Err(Error::protocol("second hello"));
        }
        hello.metadata.check(self.limits.max_metadata_len, self.limits.max_metadata_entries)?;
        if hello.versions.0 > VERSION || hello.versions.1 < VERSION {
            let (low, high) = hello.versions;
            let reason = format!("version {VERSION} here, {low} to {high} there");
            self.close(Close::new(CloseCode::UNSUPPORTED_VERSION, reason), events);
            return Ok(());
        }
        let fit = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        self.pace = Rate::sent_to(small(hello.max_in_flight), small(hello.max_cancels_per_second), now);
        let max_lanes = fit(hello.max_lanes).min(self.peer.max_lanes);
        self.peer = PeerLimits {
            max_message_len: fit(hello.max_message_len).min(if max_lanes == 0 {
                MAX_INLINE_LEN
            } else {
                usize::MAX
            }),
            max_in_flight: fit(hello.max_in_flight).min(self.limits.max_in_flight as usize),
            max_lanes,
        };
        match self.role {
            Role::Acceptor => self.phase = Phase::Opening { heard: true },
            Role::Connector => self.open(),
        }
        events.opened = Some(Box::new(Opened {
            codecs: hello.codecs,
            agent: hello.agent,
            session: hello.session,
            metadata: hello.metadata,
        }));
        Ok(())
    }

    fn open(&mut self) {
        self.phase = Phase::Open { peer_leaving: false };
        self.life.opened();
    }

    fn hello(&self, codecs: Vec<String>, session: Option<[u8; 16]>, metadata: Metadata) -> Hello {
        Hello {
            versions: (VERSION, VERSION),
            codecs,
            agent: concat!("linkspan/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_message_len: self.limits.max_message_len as u64,
            max_in_flight: u64::from(self.limits.max_in_flight),
            max_lanes: u64::from(self.limits.max_lanes),
            max_cancels_per_second: u64::from(self.limits.max_cancels_per_second),
            session,
            metadata,
        }
    }
}
