//! The transport and its settings.

use std::sync::Arc;
use std::time::Duration;

use linkspan_core::{Capabilities, Endpoint, Error, Link, Listener, Transport, async_trait};
use linkspan_tls::Tls;
use quinn::{IdleTimeout, TransportConfig, VarInt};

use crate::{connect, listen};

/// The QUIC transport, for `quic://` endpoints.
///
/// ```
/// use linkspan_quic::Quic;
/// use linkspan_tls::{DevelopmentCa, Tls};
///
/// let ca = DevelopmentCa::generate()?;
/// let quic = Quic::new().with_tls(Tls::new().with_identity(ca.issue(&["localhost"])?));
/// # Ok::<(), linkspan_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Quic {
    config: QuicConfig,
    tls: Tls,
}

impl Quic {
    /// A transport without a certificate of its own, which trusts what the operating system trusts: others come from
    /// [`with_tls`](Self::with_tls), or from the endpoint's options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses `tls`, unless the endpoint's options name something else.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Uses `config` instead of the default limits.
    #[must_use]
    pub fn with_config(mut self, config: QuicConfig) -> Self {
        self.config = config;
        self
    }
}

#[async_trait]
impl Transport for Quic {
    fn schemes(&self) -> &[&'static str] {
        &["quic"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::streams()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        connect::connect(endpoint, &self.tls, &self.config).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        Ok(Box::new(listen::listen(endpoint, &self.tls, &self.config).await?))
    }
}

/// The limits of QUIC connections: plain data, safe by default, checked when connecting and listening.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuicConfig {
    /// Time for a connect to reach a peer and finish the handshake. Default 5 s: a dead UDP port does not answer, so
    /// this is also how long a wrong port takes to be noticed.
    pub handshake_timeout: Duration,
    /// Silence after which a connection counts as lost. Default 60 s, above what the runtime's pings need to notice
    /// first (20 s and two misses).
    pub idle_timeout: Duration,
    /// Bytes the peer may send ahead of our reading on one lane. Default 1 MiB (100 Mbit/s at 80 ms).
    ///
    /// Higher lets one lane fill longer paths; lower bounds memory per stalled lane.
    pub lane_window: u32,
    /// Bytes the peer may send ahead of our reading on all lanes together. Default 8 MiB: eight full lanes.
    ///
    /// This is the worst case of memory for one connection's reading.
    pub connection_window: u32,
    /// Bytes of ours kept until the peer acknowledges them. Default 4 MiB.
    ///
    /// Higher fills longer paths; this is the worst case of memory for one connection's writing.
    pub send_window: u32,
    /// Asked of the system for the UDP socket, in each direction. Default 4 MiB (bursts of many connections share
    /// one socket); less is accepted silently, since systems cap it.
    pub socket_buffer_len: usize,
}

impl Default for QuicConfig {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            lane_window: 1024 * 1024,
            connection_window: 8 * 1024 * 1024,
            send_window: 4 * 1024 * 1024,
            socket_buffer_len: 4 * 1024 * 1024,
        }
    }
}

macro_rules! setters {
    ($($setter:ident $field:ident: $kind:ty),+ $(,)?) => {
        impl QuicConfig {
            $(
                #[doc = concat!("The same with [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $setter(mut self, value: $kind) -> Self {
                    self.$field = value;
                    self
                }
            )+
        }
    };
}

setters! {
    with_handshake_timeout handshake_timeout: Duration,
    with_idle_timeout idle_timeout: Duration,
    with_lane_window lane_window: u32,
    with_connection_window connection_window: u32,
    with_send_window send_window: u32,
    with_socket_buffer_len socket_buffer_len: usize,
}

impl QuicConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](linkspan_core::ErrorKind::Configuration), naming the field and its range.
    pub fn check(&self) -> Result<(), Error> {
        let windows = [
            ("lane_window", self.lane_window, MIN_WINDOW),
            ("connection_window", self.connection_window, self.lane_window.max(MIN_WINDOW)),
            ("send_window", self.send_window, MIN_WINDOW),
        ];
        for (name, value, low) in windows {
            if value < low || value > MAX_WINDOW {
                return Err(Error::configuration(format!(
                    "{name} is {value}; it must be {low} to {MAX_WINDOW}"
                )));
            }
        }
        let waits = [("handshake_timeout", self.handshake_timeout), ("idle_timeout", self.idle_timeout)];
        match waits.iter().find(|(_, wait)| *wait < MIN_WAIT || *wait > MAX_WAIT) {
            Some((name, wait)) => Err(Error::configuration(format!(
                "{name} is {wait:?}; it must be {MIN_WAIT:?} to {MAX_WAIT:?}"
            ))),
            None => Ok(()),
        }
    }

    /// The settings of a connection whose peer may open `bidirectional` streams of that kind.
    pub(crate) fn transport(&self, bidirectional: u8) -> Result<Arc<TransportConfig>, Error> {
        self.check()?;
        let idle = IdleTimeout::try_from(self.idle_timeout)
            .map_err(|error| Error::configuration("idle_timeout is too long").with_source(error))?;
        let lanes = Capabilities::streams().max_lanes.saturating_mul(LANE_SLACK);
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(VarInt::from(bidirectional))
            .max_concurrent_uni_streams(VarInt::from_u32(lanes))
            .stream_receive_window(VarInt::from_u32(self.lane_window))
            .receive_window(VarInt::from_u32(self.connection_window))
            .send_window(u64::from(self.send_window))
            .datagram_receive_buffer_size(None)
            .max_idle_timeout(Some(idle));
        Ok(Arc::new(transport))
    }
}

/// Two frames of the largest size: less would stall on every frame.
const MIN_WINDOW: u32 = 128 * 1024;
/// Chosen because more is a mistake of unit.
const MAX_WINDOW: u32 = 1024 * 1024 * 1024;
const MIN_WAIT: Duration = Duration::from_millis(10);
/// Longest wait accepted: a day. Longer ones are mistakes of unit.
const MAX_WAIT: Duration = Duration::from_secs(86_400);
/// Streams allowed per lane: a finished stream counts against the limit until the peer heard that it was read, a round
/// trip after its lane was free again.
const LANE_SLACK: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named() {
        assert!(QuicConfig::default().check().is_ok());
        for (config, name) in [
            (QuicConfig::default().with_lane_window(1), "lane_window"),
            (QuicConfig::default().with_connection_window(512 * 1024), "connection_window"),
            (QuicConfig::default().with_send_window(u32::MAX), "send_window"),
            (QuicConfig::default().with_handshake_timeout(Duration::ZERO), "handshake_timeout"),
            (QuicConfig::default().with_idle_timeout(Duration::MAX), "idle_timeout"),
        ] {
            assert!(config.check().unwrap_err().to_string().starts_with(name));
        }
    }
}
