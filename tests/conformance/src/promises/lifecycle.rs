//! How a connection ends.

use linkspan_core::{CallError, Close, CloseCode, Code, PushError, PushSink, Ran, Status};

use super::failed_with;
use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::rng::Rng;
use crate::values::{Ask, Note, Step};
use crate::wire::BODY;

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "one close hook per connect",
            "The close hook runs exactly once for every admitted client, after its last message.",
            one_close_per_connect,
        )
        .of(&["I1", "I2"]),
        Promise::new(
            "closing is idempotent",
            "Closing again, and from both sides at once, changes nothing and ends once.",
            closing_again,
        )
        .of(&["I3"]),
        Promise::new(
            "a server's close arrives intact",
            "Code and reason of a close by the server arrive unchanged at the client.",
            server_close_arrives,
        )
        .of(&["I6"]),
        Promise::new(
            "a client's close arrives intact",
            "Code and reason of a close by the client arrive unchanged at the server.",
            client_close_arrives,
        )
        .of(&["I6"]),
        Promise::new(
            "a close amid bodies arrives intact",
            "A close while large bodies are on their way ends their calls, and arrives unchanged and without delay.",
            close_amid_bodies,
        )
        .of(&["I6", "I7"]),
        Promise::new(
            "what was pushed precedes the close",
            "Every small push accepted before a close reaches the client before the stream ends.",
            pushes_precede_close,
        )
        .of(&["I1", "I13"]),
        Promise::new(
            "the last client dropped closes",
            "Dropping the last handle of a client closes its session at the server.",
            dropping_closes,
        ),
        Promise::new(
            "a closed session leaves the registry",
            "A session that ended is found no more, and the others still are.",
            leaves_registry,
        ),
        Promise::new(
            "a lost link is seen by both sides",
            "When a link breaks, calls end with a typed status, and the server sees the client as lost.",
            lost_link,
        )
        .of(&["I1", "I7"]),
        Promise::new(
            "a push to a session that is gone says so",
            "A push to a session that ended is handed back as closed, at once.",
            push_to_gone,
        ),
    ]
}

async fn one_close_per_connect(pair: Pair) -> Result<(), Broken> {
    let mut ids = Vec::new();
    for round in 0..8 {
        let client = pair.connect().await?;
        let id = client.session().id();
        for call in 0..4 {
            client.run(Ask::new(round * 10 + call)).await?;
        }
        client.close();
        pair.seen.saw_close(id).await;
        ids.push(id);
    }
    // One more, so that a second hook for the last would have run as well.
    let last = pair.connect().await?;
    last.close();
    pair.seen.saw_close(last.session().id()).await;
    let log = pair.seen.log();
    for (round, id) in (0u64..).zip(ids) {
        let connects = log.iter().filter(|seen| **seen == Seen::Connected(id)).count();
        let is_close = |seen: &Seen| matches!(seen, Seen::Closed(closed, _) if *closed == id);
        let closes: Vec<_> = (0..log.len()).filter(|at| log.get(*at).is_some_and(is_close)).collect();
        Broken::unless_equal("connects and closes", &(connects, closes.len()), &(1, 1))?;
        let last = log.iter().rposition(|seen| matches!(seen, Seen::Finished(call) if call / 10 == round));
        Broken::unless(last < closes.first().copied(), || "a handler ended after the close hook".into())?;
    }
    Ok(())
}

async fn closing_again(pair: Pair) -> Result<(), Broken> {
    let session = pair.session()?;
    let mut closing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (client, session) = (pair.client.clone(), session.clone());
        closing.spawn(async move {
            if number % 2 == 0 {
                client.close();
            } else {
                session.close(Close::new(CloseCode::from_number(1900), "server's turn"));
            }
        });
    }
    closing.join_all().await;
    let here = pair.client.session().closed().await;
    let there = session.closed().await;
    pair.client.close();
    session.close(Close::new(CloseCode::NORMAL, "too late"));
    Broken::unless_equal("close at the client", &pair.client.session().closed().await, &here)?;
    Broken::unless_equal("close at the server", &session.closed().await, &there)?;
    let hook = pair.seen.saw_close(session.id()).await;
    Broken::unless_equal("close in the hook", &hook, &there)?;
    let other = pair.connect().await?;
    other.close();
    pair.seen.saw_close(other.session().id()).await;
    let closes = pair.seen.log().iter().filter(|seen| matches!(seen, Seen::Closed(..))).count();
    Broken::unless_equal("close hooks of two clients", &closes, &2)
}

async fn server_close_arrives(pair: Pair) -> Result<(), Broken> {
    let close = Close::new(CloseCode::from_number(3123), "moved to another nöde");
    pair.session()?.close(close.clone());
    Broken::unless_equal("close at the client", &pair.client.session().closed().await, &close)
}

async fn client_close_arrives(pair: Pair) -> Result<(), Broken> {
    let close = Close::new(CloseCode::from_number(1234), "seen enoügh");
    let id = pair.client.session().id();
    pair.client.session().close(close.clone());
    Broken::unless_equal("close in the hook", &pair.seen.saw_close(id).await, &close)
}

async fn close_amid_bodies(pair: Pair) -> Result<(), Broken> {
    let close = Close::new(CloseCode::from_number(2345), "enough of this");
    for (id, by_server) in [(1, true), (2, false)] {
        let client = pair.connect().await?;
        let session = pair.session_of(&client)?;
        let waiting = tokio::spawn(client.run(Ask::new(id).then(Step::Hang)).without_timeout());
        pair.seen.saw(Seen::Started(id)).await;
        let arguments = Rng::new(id).text(300_000);
        let uploading = tokio::spawn(client.run(Ask::new(10 + id).with_text(arguments).then(Step::Hang)));
        let large = tokio::spawn(client.run(Ask::new(20 + id).then(Step::Answer(LARGE))));
        client.tap.until(|frames| frames.iter().any(|frame| frame.kind == BODY)).await;
        client.tap.shut();
        if by_server {
            session.close(close.clone());
        } else {
            client.session().close(close.clone());
        }
        client.tap.open();
        failed_with(waiting.await?, Code::Unavailable, Ran::Maybe)?;
        let uploaded = uploading.await?;
        let code = uploaded.as_ref().err().and_then(CallError::status).map(Status::code);
        Broken::unless_equal(
            "code of a call whose arguments were on their way",
            &code,
            &Some(Code::Unavailable),
        )?;
        // The large answer may have been complete by then; if not, it must not look as if it were.
        if let Ok(answer) = large.await? {
            Broken::unless(answer.text == Note::new(0, 20 + id, LARGE).text, || {
                "half an answer was taken".into()
            })?;
        }
        Broken::unless_equal("close at the client", &client.session().closed().await, &close)?;
        Broken::unless_equal("close in the hook", &pair.seen.saw_close(session.id()).await, &close)?;
    }
    Ok(())
}

async fn pushes_precede_close(pair: Pair) -> Result<(), Broken> {
    let (session, mut notes) = (pair.session()?, pair.client.notes());
    for number in 0..100 {
        session.push(pair.push(Note::new(1, number, 100))).await?;
    }
    session.close(Close::new(CloseCode::NORMAL, "done"));
    for number in 0..100 {
        Broken::unless_equal("number", &notes.next().await?.number, &number)?;
    }
    let after = pair.client.notifications().next().await;
    Broken::unless(after.is_none(), || format!("more than was pushed: {after:?}"))
}

async fn dropping_closes(pair: Pair) -> Result<(), Broken> {
    let client = pair.connect().await?;
    let (id, clone) = (client.session().id(), client.clone());
    drop(client);
    clone.echo("one handle is left".into()).await?;
    drop(clone);
    let close = pair.seen.saw_close(id).await;
    Broken::unless_equal("code", &close.code(), &CloseCode::NORMAL)
}

async fn leaves_registry(pair: Pair) -> Result<(), Broken> {
    let client = pair.connect().await?;
    let id = client.session().id();
    let sessions = pair.server()?.sessions();
    Broken::unless(sessions.find(id).is_some(), || "an admitted session is not found".into())?;
    client.close();
    pair.seen.saw_close(id).await;
    Broken::unless(sessions.find(id).is_none(), || "a closed session is still found".into())?;
    pair.session().map(drop)
}

async fn lost_link(pair: Pair) -> Result<(), Broken> {
    let client = pair.connect().await?;
    let id = client.session().id();
    let calling = tokio::spawn(client.run(Ask::new(1).then(Step::Hang)).without_timeout());
    pair.seen.saw(Seen::Started(1)).await;
    client.tap.cut();
    failed_with(calling.await?, Code::Unavailable, Ran::Maybe)?;
    let close = pair.seen.saw_close(id).await;
    Broken::unless_equal("code at the server", &close.code(), &CloseCode::LOST)?;
    pair.seen.saw(Seen::Dropped(1)).await;
    pair.client.echo("after another's loss".into()).await?;
    Ok(())
}

async fn push_to_gone(pair: Pair) -> Result<(), Broken> {
    let session = pair.session()?;
    pair.client.close();
    pair.seen.saw_close(session.id()).await;
    let refused = match session.try_push(pair.push(Note::new(1, 1, 10))) {
        Ok(()) => return Err(Broken::new("a push to a session that is gone was accepted")),
        Err(refused) => refused,
    };
    Broken::unless_equal("reason", &refused.reason, &PushError::Closed)?;
    Broken::unless_equal("path handed back", &refused.push.path(), &"Kit/Note")?;
    let waited = session.push(refused.push).await;
    Broken::unless_equal("push that waits", &waited, &Err(PushError::Closed))
}

/// Characters of an answer that is on its way for a while.
const LARGE: u32 = 600_000;
