//! Every limit, with its default and what moving it costs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::MAX_FRAME_LEN;
use crate::{DecodeLimits, Error, MAX_DEPTH};

/// The limits of one connection or server: plain data, safe by default, checked in one place.
///
/// ```
/// use linkspan_core::Limits;
///
/// let limits = Limits::default().with_max_message_len(64 * 1024);
/// assert!(limits.check().is_ok());
/// assert!(limits.with_max_in_flight(0).check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Largest message accepted, in bytes. Default 4 MiB (the gRPC default).
    ///
    /// Higher admits larger payloads; lower bounds memory: what arrives holds at most this × twice `max_lanes` per
    /// connection, besides the arguments of handlers that run.
    pub max_message_len: usize,
    /// Bytes of bodies over 16 KiB that wait to leave one connection, both requests and answers. Default 64 MiB; what
    /// exceeds it is answered *did not run*, or *ran* if it is an answer.
    ///
    /// Higher lets a slow peer ask for more at once; lower bounds memory.
    pub max_bulk_len: usize,
    /// Largest message accepted before the peer is admitted, in bytes. Default 64 KiB: a hello with a token fits.
    pub max_hello_len: usize,
    /// Calls a peer may have in flight on one connection. Default 4,096; one more is answered *did not run*.
    ///
    /// Higher admits more concurrency; lower bounds memory: each may hold `max_inline_len` of arguments.
    pub max_in_flight: u32,
    /// Large bodies a peer may send at once. Default 64; the others wait at the sender.
    pub max_lanes: u32,
    /// Levels that a value may nest, in every codec, as [`MAX_DEPTH`] counts them. Default 64, which is the most: in a
    /// debug build, more would overflow a stack of 2 MiB.
    ///
    /// Lower admits fewer types, and bounds the stack that a peer's values take.
    pub max_depth: u32,
    /// Memory that a collection may take ahead of the elements that have arrived, in bytes. Default 8 KiB, which most
    /// collections fit.
    ///
    /// Higher spares large collections some growing; lower bounds what a length without its elements costs.
    pub max_reserve_len: usize,
    /// Bytes of metadata in one message. Default 8 KiB (what gRPC and most proxies accept).
    pub max_metadata_len: usize,
    /// Metadata entries in one message. Default 64.
    pub max_metadata_entries: usize,
    /// Bytes of pushes waiting in one session's outbox. Default 256 KiB.
    ///
    /// Higher rides out longer stalls of a client; lower bounds memory per session.
    pub max_outbox_len: usize,
    /// Pushes waiting in one session's outbox. Default 1,024.
    pub max_outbox_messages: usize,
    /// Bytes of notifications that wait to be read by a client's application. Default 256 KiB; then the oldest is
    /// dropped and a gap reported.
    pub max_event_buffer_len: usize,
    /// Notifications that wait to be read by a client's application. Default 1,024.
    pub max_event_buffer_messages: usize,
    /// Connections of one server. Default 10,000.
    pub max_connections: usize,
    /// Connections of one server from one address, loopback exempt. Default 1,024: many users share one.
    pub max_connections_per_address: usize,
    /// Cancels, resets and pings a peer may send per second in the long run. Default 1,000; a flood costs the attacker
    /// less than the server. Two for every call that may be in flight are free at first, so that a client may give up all
    /// its calls at once.
    pub max_cancels_per_second: u32,
    /// Time for all stages of the handshake together. Default 10 s.
    #[serde(with = "duration")]
    pub handshake_timeout: Duration,
    /// Time a peer may take nothing of what is sent to it. Default 10 s; then the connection closes.
    #[serde(with = "duration")]
    pub write_timeout: Duration,
    /// Silence after which a ping is sent. Default 20 s, below the 30 s of common proxies.
    #[serde(with = "duration")]
    pub ping_after: Duration,
    /// Pings without any answer after which the peer counts as dead. Default 2.
    pub max_missed_pings: u32,
    /// Deadline of a call that names none. Default 30 s.
    #[serde(with = "duration")]
    pub call_timeout: Duration,
    /// Time for calls in flight to end when a server shuts down. Default 30 s.
    #[serde(with = "duration")]
    pub drain_timeout: Duration,
    /// Most that a client waits before it connects again, the first time. Default 100 ms; it doubles with each failure, and
    /// each wait is drawn evenly below it.
    #[serde(with = "duration")]
    pub reconnect_first: Duration,
    /// Most that a client ever waits before it connects again. Default 30 s.
    ///
    /// Higher spares a server that comes back under load; lower finds it sooner.
    #[serde(with = "duration")]
    pub reconnect_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_len: 4 * 1024 * 1024,
            max_bulk_len: 64 * 1024 * 1024,
            max_hello_len: 64 * 1024,
            max_in_flight: 4096,
            max_lanes: 64,
            max_depth: u32::from(MAX_DEPTH),
            max_reserve_len: DecodeLimits::new().max_reserve_len(),
            max_metadata_len: 8 * 1024,
            max_metadata_entries: 64,
            max_outbox_len: 256 * 1024,
            max_outbox_messages: 1024,
            max_event_buffer_len: 256 * 1024,
            max_event_buffer_messages: 1024,
            max_connections: 10_000,
            max_connections_per_address: 1024,
            max_cancels_per_second: 1000,
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            ping_after: Duration::from_secs(20),
            max_missed_pings: 2,
            call_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            reconnect_first: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(30),
        }
    }
}

macro_rules! setters {
    ($($setter:ident $field:ident: $kind:ty),+ $(,)?) => {
        impl Limits {
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
    with_max_message_len max_message_len: usize,
    with_max_bulk_len max_bulk_len: usize,
    with_max_hello_len max_hello_len: usize,
    with_max_in_flight max_in_flight: u32,
    with_max_lanes max_lanes: u32,
    with_max_depth max_depth: u32,
    with_max_reserve_len max_reserve_len: usize,
    with_max_metadata_len max_metadata_len: usize,
    with_max_metadata_entries max_metadata_entries: usize,
    with_max_outbox_len max_outbox_len: usize,
    with_max_outbox_messages max_outbox_messages: usize,
    with_max_event_buffer_len max_event_buffer_len: usize,
    with_max_event_buffer_messages max_event_buffer_messages: usize,
    with_max_connections max_connections: usize,
    with_max_connections_per_address max_connections_per_address: usize,
    with_max_cancels_per_second max_cancels_per_second: u32,
    with_handshake_timeout handshake_timeout: Duration,
    with_write_timeout write_timeout: Duration,
    with_ping_after ping_after: Duration,
    with_max_missed_pings max_missed_pings: u32,
    with_call_timeout call_timeout: Duration,
    with_drain_timeout drain_timeout: Duration,
    with_reconnect_first reconnect_first: Duration,
    with_reconnect_max reconnect_max: Duration,
}

impl Limits {
    /// Those for reading one value.
    pub fn decode_limits(&self) -> DecodeLimits {
        let levels = u8::try_from(self.max_depth).unwrap_or(MAX_DEPTH);
        DecodeLimits::new().with_max_depth(levels).with_max_reserve_len(self.max_reserve_len)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), naming the field and its range.
    pub fn check(&self) -> Result<(), Error> {
        let counts = [
            ("max_in_flight", u64::from(self.max_in_flight), 1, 65_536),
            ("max_lanes", u64::from(self.max_lanes), 1, 4096),
            ("max_message_len", self.max_message_len as u64, 16_384, 1 << 31),
            ("max_bulk_len", self.max_bulk_len as u64, 0, 1 << 40),
            ("max_hello_len", self.max_hello_len as u64, 256, MAX_FRAME_LEN as u64),
            ("max_depth", u64::from(self.max_depth), 1, u64::from(MAX_DEPTH)),
            ("max_reserve_len", self.max_reserve_len as u64, 0, 1 << 20),
            ("max_metadata_len", self.max_metadata_len as u64, 0, 32_768),
            ("max_metadata_entries", self.max_metadata_entries as u64, 0, 4096),
            ("max_outbox_messages", self.max_outbox_messages as u64, 1, 1 << 24),
            ("max_outbox_len", self.max_outbox_len as u64, 1, 1 << 31),
            ("max_event_buffer_messages", self.max_event_buffer_messages as u64, 1, 1 << 24),
            ("max_event_buffer_len", self.max_event_buffer_len as u64, 1, 1 << 31),
            ("max_connections", self.max_connections as u64, 1, 1 << 24),
            ("max_connections_per_address", self.max_connections_per_address as u64, 1, 1 << 24),
            ("max_cancels_per_second", u64::from(self.max_cancels_per_second), 1, 1 << 31),
            ("max_missed_pings", u64::from(self.max_missed_pings), 1, 100),
        ];
        for (name, value, low, high) in counts {
            if value < low || value > high {
                return Err(Error::configuration(format!("{name} is {value}; it must be {low} to {high}")));
            }
        }
        let waits = [
            ("handshake_timeout", self.handshake_timeout),
            ("write_timeout", self.write_timeout),
            ("ping_after", self.ping_after),
            ("call_timeout", self.call_timeout),
            ("drain_timeout", self.drain_timeout),
            ("reconnect_first", self.reconnect_first),
            ("reconnect_max", self.reconnect_max),
        ];
        match waits.iter().find(|(_, wait)| *wait < Duration::from_millis(1) || *wait > MAX_WAIT) {
            Some((name, wait)) => {
                Err(Error::configuration(format!("{name} is {wait:?}; it must be 1 ms to {MAX_WAIT:?}")))
            }
            None => Ok(()),
        }
    }
}

/// Longest wait accepted: a day. Longer ones are mistakes of unit.
const MAX_WAIT: Duration = Duration::from_secs(86_400);

mod duration {
    //! Durations in files: a number and its unit, as in `"250ms"`.

    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", value.as_millis()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a duration; write \"250ms\", \"10s\" or \"2m\""))
        })
    }

    fn parse(text: &str) -> Option<Duration> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().ok()?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            _ => None,
        }
    }
}
