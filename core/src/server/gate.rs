//! How many connections there are, in all and per address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Close, CloseCode, Limits, PeerInfo};

/// Counts connections against the limits. Shared by every listener of a server.
#[derive(Debug)]
pub(crate) struct Gate {
    max: usize,
    max_per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// A place in the server, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    address: Option<IpAddr>,
    /// One of the few places beyond the limit, whose peers are only told so.
    beyond: bool,
}

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            max: limits.max_connections,
            max_per_address: limits.max_connections_per_address,
            counts: Mutex::default(),
        })
    }

    /// A place, before anything is known of the peer. None if there is not even one to refuse it from.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.max + REFUSALS {
            return None;
        }
        counts.all += 1;
        Some(Place { gate: self.clone(), address: None, beyond: counts.all > self.max })
    }
}

impl Place {
    /// Whether the peer may stay: there is room in all, and for its address, loopback exempt.
    ///
    /// # Errors
    /// The close to tell it.
    pub(crate) fn check(&mut self, peer: &PeerInfo, limits: &Limits) -> Result<(), Close> {
        let full = |reason: String| Err(Close::new(CloseCode::AT_CAPACITY, reason));
        if self.beyond {
            return full(format!("{} connections are open (max_connections)", limits.max_connections));
        }
        if !self.identify(peer) {
            let max = limits.max_connections_per_address;
            return full(format!(
                "{max} connections are open from this address (max_connections_per_address)"
            ));
        }
        Ok(())
    }

    /// Counts the peer's address too, unless it is loopback. False if that address has its share.
    fn identify(&mut self, peer: &PeerInfo) -> bool {
        let address = peer.remote_address().and_then(|text| text.parse::<SocketAddr>().ok());
        let Some(address) = address.map(|address| address.ip().to_canonical()).filter(|ip| !ip.is_loopback())
        else {
            return true;
        };
        let mut counts = self.gate.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.addresses.entry(address).or_default();
        if *count >= self.gate.max_per_address {
            return false;
        }
        *count += 1;
        self.address = Some(address);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(count) = counts.addresses.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.addresses.remove(&address);
            }
        }
    }
}

/// Peers beyond the limit that are told so at the same time; further ones see their connection end.
const REFUSALS: usize = 64;
