//! Every limit, with its default and what moving it costs.

use std::time::Duration;

use crate::frame::MAX_FRAME_LEN;
use crate::{DecodeLimits, MAX_DEPTH, settings};

settings! {
    /// The limits of one connection or server: plain data, safe by default, checked in one place.
    ///
    /// ```
    /// use linkspan_core::Limits;
    ///
    /// let limits = Limits::default().with_max_message_len(64 * 1024);
    /// assert!(limits.check().is_ok());
    /// assert!(limits.with_max_in_flight(0).check().is_err());
    /// ```
    pub struct Limits {
        /// Largest message accepted, in bytes. Default 4 MiB (the gRPC default).
        ///
        /// Higher admits larger payloads; lower bounds memory: what arrives holds at most this × twice `max_lanes` per
        /// connection, besides the arguments of handlers that run.
        max_message_len: usize as Bytes = 4 * 1024 * 1024,
            within 16_384..=1 << 31, set by with_max_message_len;
        /// Bytes of bodies over 16 KiB that wait to leave one connection, both requests and answers. Default 64 MiB; what
        /// exceeds it is answered *did not run*, or *ran* if it is an answer.
        ///
        /// Higher lets a slow peer ask for more at once; lower bounds memory.
        max_bulk_len: usize as Bytes = 64 * 1024 * 1024, within 0..=1 << 40, set by with_max_bulk_len;
        /// Largest message accepted before the peer is admitted, in bytes. Default 64 KiB: a hello with a token fits.
        max_hello_len: usize as Bytes = 64 * 1024,
            within 256..=MAX_FRAME_LEN as u64, set by with_max_hello_len;
        /// Calls a peer may have in flight on one connection. Default 4,096; one more is answered *did not run*.
        ///
        /// Higher admits more concurrency; lower bounds memory: each may hold 16 KiB of arguments.
        max_in_flight: u32 = 4096, within 1..=65_536, set by with_max_in_flight;
        /// Handlers of methods that block (`run = "blocking"`) that run at once in one server, each on a thread. Default 128; the
        /// others wait their turn, within the bounds of their connections and deadlines. A handler that may be busy
        /// without having said so counts as one of them: a thread takes over its worker's other work.
        ///
        /// Higher admits more of them at once; lower bounds threads. More than the runtime has blocking threads, by default
        /// 512, wait for these.
        max_blocking_handlers: usize = 128, within 1..=65_536, set by with_max_blocking_handlers;
        /// Large bodies a peer may send at once. Default 64; the others wait at the sender.
        max_lanes: u32 = 64, within 1..=4096, set by with_max_lanes;
        /// Levels that a value may nest, in every codec, as [`MAX_DEPTH`] counts them. Default 64, which is the most: in a
        /// debug build, more would overflow a stack of 2 MiB.
        ///
        /// Lower admits fewer types, and bounds the stack that a peer's values take.
        max_depth: u32 = u32::from(MAX_DEPTH), within 1..=u64::from(MAX_DEPTH), set by with_max_depth;
        /// Memory that a collection may take ahead of the elements that have arrived, in bytes. Default 8 KiB, which most
        /// collections fit.
        ///
        /// Higher spares large collections some growing; lower bounds what a length without its elements costs.
        max_reserve_len: usize as Bytes = DecodeLimits::new().max_reserve_len(),
            within 0..=1 << 20, set by with_max_reserve_len;
        /// Bytes of metadata in one message. Default 8 KiB (what gRPC and most proxies accept).
        max_metadata_len: usize as Bytes = 8 * 1024, within 0..=32_768, set by with_max_metadata_len;
        /// Metadata entries in one message. Default 64.
        max_metadata_entries: usize = 64, within 0..=4096, set by with_max_metadata_entries;
        /// Bytes of pushes waiting in one session's outbox. Default 256 KiB.
        ///
        /// Higher rides out longer stalls of a client; lower bounds memory per session.
        max_outbox_len: usize as Bytes = 256 * 1024, within 1..=1 << 31, set by with_max_outbox_len;
        /// Pushes waiting in one session's outbox. Default 1,024.
        max_outbox_messages: usize = 1024, within 1..=1 << 24, set by with_max_outbox_messages;
        /// Bytes of notifications that wait to be read by a client's application. Default 256 KiB; then the oldest is
        /// dropped and a gap reported.
        ///
        /// Paths, metadata and bodies are counted. A small one takes 21 bytes more at most, and does not keep the read that
        /// brought it.
        max_event_buffer_len: usize as Bytes = 256 * 1024,
            within 1..=1 << 31, set by with_max_event_buffer_len;
        /// Notifications that wait to be read by a client's application. Default 1,024.
        max_event_buffer_messages: usize = 1024, within 1..=1 << 24, set by with_max_event_buffer_messages;
        /// Connections of one server. Default 10,000.
        max_connections: usize = 10_000, within 1..=1 << 24, set by with_max_connections;
        /// Connections of one server from one address, those included that are still in TLS's or HTTP's handshake; loopback
        /// is exempt. Default 1,024: many users share one.
        max_connections_per_address: usize = 1024,
            within 1..=1 << 24, set by with_max_connections_per_address;
        /// Cancels, resets and pings a peer may send per second in the long run. Default 1,000; a flood costs the attacker
        /// less than the server. Two for every call that may be in flight are free at first, so that a client may give up all
        /// its calls at once.
        max_cancels_per_second: u32 = 1000, within 1..=1 << 31, set by with_max_cancels_per_second;
        /// Time for all stages of the handshake together. Default 10 s.
        handshake_timeout: Duration = Duration::from_secs(10),
            within MIN_WAIT..=MAX_WAIT, set by with_handshake_timeout;
        /// Time a peer may take nothing of what is sent to it. Default 10 s; then the connection closes.
        write_timeout: Duration = Duration::from_secs(10),
            within MIN_WAIT..=MAX_WAIT, set by with_write_timeout;
        /// Silence after which a ping is sent. Default 20 s, below the 30 s of common proxies.
        ping_after: Duration = Duration::from_secs(20), within MIN_WAIT..=MAX_WAIT, set by with_ping_after;
        /// Pings without any answer after which the peer counts as dead. Default 2.
        max_missed_pings: u32 = 2, within 1..=100, set by with_max_missed_pings;
        /// Deadline of a call that names none. Default 30 s.
        call_timeout: Duration = Duration::from_secs(30),
            within MIN_WAIT..=MAX_WAIT, set by with_call_timeout;
        /// Time for calls in flight to end when a server shuts down, and for what is queued to leave a connection that the
        /// application closes. Default 30 s.
        drain_timeout: Duration = Duration::from_secs(30),
            within MIN_WAIT..=MAX_WAIT, set by with_drain_timeout;
        /// Most that a client waits before it connects again, the first time. Default 100 ms; it doubles with each failure,
        /// and each wait is drawn evenly below it.
        reconnect_first: Duration = Duration::from_millis(100),
            within MIN_WAIT..=MAX_WAIT, set by with_reconnect_first;
        /// Most that a client ever waits before it connects again. Default 30 s.
        ///
        /// Higher spares a server that comes back under load; lower finds it sooner.
        reconnect_max: Duration = Duration::from_secs(30),
            within MIN_WAIT..=MAX_WAIT, set by with_reconnect_max;
    }
}

impl Limits {
    /// Those for reading one value.
    pub fn decode_limits(&self) -> DecodeLimits {
        let levels = u8::try_from(self.max_depth).unwrap_or(MAX_DEPTH);
        DecodeLimits::new().with_max_depth(levels).with_max_reserve_len(self.max_reserve_len)
    }
}

const MIN_WAIT: Duration = Duration::from_millis(1);
/// Longest wait accepted: a day. Longer ones are mistakes of unit.
const MAX_WAIT: Duration = Duration::from_secs(86_400);
