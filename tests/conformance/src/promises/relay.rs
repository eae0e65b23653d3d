//! Calls that handlers make to serve a call.

use std::time::Duration;

use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::values::{Ask, Step};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "a call inside a handler inherits its deadline",
            "A call that a handler makes ends with the call it serves, however long its own timeout is.",
            inherits_deadline,
        ),
        Promise::new(
            "giving up a call gives up those inside",
            "When a call is dropped, the calls that its handler waits for are dropped too.",
            inherits_cancel,
        )
        .of(&["I10"]),
    ]
}

async fn inherits_deadline(pair: Pair) -> Result<(), Broken> {
    pair.seen.relay_through(pair.connect().await?);
    let ask = Ask::new(1).then(Step::Deadline).then(Step::Relay);
    let answer = pair.client.run(ask).with_timeout(Duration::from_secs(7)).await?;
    let left: Vec<Option<u64>> = answer.text.split(' ').map(|left| left.parse().ok()).collect();
    let inherited = matches!(left.as_slice(), [Some(outer), Some(inner)] if 0 < *inner && inner <= outer);
    Broken::unless(inherited, || {
        format!("milliseconds left of 7000 in the handler, and in the one it called: {:?}", answer.text)
    })
}

async fn inherits_cancel(pair: Pair) -> Result<(), Broken> {
    pair.seen.relay_through(pair.connect().await?);
    for round in 0..4 {
        let (outer, inner) = (10 + round, 20 + round);
        let ask = Ask::new(outer.into()).then(Step::RelayHang(inner));
        let calling = tokio::spawn(pair.client.run(ask).without_timeout());
        pair.seen.saw(Seen::Started(inner.into())).await;
        calling.abort();
        pair.seen.saw(Seen::Dropped(outer.into())).await;
        pair.seen.saw(Seen::Dropped(inner.into())).await;
    }
    Ok(())
}
