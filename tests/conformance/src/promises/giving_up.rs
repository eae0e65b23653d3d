//! What giving a call up leaves behind: nothing.

use linkspan_core::{CallError, Code};

use super::cancel::freed;
use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::values::{Ask, Step};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "the place of a given-up call is free again",
            "With room for one call only, a call may follow one that was dropped, again and again.",
            place_is_free,
        )
        .of(&["I10"])
        .server(|limits| limits.with_max_in_flight(1)),
        Promise::new(
            "an answer to a given-up call reaches nobody",
            "What a handler answers after its call was dropped is not taken for the answer of the next one.",
            late_answer,
        )
        .of(&["I7", "I10"])
        .server(|limits| limits.with_max_in_flight(1)),
        Promise::new(
            "giving up every call at once is no flood",
            "A client may drop more than a hundred calls in flight at once; its connection lives.",
            drops_everything,
        )
        .of(&["I10"])
        .server(|limits| limits.with_max_in_flight(160).with_max_cancels_per_second(10)),
    ]
}

async fn place_is_free(pair: Pair) -> Result<(), Broken> {
    for id in 0..10 {
        let calling = tokio::spawn(pair.client.run(Ask::new(id).then(Step::Hang)).without_timeout());
        pair.seen.saw(Seen::Started(id)).await;
        calling.abort();
        pair.seen.saw(Seen::Dropped(id)).await;
        next_call(&pair, &format!("behind call {id}")).await?;
    }
    Ok(())
}

/// Calls until there is a place: that of a given-up call is free once the server's last word on it came.
async fn next_call(pair: &Pair, text: &str) -> Result<(), Broken> {
    for _ in 0..MAX_CALLS {
        match pair.client.echo(text.to_owned()).await {
            Ok(echoed) => return Broken::unless_equal("the next call's answer", &echoed.as_str(), &text),
            Err(CallError::Status(status)) if status.code() == Code::ResourceExhausted => {
                tokio::task::yield_now().await; // refused on this side, without a round trip
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Broken::new("the place of a given-up call stays taken"))
}

async fn late_answer(pair: Pair) -> Result<(), Broken> {
    for id in 0..10 {
        let ask = Ask::new(id).then(Step::AwaitCancel).then(Step::Answer(100));
        let calling = tokio::spawn(pair.client.run_token(ask).without_timeout());
        pair.seen.saw(Seen::Started(id)).await;
        calling.abort();
        pair.seen.saw(Seen::Finished(id)).await;
        next_call(&pair, &format!("behind call {id}")).await?;
    }
    Ok(())
}

async fn drops_everything(pair: Pair) -> Result<(), Broken> {
    let call = |id| pair.client.run(Ask::new(id).then(Step::Hang)).without_timeout();
    let calls: Vec<_> = (0..128).map(|id| tokio::spawn(call(id))).collect();
    for id in 0..128 {
        pair.seen.saw(Seen::Started(id)).await;
    }
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    for id in 0..128 {
        pair.seen.saw(Seen::Dropped(id)).await;
    }
    freed(&pair).await
}

/// Attempts until a place must be free.
const MAX_CALLS: usize = 100_000;
