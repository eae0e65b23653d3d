//! Messages that nobody asked for.

use linkspan_core::{Metadata, PushError, PushSink, RAW};
use tokio::task::JoinSet;

use crate::broken::Broken;
use crate::codecs::Noted;
use crate::pair::Pair;
use crate::peer::Peer;
use crate::promise::Promise;
use crate::values::{Ask, Note, Step};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "pushes arrive in order, once",
            "Pushes made by several tasks at once each arrive exactly once, those of one task in its order.",
            fifo,
        )
        .of(&["I13"]),
        Promise::new(
            "large and small pushes keep their order",
            "Pushes of every size made by one task arrive in its order.",
            mixed_sizes,
        )
        .of(&["I13"])
        .client(|limits| limits.with_max_event_buffer_len(16 << 20)),
        Promise::new(
            "a push before return precedes the response",
            "What a handler pushed before it returned is there when its caller has the answer.",
            before_return,
        )
        .of(&["I14"]),
        Promise::new(
            "a large push before return precedes the response",
            "Also a push whose body takes a lane of its own is there when the caller has the answer.",
            large_before_return,
        )
        .of(&["I14"])
        .client(|limits| limits.with_max_event_buffer_len(16 << 20)),
        Promise::new(
            "raw pushes arrive unchanged",
            "Bytes pushed as they stand arrive as they stand, with their headers, whatever the codec.",
            raw,
        ),
        Promise::new(
            "typed streams take over what waited",
            "A typed stream gets what waited unread for its service, in order; the rest stays where it was.",
            typed_stream,
        ),
        Promise::new(
            "every client gets its own pushes",
            "Pushes to many clients reach each of them exactly once, in order, and no other.",
            many_clients,
        )
        .of(&["I13", "I15"]),
    ]
}

async fn fifo(pair: Pair) -> Result<(), Broken> {
    let (session, mut notes) = (pair.session()?, pair.client.notes());
    let mut pushing = JoinSet::new();
    for source in 0..4 {
        let pushes: Vec<_> = (0..100).map(|number| pair.push(Note::new(source, number, 50))).collect();
        let session = session.clone();
        pushing.spawn(async move {
            for (number, push) in (0..).zip(pushes) {
                session.push(push).await?;
                if number % 3 == 2 {
                    tokio::task::yield_now().await;
                }
            }
            Ok::<(), PushError>(())
        });
    }
    let mut next = [0; 4];
    for _ in 0..400 {
        let note = notes.next().await?;
        let expected = next.get_mut(note.source as usize).ok_or_else(|| Broken::new("unknown source"))?;
        Broken::unless_equal("number within its source", &note.number, expected)?;
        *expected += 1;
    }
    for pushed in pushing.join_all().await {
        pushed?;
    }
    nothing_more(&pair, notes).await
}

/// Checks that after a round trip nothing waits.
async fn nothing_more(pair: &Pair, mut notes: crate::peer::Notes) -> Result<(), Broken> {
    pair.client.echo("behind every push".into()).await?;
    match notes.at_hand().await {
        Ok(note) => Err(Broken::new(format!("one note too many: {} of {}", note.number, note.source))),
        Err(_) => Ok(()),
    }
}

async fn mixed_sizes(pair: Pair) -> Result<(), Broken> {
    let (session, mut notes) = (pair.session()?, pair.client.notes());
    let pushes: Vec<_> = (0u64..60)
        .zip([10, 70_000, 0, 20_000, 100, 16_300, 1, 2, 3, 4].into_iter().cycle())
        .map(|(number, len)| pair.push(Note::new(1, number, len)))
        .collect();
    let pushing = tokio::spawn(async move {
        for push in pushes {
            session.push(push).await?;
        }
        Ok::<(), PushError>(())
    });
    for number in 0..60 {
        Broken::unless_equal("number", &notes.next().await?.number, &number)?;
    }
    pushing.await??;
    nothing_more(&pair, notes).await
}

async fn before_return(pair: Pair) -> Result<(), Broken> {
    for round in 0..50 {
        pushed_before_answer(&pair.client, round, 30).await?;
    }
    Ok(())
}

async fn large_before_return(pair: Pair) -> Result<(), Broken> {
    for round in 0..8 {
        pushed_before_answer(&pair.client, round, 60_000).await?;
    }
    Ok(())
}

async fn pushed_before_answer(client: &Peer, round: u64, len: u32) -> Result<(), Broken> {
    let mut notes = client.notes();
    let push = Step::Push { source: 1, from: round * 3, count: 3, len };
    let mut ask = Ask::new(round).then(push);
    if round % 2 == 1 {
        ask = ask.then(Step::Yield);
    }
    let mut call = client.run(ask);
    // Polled without rest for a while, so that the answer is taken as early as it can be.
    let mut polls = 0;
    let answer = loop {
        polls += 1;
        tokio::select! {
            biased;
            answer = &mut call => break answer?,
            () = tokio::task::yield_now(), if polls < MAX_POLLS => {}
        }
    };
    for number in round * 3..round * 3 + 3 {
        let note = notes.at_hand().await?;
        Broken::unless_equal("number", &note.number, &number)?;
    }
    Broken::unless_equal("id", &answer.id, &round)
}

async fn raw(pair: Pair) -> Result<(), Broken> {
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    let metadata = Metadata::new().with("origin", "php").with("bytes", [0, 254]);
    for len in [0, 1, 1000, 100_000] {
        let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
        session.push_raw("Legacy", "Text", metadata.clone(), bytes.clone()).await?;
        let notification = match received.next().await {
            Some(Ok(notification)) => notification,
            other => return Err(Broken::new(format!("in place of a raw push: {other:?}"))),
        };
        Broken::unless_equal("path", &notification.path(), &"Legacy/Text")?;
        Broken::unless_equal("codec", &notification.codec(), &RAW)?;
        Broken::unless_equal("metadata", notification.metadata(), &metadata)?;
        Broken::unless(*notification.body() == bytes, || format!("{len} raw bytes were changed"))?;
    }
    Ok(())
}

async fn typed_stream(pair: Pair) -> Result<(), Broken> {
    let session = pair.session()?;
    session.push(pair.push(Note::new(1, 0, 10))).await?;
    session.push_raw("Other", "Thing", Metadata::new(), b"1".as_slice()).await?;
    session.push(pair.push(Note::new(1, 1, 10))).await?;
    pair.client.echo("behind every push".into()).await?;
    let mut typed = pair.client.typed_notes();
    session.push(pair.push(Note::new(1, 2, 10))).await?;
    session.push_raw("Other", "Thing", Metadata::new(), b"2".as_slice()).await?;
    for number in 0..3 {
        match typed.next().await {
            Some(Ok(Noted::Note(note))) => Broken::unless_equal("number", &note.number, &number)?,
            other => return Err(Broken::new(format!("in place of note {number}: {other:?}"))),
        }
    }
    let mut others = pair.client.notifications();
    for body in [b"1", b"2"] {
        match others.next().await {
            Some(Ok(other)) => Broken::unless_equal("the others", &other.body().as_ref(), &body.as_slice())?,
            other => return Err(Broken::new(format!("in place of another service's: {other:?}"))),
        }
    }
    Ok(())
}

async fn many_clients(pair: Pair) -> Result<(), Broken> {
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(pair.connect().await?);
    }
    for number in 0..20 {
        for (source, client) in (0..).zip(&clients) {
            pair.session_of(client)?.push(pair.push(Note::new(source, number, 40))).await?;
        }
    }
    for (source, client) in (0..).zip(&clients) {
        let mut notes = client.notes();
        for number in 0..20 {
            let note = notes.next().await?;
            Broken::unless_equal("source and number", &(note.source, note.number), &(source, number))?;
        }
        client.echo("behind every push".into()).await?;
        Broken::unless(notes.at_hand().await.is_err(), || "a client got one note too many".into())?;
    }
    Ok(())
}

/// How often a call is polled without rest; then it is waited for.
const MAX_POLLS: u32 = 10_000;
