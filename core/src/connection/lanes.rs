//! Bodies that arrive on lanes of their own, and whose they are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;

use super::pieces::Pieces;
use crate::frame::{Begun, Landing};
use crate::wire::BodyPlace;
use crate::{Error, ErrorKind, Inbox, Lane, Limits};

/// What a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A one-way request, by the order of its head.
    OneWay(u64),
    /// A push, by the order of its head.
    Push(u64),
    /// A request of the peer, by its number.
    Request(u32),
    /// The answer to a call of ours, by its number.
    Response(u32),
}

/// Bodies by lane. Lanes promise nothing to each other, so a body may come before the head that announces it.
#[derive(Debug)]
pub(crate) struct Lanes {
    arriving: HashMap<Lane, Arriving>,
    /// Bytes of bodies that were not handed on.
    held: usize,
    /// Bytes that memory is reserved for, and that have not come. None is reserved for more than may be held, with those that are.
    ahead: usize,
    limits: Arc<Limits>,
}

#[derive(Debug, Default)]
struct Arriving {
    body: Pieces,
    announced: Option<(Owner, usize)>,
    end: Option<End>,
    /// Its owner is gone; what comes is dropped.
    discarded: bool,
}

/// How a lane ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Last,
    Reset,
}

impl Lanes {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self { arriving: HashMap::new(), held: 0, ahead: 0, limits }
    }

    /// Most bytes of bodies that may be held.
    fn max_held(&self) -> usize {
        // Twice, since on some roads the end of one lane may come after the beginning of the next.
        self.limits.max_message_len.saturating_mul(2 * self.limits.max_lanes as usize)
    }

    /// A head said that its body is at `place`. Returns the body if it is whole already, `None` inside if it was reset.
    pub(crate) fn announce(
        &mut self,
        place: BodyPlace,
        owner: Owner,
    ) -> Result<Option<Option<Bytes>>, Error> {
        let len = usize::try_from(place.len).unwrap_or(usize::MAX);
        let arriving = self.lane(place.lane)?;
        if arriving.announced.is_some() || arriving.discarded {
            return Err(Error::protocol("two bodies on one lane"));
        }
        if arriving.body.len() > len {
            return Err(longer("body", len, "max_message_len"));
        }
        arriving.announced = Some((owner, len));
        match arriving.end {
            Some(End::Reset) => {
                self.remove(place.lane);
                Ok(Some(None))
            }
            Some(End::Last) => Ok(self.take_whole(place.lane)?.map(|(_, body)| Some(body))),
            None => Ok(None),
        }
    }

    /// A piece of a body came. Returns the body if that made it whole.
    pub(crate) fn handle_body(
        &mut self,
        (lane, last): (Lane, bool),
        bytes: &[u8],
        inbox: &Inbox,
    ) -> Result<Option<(Owner, Bytes)>, Error> {
        if last && let Some(whole) = self.take_single(lane, bytes, inbox) {
            return Ok(Some(whole));
        }
        self.take((lane, last), bytes.len(), |body, announced| body.push(bytes, inbox, announced))
    }

    /// Lends the memory of a body whose next piece has begun to come, if it may all be taken.
    pub(crate) fn lend(&mut self, begun: Begun) -> Option<Landing> {
        let max_held = self.max_held();
        let arriving = self.arriving.get_mut(&begun.lane)?;
        let Arriving { body, announced: Some((_, len)), end: None, discarded: false } = arriving else {
            return None;
        };
        if body.len() + begun.len > *len || self.held + begun.len > max_held {
            return None;
        }
        let before = body.ahead();
        let landing =
            body.lend(begun, reservable(body, *len, max_held.saturating_sub(self.held + self.ahead)));
        self.ahead = self.ahead - before + body.ahead();
        landing
    }

    /// A piece was read into its place. Returns the body if that made it whole.
    pub(crate) fn handle_landed(&mut self, landed: Landing) -> Result<Option<(Owner, Bytes)>, Error> {
        let Begun { lane, last, len, .. } = landed.begun();
        if !self.arriving.contains_key(&lane) {
            return Ok(None); // it was reset
        }
        self.take((lane, last), len, |body, _| body.land(landed))
    }

    /// Takes a piece of `len` bytes, which `put` puts where it belongs.
    fn take(
        &mut self,
        (lane, last): (Lane, bool),
        len: usize,
        put: impl FnOnce(&mut Pieces, Option<usize>) -> Result<(), Error>,
    ) -> Result<Option<(Owner, Bytes)>, Error> {
        let (held, max_held, max_body) = (self.held + len, self.max_held(), self.limits.max_message_len);
        let (mut ahead, may_reserve) = (self.ahead, max_held.saturating_sub(held + self.ahead));
        let arriving = self.lane(lane)?;
        if arriving.end.is_some() {
            return Err(Error::protocol("body on a lane that ended"));
        }
        let (discarded, announced) = (arriving.discarded, arriving.announced);
        if !discarded {
            let max = announced.map_or(max_body, |(_, len)| len);
            if arriving.body.len() + len > max {
                return Err(longer("body", max, "max_message_len"));
            }
            if held > max_held {
                return Err(longer("unfinished bodies", max_held, "max_lanes"));
            }
            let body = &mut arriving.body;
            ahead -= body.ahead();
            put(body, announced.and_then(|(_, len)| reservable(body, len, may_reserve)))?;
            ahead += body.ahead();
        }
        if last {
            arriving.end = Some(End::Last);
        }
        if !discarded {
            (self.held, self.ahead) = (held, ahead);
        }
        match (last, discarded, announced) {
            (true, true, _) => {
                self.remove(lane);
                Ok(None)
            }
            (true, false, Some(_)) => self.take_whole(lane),
            _ => Ok(None),
        }
    }

    /// A body that came in one piece, behind its head.
    fn take_single(&mut self, lane: Lane, bytes: &[u8], inbox: &Inbox) -> Option<(Owner, Bytes)> {
        let Entry::Occupied(occupied) = self.arriving.entry(lane) else { return None };
        let Arriving { body, announced: Some((owner, len)), end: None, discarded: false } = occupied.get()
        else {
            return None;
        };
        if body.len() > 0 || *len != bytes.len() {
            return None;
        }
        let owner = *owner;
        occupied.remove();
        Some((owner, Pieces::single(bytes, inbox)))
    }

    /// Whose body is on `lane`, if its head came.
    pub(crate) fn owner(&self, lane: Lane) -> Option<Owner> {
        self.arriving.get(&lane)?.announced.map(|(owner, _)| owner)
    }

    /// The peer abandons `lane`. Returns whose body will not come.
    pub(crate) fn handle_reset(&mut self, lane: Lane) -> Result<Option<Owner>, Error> {
        let arriving = self.lane(lane)?;
        if arriving.end.is_some() {
            return Ok(None);
        }
        arriving.end = Some(End::Reset);
        let body = std::mem::take(&mut arriving.body);
        let owner = arriving.announced.filter(|_| !arriving.discarded).map(|(owner, _)| owner);
        let known = arriving.discarded || arriving.announced.is_some();
        self.uncount(&body);
        if known {
            self.remove(lane);
        }
        Ok(owner)
    }

    /// A head that names `lane` is refused: what comes of its body is dropped.
    pub(crate) fn refuse(&mut self, lane: Lane) -> Result<(), Error> {
        let arriving = self.lane(lane)?;
        if arriving.announced.is_some() || arriving.discarded {
            return Err(Error::protocol("two bodies on one lane"));
        }
        self.discard(lane)
    }

    /// The owner of `lane` is gone: what still comes is dropped.
    pub(crate) fn discard(&mut self, lane: Lane) -> Result<(), Error> {
        let arriving = self.lane(lane)?;
        arriving.discarded = true;
        let body = std::mem::take(&mut arriving.body);
        let ended = arriving.end.is_some();
        self.uncount(&body);
        if ended {
            self.remove(lane);
        }
        Ok(())
    }

    /// Bytes that are held, and the most that may be.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        let sum = |of: fn(&Pieces) -> usize| {
            self.arriving.values().map(|arriving| of(&arriving.body)).sum::<usize>()
        };
        assert_eq!((self.held, self.ahead), (sum(Pieces::len), sum(Pieces::ahead)));
        assert!(self.ahead <= self.max_held());
        (self.held, self.max_held())
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.arriving.is_empty() && (self.held, self.ahead) == (0, 0)
    }

    pub(crate) fn clear(&mut self) {
        self.arriving.clear();
        (self.held, self.ahead) = (0, 0);
    }

    fn lane(&mut self, lane: Lane) -> Result<&mut Arriving, Error> {
        let known = self.arriving.len();
        let max = max_lanes(&self.limits);
        match self.arriving.entry(lane) {
            Entry::Occupied(occupied) => Ok(occupied.into_mut()),
            Entry::Vacant(_) if known >= max => {
                Err(Error::protocol(format!("more than {known} lanes are unfinished")))
            }
            Entry::Vacant(vacant) => Ok(vacant.insert(Arriving::default())),
        }
    }

    /// What came of `body` is held no longer.
    fn uncount(&mut self, body: &Pieces) {
        self.held -= body.len();
        self.ahead -= body.ahead();
    }

    fn remove(&mut self, lane: Lane) -> Option<Arriving> {
        let arriving = self.arriving.remove(&lane)?;
        self.uncount(&arriving.body);
        Some(arriving)
    }

    fn take_whole(&mut self, lane: Lane) -> Result<Option<(Owner, Bytes)>, Error> {
        let Some(arriving) = self.remove(lane) else { return Ok(None) };
        match arriving.announced {
            Some((owner, len)) if len == arriving.body.len() => Ok(Some((owner, arriving.body.join()))),
            _ => Err(Error::protocol("body is not as long as its head says")),
        }
    }
}

/// The length of a body, if memory for the rest of it may be reserved besides what there is.
fn reservable(body: &Pieces, len: usize, more: usize) -> Option<usize> {
    Some(len).filter(|len| len.saturating_sub(body.len()) <= more)
}

/// Lanes that may be unfinished.
fn max_lanes(limits: &Limits) -> usize {
    // Arguments, one-way arguments and answers are as many as calls in flight; besides them there are pushes that wait, and
    // bodies that overtook their heads.
    3 * limits.max_in_flight as usize + limits.max_event_buffer_messages + EARLY_LANES
}

fn longer(what: &str, max: usize, limit: &str) -> Error {
    Error::new(ErrorKind::FrameTooLarge, format!("{what} of more than {max} bytes ({limit})"))
}

/// Lanes whose bodies may overtake their heads. Chosen as the small bodies of one round trip on a fast road.
const EARLY_LANES: usize = 1024;
