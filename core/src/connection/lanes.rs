//! Bodies that arrive on lanes of their own, and whose they are.

use std::collections::HashMap;

use bytes::Bytes;

use crate::wire::BodyPlace;
use crate::{Error, ErrorKind, Lane};

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
    /// Lanes with bytes that are not whole: what the peer may have open at once.
    open: usize,
    max_open: usize,
}

#[derive(Debug, Default)]
struct Arriving {
    body: Vec<u8>,
    announced: Option<(Owner, usize)>,
    state: LaneState,
    /// Its owner is gone; what comes is dropped.
    discarded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LaneState {
    #[default]
    Silent,
    Open,
    Ended,
    Reset,
}

impl Lanes {
    pub(crate) fn new(max_open: usize) -> Self {
        Self { arriving: HashMap::new(), open: 0, max_open }
    }

    /// A head said that its body is at `place`. Returns the body if it is whole already, `None` inside if it was reset.
    pub(crate) fn announce(
        &mut self,
        place: BodyPlace,
        owner: Owner,
    ) -> Result<Option<Option<Bytes>>, Error> {
        let len = usize::try_from(place.len).unwrap_or(usize::MAX);
        let arriving = self.arriving.entry(place.lane).or_default();
        if arriving.announced.is_some() {
            return Err(Error::protocol("two bodies on one lane"));
        }
        arriving.announced = Some((owner, len));
        match arriving.state {
            LaneState::Reset => {
                self.arriving.remove(&place.lane);
                Ok(Some(None))
            }
            LaneState::Ended => Ok(self.take_whole(place.lane)?.map(|(_, body)| Some(body))),
            LaneState::Silent | LaneState::Open => Ok(None),
        }
    }

    /// A piece of a body came. Returns the body if that made it whole.
    pub(crate) fn handle_body(
        &mut self,
        (lane, last): (Lane, bool),
        bytes: &[u8],
        max_len: usize,
    ) -> Result<Option<(Owner, Bytes)>, Error> {
        let arriving = self.arriving.entry(lane).or_default();
        match arriving.state {
            LaneState::Silent => {
                arriving.state = LaneState::Open;
                self.open += 1;
                // Twice, since on some roads the end of one lane may come after the beginning of the next.
                if self.open > self.max_open * 2 {
                    return Err(Error::protocol(format!("more than {} lanes are open", self.max_open)));
                }
            }
            LaneState::Open => {}
            LaneState::Ended | LaneState::Reset => return Err(Error::protocol("body on a lane that ended")),
        }
        if !arriving.discarded {
            let max = arriving.announced.map_or(max_len, |(_, len)| len);
            if arriving.body.len() + bytes.len() > max {
                return Err(Error::new(ErrorKind::FrameTooLarge, format!("body of more than {max} bytes")));
            }
            arriving.body.extend_from_slice(bytes);
        }
        if !last {
            return Ok(None);
        }
        arriving.state = LaneState::Ended;
        self.open -= 1;
        if arriving.discarded {
            self.arriving.remove(&lane);
            return Ok(None);
        }
        if arriving.announced.is_some() { self.take_whole(lane) } else { Ok(None) }
    }

    /// The peer abandons `lane`. Returns whose body will not come.
    pub(crate) fn handle_reset(&mut self, lane: Lane) -> Option<Owner> {
        let arriving = self.arriving.entry(lane).or_default();
        match arriving.state {
            LaneState::Open => self.open -= 1,
            LaneState::Ended | LaneState::Reset => return None,
            LaneState::Silent => {}
        }
        arriving.state = LaneState::Reset;
        arriving.body = Vec::new();
        let gone = arriving.discarded || arriving.announced.is_some();
        let owner = arriving.announced.filter(|_| !arriving.discarded).map(|(owner, _)| owner);
        if gone {
            self.arriving.remove(&lane);
        }
        owner
    }

    /// The owner of `lane` is gone: what still comes is dropped.
    pub(crate) fn discard(&mut self, lane: Lane) {
        let arriving = self.arriving.entry(lane).or_default();
        if matches!(arriving.state, LaneState::Ended | LaneState::Reset) {
            self.arriving.remove(&lane);
        } else {
            arriving.discarded = true;
            arriving.body = Vec::new();
        }
    }

    /// Lanes known, for the bound on heads without bodies.
    pub(crate) fn len(&self) -> usize {
        self.arriving.len()
    }

    pub(crate) fn clear(&mut self) {
        self.arriving.clear();
        self.open = 0;
    }

    fn take_whole(&mut self, lane: Lane) -> Result<Option<(Owner, Bytes)>, Error> {
        let Some(arriving) = self.arriving.remove(&lane) else { return Ok(None) };
        match arriving.announced {
            Some((owner, len)) if len == arriving.body.len() => Ok(Some((owner, arriving.body.into()))),
            _ => Err(Error::protocol("body is not as long as its head says")),
        }
    }
}
