//! The transport and its settings.

use std::sync::Arc;
use std::time::Duration;

use linkspan_core::settings::{Misfit, size};
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

    /// What it uses.
    pub fn tls(&self) -> &Tls {
        &self.tls
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

linkspan_core::settings! {
    /// The limits of QUIC connections: plain data, safe by default, checked when connecting and listening.
    pub struct QuicConfig {
        /// Silence after which a connection counts as lost, also while it is being opened: a dead UDP port does not answer.
        /// Default 60 s, above what the runtime's pings need to notice first (20 s and two misses).
        ///
        /// A peer that has nothing to say is not silent: half of this time after it last heard anything, either side asks
        /// the other for a sign of life.
        idle_timeout: Duration = Duration::from_secs(60),
            within MIN_WAIT..=MAX_WAIT, set by with_idle_timeout;
        /// Bytes the peer may send ahead of our reading on one lane. Default 1,280 KiB (100 Mbit/s at 100 ms): a
        /// message of 1 MiB goes whole, without a round trip for leave to go on.
        ///
        /// Higher lets one lane fill longer paths; lower bounds memory per stalled lane.
        lane_window: u32 as Bytes = 1280 * 1024, within MIN_WINDOW..=MAX_WINDOW, set by with_lane_window;
        /// Bytes the peer may send ahead of our reading on all lanes together, at least `lane_window`. Default 8 MiB:
        /// six full lanes.
        ///
        /// This is the worst case of memory for one connection's reading.
        connection_window: u32 as Bytes = 8 * 1024 * 1024,
            within MIN_WINDOW..=MAX_WINDOW, set by with_connection_window;
        /// Bytes of ours kept until the peer acknowledges them. Default 4 MiB.
        ///
        /// Higher fills longer paths; this is the worst case of memory for one connection's writing.
        send_window: u32 as Bytes = 4 * 1024 * 1024, within MIN_WINDOW..=MAX_WINDOW, set by with_send_window;
        /// Asked of the system for the UDP socket, in each direction, in bytes. Default 4 MiB (bursts of many
        /// connections share one socket); less is accepted silently, since systems cap it.
        socket_buffer_len: usize as Bytes = 4 * 1024 * 1024,
            within 0..=1 << 30, set by with_socket_buffer_len;
    }
    checked by QuicConfig::check_windows;
}

impl QuicConfig {
    fn check_windows(&self) -> Result<(), Misfit> {
        if self.connection_window >= self.lane_window {
            return Ok(());
        }
        let [all, one] = [self.connection_window, self.lane_window].map(|len| size::to_text(len.into()));
        Err(Misfit::new(
            "connection_window",
            format!("{all} is out of range; it must be at least lane_window, {one}"),
        ))
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
            .max_idle_timeout(Some(idle))
            // Else a runtime whose pings are rarer than this timeout would lose every idle connection.
            .keep_alive_interval(Some(self.idle_timeout / 2));
        Ok(Arc::new(transport))
    }
}

/// Two frames of the largest size: less would stall on every frame.
const MIN_WINDOW: u64 = 128 * 1024;
/// Chosen because more is a mistake of unit.
const MAX_WINDOW: u64 = 1024 * 1024 * 1024;
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
            (QuicConfig::default().with_connection_window(1024 * 1024), "connection_window"),
            (QuicConfig::default().with_send_window(u32::MAX), "send_window"),
            (QuicConfig::default().with_idle_timeout(Duration::ZERO), "idle_timeout"),
            (QuicConfig::default().with_idle_timeout(Duration::MAX), "idle_timeout"),
        ] {
            assert!(config.check().unwrap_err().to_string().starts_with(name));
        }
    }
}
