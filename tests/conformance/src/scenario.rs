//! The central case: random scenarios whose every observer sees the same on every road.
//!
//! A scenario is made so that what each observer sees is determined: what a call brought, what its handler went
//! through, the notes of one source, the hooks of one connection. Across observers nothing is promised. So one trace is
//! right on every road, and it is known before anything runs.

mod play;
mod script;
mod trace;

use crate::broken::Broken;
use crate::pair::{Pair, Settings};
use crate::promise::Promise;
use script::Script;

pub(crate) fn promise() -> Promise {
    Promise::new(
        "random scenarios have one trace",
        "Seeded scenarios of calls, errors, pushes, cancels and closes look the same to each observer on every road.",
        equal_traces,
    )
    .of(&["I7", "I8", "I10", "I13", "I14", "I46"])
    .client(|limits| limits.with_max_event_buffer_len(64 << 20).with_max_event_buffer_messages(1 << 20))
}

async fn equal_traces(pair: Pair) -> Result<(), Broken> {
    let settings: Settings = pair.settings().clone();
    for seed in 0..pair.stage().seeds {
        let script = Script::new(seed, pair.stage().steps);
        let pair = Pair::open(pair.stage(), settings.clone()).await?;
        let seen = play::play(&pair, &script)
            .await
            .map_err(|broken| Broken::new(format!("seed {seed}: {broken}")))?;
        script.trace().compare(&seen).map_err(|broken| Broken::new(format!("seed {seed}: {broken}")))?;
    }
    Ok(())
}
