//! Large bodies on their way out: fragmented, interleaved, each on a lane of its own.

use std::collections::VecDeque;

use super::Role;
use crate::codec::{Parts, Run};
use crate::frame::{LAST, MAX_FRAME_LEN, RESET};
use crate::wire::{BodyPlace, kind};
use crate::{Batch, Lane};

/// Whose body leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A push or a one-way request, by its number in the outbox.
    Outbox(u64),
    /// A request of ours, by its number.
    Request(u32),
    /// The answer to a call of the peer, by its number.
    Response(u32),
}

/// Bodies on their way out, and how much of them is left.
#[derive(Debug)]
pub(crate) struct Bulk {
    len: usize,
    next_lane: u64,
    /// None before the first: most connections never have any.
    bodies: Option<Box<Bodies>>,
}

/// In the order they were given. The open ones take turns; the others wait until one has left.
#[derive(Debug, Default)]
struct Bodies {
    open: VecDeque<Leaving>,
    waiting: VecDeque<Leaving>,
}

#[derive(Debug)]
struct Leaving {
    lane: Lane,
    body: Box<Parts>,
    sender: Sender,
}

impl Bulk {
    pub(crate) fn new(role: Role) -> Self {
        let next_lane = match role {
            Role::Acceptor => 2,
            Role::Connector => 1,
        };
        Self { len: 0, next_lane, bodies: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0 // none of them is
    }

    /// The lane that the next body takes.
    pub(crate) fn next_lane(&self) -> u64 {
        self.next_lane
    }

    /// True if a body with a lane below `lane` has not left.
    pub(crate) fn has_before(&self, lane: u64) -> bool {
        let all = self.bodies.iter().flat_map(|bodies| bodies.open.iter().chain(&bodies.waiting));
        all.into_iter().any(|leaving| leaving.lane < Lane::new(lane))
    }

    pub(crate) fn clear(&mut self) {
        self.bodies = None;
        self.len = 0;
    }

    /// Bytes that have not left.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Queues a body, which is not empty, and says where it will be.
    pub(crate) fn push(&mut self, sender: Sender, body: Box<Parts>) -> BodyPlace {
        let lane = Lane::new(self.next_lane);
        self.next_lane += 2;
        self.len += body.len();
        let len = body.len() as u64;
        self.bodies.get_or_insert_default().waiting.push_back(Leaving { lane, body, sender });
        BodyPlace { lane, len }
    }

    /// Abandons the body of `sender`, if it has not left: its lane is reset. True if it is.
    pub(crate) fn cancel(&mut self, sender: Sender, out: &mut Batch) -> bool {
        let Some(all) = &mut self.bodies else { return false };
        let before = self.len;
        for bodies in [&mut all.open, &mut all.waiting] {
            bodies.retain(|leaving| {
                let keep = leaving.sender != sender;
                if !keep {
                    self.len -= leaving.body.len();
                    let _ = out.push((kind::RESET, LAST | RESET), leaving.lane, None, |_| {});
                }
                keep
            });
        }
        self.len < before
    }

    /// Appends to `out` pieces of the open bodies in turn, up to [`BULK_LEN`] bytes less what waits in `batch`. A lane
    /// that still waits there gets nothing more. Returns whose bodies have left whole.
    pub(crate) fn fill(&mut self, batch: &Batch, out: &mut Batch, max_lanes: usize) -> Vec<Sender> {
        let mut finished = Vec::new();
        let Some(bodies) = &mut self.bodies else { return finished };
        let Bodies { open, waiting } = &mut **bodies;
        while open.len() < max_lanes {
            let Some(next) = waiting.pop_front() else { break };
            open.push_back(next);
        }
        let mut room = BULK_LEN.saturating_sub(batch.len());
        let mut blocked = 0;
        while room > 0 && blocked < open.len() {
            let Some(mut leaving) = open.pop_front() else { break };
            if batch.has_lane(leaving.lane) {
                blocked += 1;
                open.push_back(leaving);
                continue;
            }
            let before = leaving.body.len();
            let Run { copied, field } = leaving.body.split(PIECE_LEN);
            let last = leaving.body.is_empty();
            let len = before - leaving.body.len();
            room = room.saturating_sub(len);
            self.len -= len;
            let _ = out.push((kind::BODY, if last { LAST } else { 0 }), leaving.lane, Some(field), |out| {
                out.extend_from_slice(&copied);
            });
            blocked = 0;
            if last {
                finished.push(leaving.sender);
            } else {
                open.push_back(leaving);
            }
        }
        finished
    }
}

/// Largest piece of a body per frame: what is left of a frame beside head and lane.
const PIECE_LEN: usize = MAX_FRAME_LEN - 64;
/// Bytes of bodies handed to the link at once. Small messages wait behind no more than this: a quarter millisecond on
/// a gigabyte-per-second link.
pub(crate) const BULK_LEN: usize = 256 * 1024;
