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
    /// Of those that may stay, as far as is known.
    admitted: usize,
    /// Of those that are only told why they may not.
    refused: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// A place in the server, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    address: Option<IpAddr>,
    /// Why this is one of the few places beyond the limits, whose peers are only told so.
    refusal: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
enum Refusal {
    AddressHasItsShare,
    Full,
}

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            max: limits.max_connections,
            max_per_address: limits.max_connections_per_address,
            counts: Mutex::default(),
        })
    }

    /// A place for a peer of which nothing more is known than where it is, if that. None if there is not even one to
    /// refuse it from.
    pub(crate) fn enter(self: &Arc<Self>, remote: Option<SocketAddr>) -> Option<Place> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = if counts.admitted >= self.max { Some(Refusal::Full) } else { None };
        let (address, refusal) = match (refusal, limited(remote)) {
            (None, Some(address)) if counts.enter(address, self.max_per_address) => (Some(address), None),
            (None, Some(_)) => (None, Some(Refusal::AddressHasItsShare)),
            (refusal, _) => (None, refusal),
        };
        match refusal {
            None => counts.admitted += 1,
            Some(_) if counts.refused >= REFUSALS => return None,
            Some(_) => counts.refused += 1,
        }
        Some(Place { gate: self.clone(), address, refusal })
    }
}

/// The address whose connections are limited: none if it is loopback or unknown.
fn limited(remote: Option<SocketAddr>) -> Option<IpAddr> {
    remote.map(|remote| remote.ip().to_canonical()).filter(|ip| !ip.is_loopback())
}

impl Counts {
    /// Counts one more of `address`. False if it has its share.
    fn enter(&mut self, address: IpAddr, max: usize) -> bool {
        let count = self.addresses.entry(address).or_default();
        let room = *count < max;
        *count += usize::from(room);
        room
    }

    fn leave(&mut self, address: IpAddr) {
        if let Some(count) = self.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }
}

impl Place {
    /// True if the peer's address is known to have its share already.
    pub(crate) fn is_over_share(&self) -> bool {
        matches!(self.refusal, Some(Refusal::AddressHasItsShare))
    }

    /// Whether the peer may stay: there is room in all, and for its address, loopback exempt.
    ///
    /// # Errors
    /// The close to tell it.
    pub(crate) fn check(&mut self, peer: &PeerInfo, limits: &Limits) -> Result<(), Close> {
        let reason = match self.refusal.or_else(|| self.identify(peer)) {
            None => return Ok(()),
            Some(Refusal::Full) => {
                format!("{} connections are open (max_connections)", limits.max_connections)
            }
            Some(Refusal::AddressHasItsShare) => format!(
                "{} connections are open from this address (max_connections_per_address)",
                limits.max_connections_per_address
            ),
        };
        Err(Close::new(CloseCode::AT_CAPACITY, reason))
    }

    /// Counts the address of a peer whose arrival did not tell it.
    fn identify(&mut self, peer: &PeerInfo) -> Option<Refusal> {
        if self.address.is_some() {
            return None;
        }
        let address = limited(peer.remote_address().and_then(|text| text.parse().ok()))?;
        let mut counts = self.gate.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.enter(address, self.gate.max_per_address) {
            return Some(Refusal::AddressHasItsShare);
        }
        self.address = Some(address);
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match self.refusal {
            None => counts.admitted -= 1,
            Some(_) => counts.refused -= 1,
        }
        if let Some(address) = self.address {
            counts.leave(address);
        }
    }
}

/// Peers beyond a limit that are told so at the same time; further ones see their connection end.
const REFUSALS: usize = 64;
