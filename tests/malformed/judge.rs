//! What must come of an input, by `docs/wire.md`: a model of the acceptor that knows one service, `Arith/Mul`.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use crate::wire::{Fields, Optional, SplitEnd, flag, kind, split};

/// How a road hands bytes over, as far as it changes what must come of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Each lane is a stream of its own: lanes overtake each other.
    Lanes,
    /// Whole messages: what does not end with a frame is a violation.
    Messages,
    /// One stream: a peer may vanish within a frame.
    #[default]
    Stream,
}

/// What must come of an input.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) end: End,
    /// What is due to each call, in order.
    pub(crate) answers: BTreeMap<u32, Vec<Due>>,
    /// The peer broke a rule.
    pub(crate) malformed: bool,
    /// Which of the typed ends it is depends on how reads and lanes fall.
    pub(crate) loose: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// A close with one of these codes.
    Close(Vec<u16>),
    /// The peer left, in order or within a frame: the link ends.
    Left,
    /// The connection goes on.
    #[default]
    Open,
}

/// What is due to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Some answer.
    Any,
    /// A FAILURE with this code.
    Failure(u64),
    /// A RESPONSE with this product.
    Product(u64),
}

/// Judges `bytes`, which follow the hellos if `open`.
pub(crate) fn judge(bytes: &[u8], open: bool, passage: Passage) -> Verdict {
    let split = split(bytes);
    if !open && passage == Passage::Stream && is_foreign(bytes) {
        let end = End::Close(vec![1002, 1009]); // 1009 if the length is looked at first
        return Verdict { end, malformed: true, ..Verdict::default() };
    }
    let mut model = Model { open, passage, ..Model::default() };
    for (index, frame) in split.frames.iter().enumerate() {
        if let Err(mut stop) = model.handle(frame) {
            if stop == End::Close(vec![1003]) && index + 1 < split.frames.len() {
                stop = End::Close(vec![1003, 1002]); // a hello and more is a violation, if one read brings both
            }
            let left = stop == End::Left;
            if model.verdict.end == End::Open {
                model.verdict.end = stop;
            } else {
                model.verdict.loose |= left; // its close may overtake what it did on another lane
            }
            if passage != Passage::Lanes || left {
                break;
            }
            // What is on other lanes may be read first, or later.
        }
        // Behind its own hello a peer waits for ours; whether that is noticed depends on how reads fall.
        if !open && model.open && (index + 1 < split.frames.len() || split.end != SplitEnd::Clean) {
            model.verdict.loose = true;
            model.verdict.malformed = true;
        }
    }
    model.finish(split.end)
}

#[derive(Default)]
struct Model {
    open: bool,
    passage: Passage,
    verdict: Verdict,
    /// The calls in use, and the lanes they wait for.
    calls: HashMap<u32, Option<u64>>,
    lanes: HashMap<u64, Arriving>,
    /// Frames that cost their sender less than us.
    cheap: usize,
    /// Lanes that carried a body to its end.
    spent: HashSet<u64>,
}

#[derive(Default)]
struct Arriving {
    len: u64,
    announced: Option<(Owner, u64)>,
    ended: Option<Ended>,
    discarded: bool,
}

#[derive(Clone)]
enum Owner {
    Call(u32, Due),
    Nobody,
}

#[derive(Clone, Copy, PartialEq)]
enum Ended {
    Last,
    Reset,
}

/// `Arith/Mul`'s arguments.
#[derive(Deserialize)]
struct Factors {
    a: u64,
    b: u64,
}

type Handled = Result<(), End>;

fn violation() -> End {
    End::Close(vec![1002])
}

fn too_large() -> End {
    End::Close(vec![1009])
}

impl Model {
    fn handle(&mut self, frame: &[u8]) -> Handled {
        let (kind, flags) = (frame[2], frame[3]);
        if !self.open {
            return self.handle_first(kind, flags, &frame[4..]);
        }
        if kind >= kind::IGNORABLE {
            // A stream of QUIC names its lane in every frame.
            self.verdict.loose |= self.passage == Passage::Lanes && flags & flag::LANE != 0;
            return Ok(());
        }
        let mut fields = Fields(&frame[4..]);
        if flags & flag::LANE != 0 {
            let lane = fields.number().filter(|&lane| lane != 0).ok_or_else(violation)?;
            self.note_odd_lane(lane, kind, flags, frame.len() - 4 - fields.0.len());
            if flags & flag::RESERVED != 0 {
                return Err(violation());
            }
            self.count(kind)?;
            return match kind {
                kind::BODY => self.body(lane, flags & flag::LAST != 0, fields.0.len() as u64),
                kind::RESET => self.reset(lane),
                _ => Err(violation()),
            };
        }
        if flags & flag::RESERVED != 0 {
            return Err(violation());
        }
        self.handle_on_lane_zero(kind, flags, fields)
    }

    /// On QUIC the transport reads lanes and flags too, and says more than the frame does.
    fn note_odd_lane(&mut self, lane: u64, kind: u8, flags: u8, len: usize) {
        let mut shortest = Vec::new();
        crate::wire::put_number(&mut shortest, lane);
        let resets = flags & flag::RESET != 0;
        let odd = shortest.len() != len
            || resets != (kind == kind::RESET)
            || (resets && flags & flag::RESERVED != 0)
            || lane >= 1 << 62
            || self.lanes.get(&lane).is_some_and(|lane| lane.ended.is_some());
        self.verdict.loose |= self.passage == Passage::Lanes && odd;
    }

    fn handle_on_lane_zero(&mut self, kind: u8, flags: u8, mut fields: Fields<'_>) -> Handled {
        self.count(kind)?;
        let read = match kind {
            kind::REQUEST => return self.request(flags, fields),
            kind::PUSH => return self.push(flags, fields),
            kind::CANCEL => fields.call().map(|call| self.cancel(call)),
            kind::GAP => fields.number().and_then(|_| fields.number()).map(drop),
            kind::PING | kind::PONG => fields.number().map(drop),
            kind::GOAWAY => fields.text().map(drop),
            kind::CLOSE => {
                let code = fields.number().filter(|&code| code <= 65_535);
                code.and_then(|_| fields.text()).ok_or_else(violation)?;
                // The bodies of pushes are waited for, and meanwhile what else comes is looked at.
                self.verdict.loose |= !self.lanes.is_empty();
                return Err(End::Left);
            }
            // A second hello; an answer to a call that was never made; a body without a lane; an unknown kind.
            _ => None,
        };
        read.ok_or_else(violation)
    }

    /// Cancels, resets and pings beyond those that are free. More are earned while time passes, so it may be noticed later.
    fn count(&mut self, kind: u8) -> Handled {
        self.cheap += usize::from(matches!(kind, kind::CANCEL | kind::PING | kind::RESET));
        self.verdict.loose |= self.cheap > MAX_CHEAP;
        if self.cheap > MAX_CHEAP { Err(End::Close(vec![2004])) } else { Ok(()) }
    }

    fn handle_first(&mut self, kind: u8, flags: u8, fields: &[u8]) -> Handled {
        // A hello may overtake what was sent before it on another lane.
        self.verdict.loose |= self.passage == Passage::Lanes && flags & flag::LANE != 0;
        if flags & (flag::RESERVED | flag::LANE) != 0 {
            return Err(violation());
        }
        // Byte streams tell other protocols by the first bytes, these flags among them.
        self.verdict.loose |= flags != 0;
        match kind {
            kind::HELLO => self.hello(fields.strip_prefix(b"LSP1").ok_or_else(violation)?),
            kind::CLOSE => self.handle_on_lane_zero(kind, flags, Fields(fields)),
            _ => Err(violation()),
        }
    }

    fn hello(&mut self, fields: &[u8]) -> Handled {
        let (mut versions, mut codecs, mut metadata) = ((0, 0), Vec::new(), (0, 0));
        let mut fields = Fields(fields);
        let mut read = || -> Option<()> {
            while !fields.0.is_empty() {
                let (tag, mut value) = (fields.number()?, Fields(fields.bytes()?));
                match tag {
                    2 => versions = (value.number()?, value.number()?),
                    4 => {
                        codecs.clear();
                        while !value.0.is_empty() {
                            codecs.push(value.text()?.to_owned());
                        }
                    }
                    6 => drop((value.number()?, value.number()?, value.number()?)),
                    11 => drop(value.number()?),
                    9 => metadata = value.metadata()?,
                    odd if odd % 2 == 1 => {}
                    _ => return None,
                }
            }
            (codecs.len() <= 64).then_some(())
        };
        read().ok_or_else(violation)?;
        if exceeds(metadata) {
            return Err(too_large());
        }
        if versions.0 > 1 || versions.1 < 1 {
            return Err(End::Close(vec![1004]));
        }
        if !codecs.iter().any(|codec| ["json", "messagepack", "postcard"].contains(&codec.as_str())) {
            return Err(End::Close(vec![1003]));
        }
        self.open = true;
        Ok(())
    }

    fn request(&mut self, flags: u8, mut fields: Fields<'_>) -> Handled {
        let mut read = || Some((fields.call()?, fields.number()?, fields.path()?));
        let (call, timeout, path) = read().ok_or_else(violation)?;
        let optional = Optional::read(flags, &mut fields).ok_or_else(violation)?;
        let one_way = flags & flag::ONE_WAY != 0;
        let mut due =
            outcome(path, optional.codec, if optional.place.is_some() { None } else { Some(fields.0) });
        if timeout > 0 && timeout < 10_000_000 {
            due = Due::Any; // it may pass first, and then nobody looks at the body
            self.verdict.loose |= optional.place.is_some();
        }
        if one_way {
            if optional.place.is_some_and(|(_, len)| len > MAX_MESSAGE) || exceeds(optional.metadata) {
                return Err(too_large());
            }
            return optional.place.map_or(Ok(()), |(lane, len)| self.announce(lane, len, Owner::Nobody));
        }
        if let Some(waiting) = self.calls.get(&call) {
            self.verdict.malformed = true;
            if waiting.is_some() {
                return Err(violation());
            }
            // It may have been answered meanwhile, and then the number is free again.
            self.verdict.loose = true;
        }
        let refused = call >= MAX_IN_FLIGHT
            || optional.place.is_some_and(|(_, len)| len > MAX_MESSAGE)
            || exceeds(optional.metadata);
        if refused {
            if let Some((lane, _)) = optional.place {
                self.refuse(lane)?;
            }
            self.answer(call, Due::Failure(8));
            return Ok(());
        }
        match optional.place {
            Some((lane, len)) => {
                self.calls.insert(call, Some(lane));
                self.announce(lane, len, Owner::Call(call, due))
            }
            None => {
                self.calls.insert(call, None);
                self.answer(call, due);
                Ok(())
            }
        }
    }

    fn push(&mut self, flags: u8, mut fields: Fields<'_>) -> Handled {
        fields.path().ok_or_else(violation)?;
        let optional = Optional::read(flags, &mut fields).ok_or_else(violation)?;
        match optional.place {
            None => Ok(()),
            Some((lane, len)) if len > MAX_MESSAGE || exceeds(optional.metadata) => {
                self.verdict.malformed |= len > MAX_MESSAGE;
                self.refuse(lane)
            }
            Some((lane, len)) => self.announce(lane, len, Owner::Nobody),
        }
    }

    fn cancel(&mut self, call: u32) {
        match self.calls.get(&call).copied() {
            None => {}
            Some(None) => {
                if let Some(last) = self.verdict.answers.get_mut(&call).and_then(|due| due.last_mut()) {
                    *last = Due::Any;
                }
            }
            Some(Some(lane)) => {
                self.calls.insert(call, None);
                if let Some(arriving) = self.lanes.get_mut(&lane) {
                    arriving.discarded = true;
                }
                self.answer(call, Due::Any);
            }
        }
    }

    /// Enters what is due to `call`. A failure means that its caller did something it should not.
    fn answer(&mut self, call: u32, due: Due) {
        self.verdict.malformed |= matches!(due, Due::Failure(_));
        self.verdict.answers.entry(call).or_default().push(due);
    }

    fn lane(&mut self, lane: u64) -> &mut Arriving {
        if self.spent.contains(&lane) {
            // A violation that a receiver cannot always notice: it does not keep the numbers of lanes for ever.
            self.verdict.malformed = true;
            self.verdict.loose = true;
        }
        self.lanes.entry(lane).or_default()
    }

    fn body(&mut self, lane: u64, last: bool, len: u64) -> Handled {
        let arriving = self.lane(lane);
        if arriving.ended.is_some() {
            return Err(violation());
        }
        if !arriving.discarded {
            arriving.len += len;
            if arriving.len > arriving.announced.as_ref().map_or(MAX_MESSAGE, |(_, len)| *len) {
                return Err(too_large());
            }
        }
        if !last {
            return Ok(());
        }
        arriving.ended = Some(Ended::Last);
        if arriving.discarded {
            self.spend(lane);
            return Ok(());
        }
        self.complete(lane)
    }

    fn reset(&mut self, lane: u64) -> Handled {
        let arriving = self.lane(lane);
        if arriving.ended.is_some() {
            return Ok(());
        }
        arriving.ended = Some(Ended::Reset);
        if arriving.discarded {
            self.spend(lane);
            return Ok(());
        }
        self.complete(lane)
    }

    fn announce(&mut self, lane: u64, len: u64, owner: Owner) -> Handled {
        let arriving = self.lane(lane);
        if arriving.announced.is_some() || arriving.discarded {
            return Err(violation());
        }
        arriving.announced = Some((owner, len));
        if arriving.ended != Some(Ended::Reset) && arriving.len > len {
            return Err(too_large());
        }
        self.complete(lane)
    }

    /// The head that announced `lane` is refused: its body is not wanted.
    fn refuse(&mut self, lane: u64) -> Handled {
        let arriving = self.lane(lane);
        if arriving.announced.is_some() || arriving.discarded {
            return Err(violation());
        }
        arriving.discarded = true;
        if arriving.ended.is_some() {
            self.spend(lane);
        }
        Ok(())
    }

    /// Hands the body of `lane` on if both its head and its end are there.
    fn complete(&mut self, lane: u64) -> Handled {
        let Some(Arriving { len, announced: Some((owner, announced)), ended: Some(ended), .. }) =
            self.lanes.get(&lane)
        else {
            return Ok(());
        };
        let (ended, exact, owner) = (*ended, len == announced, owner.clone());
        if ended == Ended::Last && !exact {
            return Err(violation());
        }
        self.spend(lane);
        if let Owner::Call(call, due) = owner {
            self.calls.insert(call, None);
            self.answer(call, if ended == Ended::Reset { Due::Failure(1) } else { due });
        }
        Ok(())
    }

    fn spend(&mut self, lane: u64) {
        self.lanes.remove(&lane);
        self.spent.insert(lane);
    }

    fn finish(mut self, end: SplitEnd) -> Verdict {
        let verdict = &mut self.verdict;
        let at_end = match (end, self.passage) {
            (SplitEnd::Clean, _) => None,
            (SplitEnd::BadLength(code), _) => Some(code),
            (SplitEnd::Cut, Passage::Messages) => Some(1002),
            (SplitEnd::Cut, _) => {
                verdict.malformed = true;
                if verdict.end == End::Open {
                    verdict.end = End::Left;
                }
                None
            }
        };
        if !self.open && verdict.end == End::Open && at_end.is_none() {
            verdict.end = End::Left; // it has said nothing, and goes
        }
        if let Some(code) = at_end {
            // The same read may bring what comes before it, which is then not looked at.
            let mut codes = vec![code];
            if let End::Close(others) = &verdict.end {
                codes.extend(others);
            }
            verdict.loose |= verdict.end == End::Left;
            verdict.end = End::Close(codes);
        }
        if let End::Close(codes) = &mut verdict.end {
            verdict.malformed = true;
            if self.passage == Passage::Lanes && !(self.lanes.is_empty() && self.spent.is_empty()) {
                codes.extend([1002, 1009]); // whichever lane comes first
            }
        }
        self.verdict
    }
}

/// True if the first bytes of a stream cannot be those of a hello, nor of a close.
fn is_foreign(bytes: &[u8]) -> bool {
    let begins = |with: &[u8]| bytes.iter().skip(2).zip(with).all(|(byte, due)| byte == due);
    !begins(b"\x01\0LSP1") && !begins(b"\x0c\0")
}

/// What a request brings: the method, the codec, then the arguments. Without a body it is not known.
fn outcome(path: &str, codec: Option<&str>, body: Option<&[u8]>) -> Due {
    match (path, codec, body) {
        ("Arith/Mul", None | Some("json"), Some(body)) => match serde_json::from_slice(body) {
            Ok(Factors { a, b }) => Due::Product(a.wrapping_mul(b)),
            Err(_) => Due::Failure(3),
        },
        ("Arith/Mul", None | Some("json" | "messagepack" | "postcard"), _) => Due::Any,
        _ => Due::Failure(12),
    }
}

/// True beyond the default bounds of metadata.
fn exceeds((entries, len): (usize, usize)) -> bool {
    entries > 64 || len > 8192
}

const MAX_MESSAGE: u64 = 4 * 1024 * 1024;
const MAX_IN_FLIGHT: u32 = 4096;
/// Two for each call that may be in flight.
const MAX_CHEAP: usize = 8192;
