//! One stored case against one server.

use tokio::time::timeout;

use crate::attack::{Answer, Input, Seen, attack, greet, ping};
use crate::corpus::{Case, Stage, Want};
use crate::judge::Passage;
use crate::peer::{Peer, Place, Socket};
use crate::support::PATIENCE;
use crate::watch::Watch;
use crate::wire::{SplitEnd, split};

/// What came of a case.
#[derive(Debug, Default)]
pub(crate) struct Result {
    pub(crate) seen: Seen,
    /// The status of an HTTP answer.
    http: Option<u16>,
    /// The status of a WebSocket close frame.
    status: Option<u16>,
    /// What the judge of generated inputs holds against it.
    pub(crate) objection: Option<String>,
}

impl Case {
    /// True if `place` can carry it.
    pub(crate) fn runs_on(&self, place: &Place) -> bool {
        let scheme = place.endpoint.scheme();
        if !self.on.is_empty() {
            return self.on.iter().any(|road| road == scheme);
        }
        match self.stage {
            Stage::Beneath | Stage::StallBeneath => scheme == "tcp",
            Stage::Framed => scheme == "ws",
            Stage::Stall => true,
            Stage::Open | Stage::Start => place.takes_bytes() || split(&self.bytes).end == SplitEnd::Clean,
        }
    }

    /// True if its end is the handshake's deadline.
    pub(crate) fn is_stall(&self) -> bool {
        matches!(self.stage, Stage::Stall | Stage::StallBeneath)
    }

    pub(crate) async fn run(&self, place: &Place) -> Result {
        timeout(PATIENCE, self.run_patiently(place)).await.unwrap_or_default()
    }

    async fn run_patiently(&self, place: &Place) -> Result {
        match self.stage {
            Stage::Open | Stage::Start => self.run_judged(place).await,
            Stage::Beneath | Stage::StallBeneath => self.run_beneath(place).await,
            Stage::Framed => {
                let mut peer = Peer::WebSocket(place.upgraded().await);
                greet(&mut peer).await;
                self.run_framed(peer).await
            }
            Stage::Stall => {
                let mut peer = place.connect().await;
                peer.send(&self.bytes).await;
                read_on(peer, self).await
            }
        }
    }

    async fn run_judged(&self, place: &Place) -> Result {
        let input =
            Input { name: self.name.clone(), open: self.stage == Stage::Open, bytes: self.bytes.clone() };
        let (verdict, seen) = attack(place, &input).await;
        let objection = seen.check(&verdict).err().map(|wrong| format!("{wrong}; judged as {verdict:?}"));
        Result { seen, objection, ..Result::default() }
    }

    async fn run_beneath(&self, place: &Place) -> Result {
        let mut socket = Socket::new(place.socket().await);
        let watch = Watch::start();
        socket.send(&self.bytes).await;
        if self.ends {
            socket.end().await;
        }
        let mut result = Result::default();
        if place.passage() == Passage::Stream && place.takes_bytes() {
            return read_on(Peer::Stream(socket), self).await;
        }
        let head = socket.read_head().await;
        result.http = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        if result.http.is_none() || !self.wants.iter().any(|want| matches!(want, Want::Http(_))) {
            socket.read_to_end().await;
            result.seen.ended = true;
        }
        result.seen.took = watch.elapsed();
        result
    }

    async fn run_framed(&self, mut peer: Peer) -> Result {
        if let Peer::WebSocket(socket) = &mut peer {
            socket.send(&self.bytes).await;
            if self.ends {
                socket.end().await;
            }
        }
        if self.wants.iter().any(|want| matches!(want, Want::Fine)) {
            peer.send(&ping()).await;
        }
        read_on(peer, self).await
    }
}

/// Reads until what the case wants has come, or the end.
async fn read_on(mut peer: Peer, case: &Case) -> Result {
    let watch = Watch::start();
    let mut result = Result::default();
    while !result.seen.ended && !result.is_wanted(case) {
        match peer.receive().await {
            Some(frames) => frames.iter().for_each(|frame| result.seen.note(frame)),
            None => result.seen.ended = true,
        }
        result.status = peer.status();
    }
    result.seen.took = watch.elapsed();
    result
}

impl Result {
    /// True if it is what `case` wants.
    pub(crate) fn is_wanted(&self, case: &Case) -> bool {
        case.wants.iter().any(|want| match want {
            Want::Close(code) => self.seen.close == Some(*code),
            Want::Ended => self.seen.ended && self.seen.close.is_none() && self.http.is_none(),
            Want::Failure(call, code) => {
                self.seen.answers.get(call).is_some_and(|answers| answers.contains(&Answer::Failure(*code)))
            }
            Want::Fine => self.seen.pong && self.seen.close.is_none(),
            Want::Http(status) => self.http == Some(*status),
            Want::Status(status) => self.status == Some(*status),
            Want::Value(call) => self
                .seen
                .answers
                .get(call)
                .is_some_and(|answers| answers.iter().any(|answer| matches!(answer, Answer::Value(_)))),
        })
    }
}
