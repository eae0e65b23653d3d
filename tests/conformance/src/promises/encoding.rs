//! What becomes of a push between its value and its bytes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use linkspan_core::{Body, BodyCodec, Encoded, Error, ErrorKind, Gap, GapReason, Push, PushError, PushSink};

use crate::broken::Broken;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::values::Note;

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "a push without the codec leaves a gap",
            "A push that cannot be had in the client's codec arrives as a gap in its place.",
            unsupported_codec,
        )
        .of(&["I21"]),
        Promise::new(
            "a push that cannot be encoded fails alone",
            "A push whose value cannot be encoded is handed back; the pushes around it arrive.",
            unencodable,
        )
        .of(&["I19"]),
        Promise::new(
            "a push to many is encoded once",
            "A push handed to many sessions arrives at each, and was written once for all that speak one codec.",
            encoded_once,
        )
        .of(&["I18"]),
    ]
}

/// A body that fails to be encoded.
#[derive(Debug)]
struct Fails(ErrorKind);

impl Encoded for Fails {
    fn bytes(&self, _codec: &str) -> Result<(Bytes, BodyCodec), Error> {
        Err(Error::new(self.0, "it is made so"))
    }
}

/// Writes some of a body, and a large field, before it fails.
fn fails_midway(kind: ErrorKind, out: &mut Body) -> Result<(), Error> {
    out.append(b"half");
    out.refer(Bytes::from_static(&[7; 20_000]));
    Err(Error::new(kind, "it is made so"))
}

async fn unsupported_codec(pair: Pair) -> Result<(), Broken> {
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    let elsewhere = Push::new("Kit/Note", Arc::new(Fails(ErrorKind::UnsupportedCodec)));
    session.push(pair.push(Note::new(1, 0, 10))).await?;
    session.push(elsewhere).await?;
    session.push(pair.push(Note::new(1, 1, 10))).await?;
    let written = session.try_write("Kit/Note", &|_, out| fails_midway(ErrorKind::UnsupportedCodec, out));
    Broken::unless_equal("a push without the codec, written in place", &written, &Some(Ok(())))?;
    session.push(pair.push(Note::new(1, 2, 10))).await?;
    for number in 0..3 {
        let note = received.next().await;
        Broken::unless(matches!(note, Some(Ok(_))), || format!("in place of note {number}: {note:?}"))?;
        if number == 2 {
            break;
        }
        match received.next().await {
            Some(Err(Gap { count: 1, reason: GapReason::UnsupportedCodec, .. })) => {}
            other => return Err(Broken::new(format!("in place of a gap of one: {other:?}"))),
        }
    }
    Ok(())
}

async fn unencodable(pair: Pair) -> Result<(), Broken> {
    let (session, mut notes) = (pair.session()?, pair.client.notes());
    session.push(pair.push(Note::new(1, 0, 10))).await?;
    let refused = session.try_push(Push::new("Kit/Note", Arc::new(Fails(ErrorKind::Encode))));
    let reason = refused.err().map(|refused| refused.reason);
    let is_encode = matches!(reason, Some(PushError::Encode(_)));
    Broken::unless(is_encode, || format!("a push that cannot be encoded: {reason:?}"))?;
    let written = session.try_write("Kit/Note", &|_, out| fails_midway(ErrorKind::Encode, out));
    let is_encode = matches!(written, Some(Err(PushError::Encode(_))));
    Broken::unless(is_encode, || format!("the same, written in place: {written:?}"))?;
    session.push(pair.push(Note::new(1, 1, 10))).await?;
    for number in 0..2 {
        Broken::unless_equal("number", &notes.next().await?.number, &number)?;
    }
    Ok(())
}

/// A body that notes what it handed out.
#[derive(Debug)]
struct Recorded {
    inner: Arc<dyn Encoded>,
    handed: Mutex<Vec<Bytes>>,
}

impl Encoded for Recorded {
    fn bytes(&self, codec: &str) -> Result<(Bytes, BodyCodec), Error> {
        let (bytes, codec) = self.inner.bytes(codec)?;
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).push(bytes.clone());
        Ok((bytes, codec))
    }
}

async fn encoded_once(pair: Pair) -> Result<(), Broken> {
    let mut clients = vec![pair.client.clone()];
    for _ in 0..5 {
        clients.push(pair.connect().await?);
    }
    for (number, len) in [(0, 40), (1, 40_000)] {
        let note = pair.push(Note::new(1, number, len));
        let recorded = Arc::new(Recorded { inner: note.body().clone(), handed: Mutex::default() });
        let push = Push::new(note.path().to_owned(), recorded.clone());
        for client in &clients {
            pair.session_of(client)?.push(push.clone()).await?;
        }
        for client in &clients {
            Broken::unless_equal("note", &client.notes().next().await?, &Note::new(1, number, len))?;
        }
        let handed = recorded.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let places: HashSet<_> = handed.iter().map(|bytes| bytes.as_ptr()).collect();
        Broken::unless_equal("times that one value was encoded", &places.len(), &1)?;
    }
    Ok(())
}
