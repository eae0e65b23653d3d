//! One input, from the connection to the verdict on what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use crate::corpus::golden;
use crate::judge::{Due, End, Passage, Verdict, judge};
use crate::peer::{Peer, Place};
use crate::watch::Watch;
use crate::wire::{Fields, Optional, SplitEnd, flag, frame, kind, numbers, put_number, split};

/// What a peer sends, behind the hellos or instead of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// What it is, or how it was made.
    pub(crate) name: String,
    /// A good hello was said and answered before.
    pub(crate) open: bool,
    pub(crate) bytes: Vec<u8>,
}

/// What came of an input.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The code of the close.
    pub(crate) close: Option<u16>,
    /// The link ended.
    pub(crate) ended: bool,
    /// Everything before was handled.
    pub(crate) pong: bool,
    /// What each call was answered, in order.
    pub(crate) answers: BTreeMap<u64, Vec<Answer>>,
    pub(crate) took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Failure(u64),
    Value(Vec<u8>),
}

/// How an input ended, for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Closed(u16),
    Ended,
    Failed,
    /// No rule was broken.
    Valid,
}

/// Sends `input` and says what came of it and what should have.
pub(crate) async fn attack(place: &Place, input: &Input) -> (Verdict, Seen) {
    let verdict = judge(&input.bytes, input.open, place.passage());
    let seen = timeout(GIVEN_UP, strike(place, input, &verdict)).await;
    (verdict, seen.unwrap_or_else(|_| Seen { took: GIVEN_UP, ..Seen::default() }))
}

async fn strike(place: &Place, input: &Input, verdict: &Verdict) -> Seen {
    let mut peer = place.connect().await;
    let mut seen = Seen::default();
    if input.open {
        greet(&mut peer).await;
    }
    let watch = Watch::start();
    let end = split(&input.bytes).end;
    let pings = end == SplitEnd::Clean && (verdict.loose || verdict.end == End::Open);
    peer.send(&input.bytes).await;
    // Where lanes are streams, nothing can be answered before the peer opened lane 0, if only by ending it.
    let mute = !input.open && split(&input.bytes).frames.iter().all(|frame| frame[3] & flag::LANE != 0);
    if verdict.end == End::Left || end == SplitEnd::Cut || (mute && place.passage() == Passage::Lanes) {
        peer.end().await;
    } else if pings {
        if !input.open {
            seen.read(&mut peer).await; // its hello, or a close
        }
        peer.send(&ping()).await;
    }
    while !seen.is_over(verdict) {
        seen.read(&mut peer).await;
    }
    seen.took = watch.elapsed();
    seen
}

/// Says hello and waits for the answer.
pub(crate) async fn greet(peer: &mut Peer) {
    peer.send(&golden("hello")).await;
    let answer = peer.receive().await.unwrap_or_default();
    assert_eq!(answer.first().map(|frame| frame[2]), Some(kind::HELLO), "the server greets: {answer:02x?}");
}

/// The frame whose answer says that everything before it was handled.
pub(crate) fn ping() -> Vec<u8> {
    let mut fields = Vec::new();
    put_number(&mut fields, SENTINEL);
    frame(kind::PING, 0, &fields)
}

impl Seen {
    /// Enters what one read brings.
    async fn read(&mut self, peer: &mut Peer) {
        match peer.receive().await {
            Some(frames) => frames.iter().for_each(|frame| self.note(frame)),
            None => self.ended = true,
        }
    }

    /// Enters a frame of the server.
    pub(crate) fn note(&mut self, frame: &[u8]) {
        match frame[2] {
            kind::CLOSE => {
                let [code] = numbers(frame).expect("a close has a code");
                self.close = Some(code.try_into().expect("of 16 bits"));
            }
            kind::PONG => self.pong |= numbers(frame) == Some([SENTINEL]),
            kind::FAILURE => {
                let [call, code, _ran] = numbers(frame).expect("a failure has a code");
                self.answers.entry(call).or_default().push(Answer::Failure(code));
            }
            kind::RESPONSE => {
                let mut fields = Fields(&frame[4..]);
                let call = fields.number().expect("a response has a number");
                Optional::read(frame[3], &mut fields).expect("and fields that can be read");
                self.answers.entry(call).or_default().push(Answer::Value(fields.0.to_vec()));
            }
            _ => {}
        }
    }

    /// Nothing more is due.
    fn is_over(&self, verdict: &Verdict) -> bool {
        let answered = || self.answers.values().map(Vec::len).sum::<usize>();
        let due = || verdict.answers.values().map(Vec::len).sum::<usize>();
        self.ended
            || self.close.is_some()
            || (self.pong && (verdict.loose || (verdict.end == End::Open && answered() >= due())))
    }

    /// How the input ended, or what is wrong about it.
    pub(crate) fn check(&self, verdict: &Verdict) -> Result<Outcome, Wrong> {
        let wrong = |what: &'static str| Err(Wrong(what));
        self.check_successes(verdict)?;
        match &verdict.end {
            _ if verdict.loose && self.is_over(verdict) => {}
            End::Close(codes) if !self.close.is_some_and(|code| codes.contains(&code)) => {
                return wrong("it is not closed as it should be");
            }
            End::Left if !self.ended || self.close.is_some() => return wrong("it does not just end"),
            End::Open if !self.pong || self.close.is_some() => return wrong("the connection does not go on"),
            End::Open => self.check_answers(verdict)?,
            End::Close(_) | End::Left => {}
        }
        let failed = self.answers.values().flatten().any(|answer| matches!(answer, Answer::Failure(_)));
        Ok(match self.close {
            _ if !verdict.malformed => Outcome::Valid,
            Some(code) => Outcome::Closed(code),
            None if self.ended => Outcome::Ended,
            None if failed => Outcome::Failed,
            None if verdict.loose => Outcome::Valid,
            None => return wrong("it is answered as if nothing were wrong"),
        })
    }

    /// No call is answered with a value that is not due.
    fn check_successes(&self, verdict: &Verdict) -> Result<(), Wrong> {
        for (call, answers) in &self.answers {
            let due = u32::try_from(*call).ok().and_then(|call| verdict.answers.get(&call));
            for answer in answers {
                let Answer::Value(_) = answer else { continue };
                if !due.is_some_and(|due| due.iter().any(|due| due.admits(answer))) {
                    return Err(Wrong("a call succeeds that should not"));
                }
            }
        }
        Ok(())
    }

    fn check_answers(&self, verdict: &Verdict) -> Result<(), Wrong> {
        let admitted = self.answers.len() == verdict.answers.len()
            && self.answers.iter().zip(&verdict.answers).all(|((call, answers), (of, due))| {
                *call == u64::from(*of)
                    && answers.len() == due.len()
                    && answers.iter().zip(due).all(|(answer, due)| due.admits(answer))
            });
        if admitted { Ok(()) } else { Err(Wrong("the calls are not answered as they should be")) }
    }
}

impl Due {
    fn admits(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Self::Any, _) => true,
            (Self::Failure(due), Answer::Failure(code)) => due == code,
            (Self::Product(due), Answer::Value(body)) => body == due.to_string().as_bytes(),
            _ => false,
        }
    }
}

/// What is wrong about what came of an input.
#[derive(Debug)]
pub(crate) struct Wrong(&'static str);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The payload of [`ping`].
const SENTINEL: u64 = 0x5e_a1_ed;
/// Longest time for one input: well above what is allowed, so that what was too slow can be told from what never comes.
const GIVEN_UP: Duration = Duration::from_secs(8);
