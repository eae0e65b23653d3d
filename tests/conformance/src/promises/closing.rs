//! What a close says, whatever it says.

use linkspan_core::{Close, CloseCode};

use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::values::{Ask, Step};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "every close code arrives intact",
            "Codes of every verdict and of none, known or not, arrive as they were given, from either side.",
            every_code,
        )
        .of(&["I6"]),
        Promise::new(
            "every reason of a close arrives whole",
            "Reasons from none to the longest arrive unchanged, from either side; a longer one is cut at a character.",
            every_reason,
        )
        .of(&["I6"]),
        Promise::new(
            "the connect hook precedes every call",
            "No handler begins before the connect hook admitted its client.",
            hook_precedes_calls,
        )
        .of(&["I1"]),
    ]
}

async fn every_code(pair: Pair) -> Result<(), Broken> {
    for number in [0, 999, 1001, 2042, 3999, 4000, u16::MAX] {
        arrives_both_ways(&pair, &Close::new(CloseCode::from_number(number), "one of many")).await?;
    }
    Ok(())
}

async fn every_reason(pair: Pair) -> Result<(), Broken> {
    let longest = "x".repeat(Close::MAX_REASON_LEN);
    for reason in [String::new(), longest, "é".repeat(61), "☃".repeat(100)] {
        arrives_both_ways(&pair, &Close::new(CloseCode::from_number(1234), reason)).await?;
    }
    Ok(())
}

/// Closes two clients with `close`, one from each side.
async fn arrives_both_ways(pair: &Pair, close: &Close) -> Result<(), Broken> {
    let client = pair.connect().await?;
    pair.session_of(&client)?.close(close.clone());
    let arrived = client.session().closed().await;
    Broken::unless_equal("close by the server, at the client", &arrived, close)?;
    Broken::unless_equal("its verdict", &arrived.code().verdict(), &close.code().verdict())?;
    let client = pair.connect().await?;
    client.session().close(close.clone());
    let arrived = pair.seen.saw_close(client.session().id()).await;
    Broken::unless_equal("close by the client, in the hook", &arrived, close)
}

async fn hook_precedes_calls(pair: Pair) -> Result<(), Broken> {
    for round in 1..7 {
        let client = pair.connect().await?;
        let id = client.session().id();
        for call in 0..3 {
            client.run(Ask::new(round * 10 + call).then(Step::Yield)).await?;
        }
        client.tell(Ask::new(round * 10 + 3)).await?;
        pair.seen.saw(Seen::Finished(round * 10 + 3)).await;
        let log = pair.seen.log();
        let admitted = log.iter().position(|seen| *seen == Seen::Connected(id));
        let began = log.iter().position(|seen| matches!(seen, Seen::Started(call) if call / 10 == round));
        Broken::unless(admitted.is_some() && admitted < began, || {
            format!(
                "client {round} was admitted at {admitted:?} of the log, and its first call began at {began:?}"
            )
        })?;
    }
    Ok(())
}
