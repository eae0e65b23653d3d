//! Runs one case, on a runtime and a clock of its own, within bounds.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::broken::Broken;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::stage::Stage;
use crate::waits::Waits;
use crate::wire::kind_name;

/// Which time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// None but what is waited for: what hangs fails at once. Only for roads within the process.
    Paused,
    /// The machine's.
    Real,
}

/// Holds `promise` against a new pair on `stage`.
pub(crate) fn run(promise: &Promise, stage: &Stage, clock: Clock) -> Result<(), Broken> {
    let hard_limit = promise.limit() + GRACE;
    let (promise, stage) = (promise.clone(), stage.clone());
    let (sender, receiver) = sync_channel(1);
    // A thread of its own, since what never yields can be bounded in no other way.
    let case = std::thread::Builder::new().name(promise.name().to_owned()).spawn(move || {
        // As a task, for what a runtime blocks on may wait for its turn longer than tasks do.
        let result = runtime(clock).map(|runtime| runtime.block_on(runtime.spawn(within(promise, stage))));
        let _ = sender.send(result);
    })?;
    match receiver.recv_timeout(hard_limit) {
        Ok(result) => {
            let _ = case.join();
            match result?.map_err(JoinError::try_into_panic) {
                Ok(result) => result,
                Err(Ok(panic)) => Err(Broken::new(format!("panicked: {}", message(&*panic)))),
                Err(Err(error)) => Err(error.into()),
            }
        }
        Err(RecvTimeoutError::Disconnected) => Err(Broken::new("the case vanished")),
        Err(RecvTimeoutError::Timeout) => Err(Broken::new(format!("never yielded in {hard_limit:?}"))),
    }
}

async fn within(promise: Promise, stage: Stage) -> Result<(), Broken> {
    let limit = promise.limit();
    let opening = timeout(limit, Pair::open(&stage, promise.settings())).await;
    let pair = opening.map_err(|_| Broken::new(format!("no client was connected within {limit:?}")))??;
    let (seen, session, tap) = (pair.seen.clone(), pair.client.session().clone(), pair.client.tap.clone());
    let waits = Waits::default();
    let case = waits.scope(promise.case(pair));
    tokio::pin!(case);
    match timeout(limit, &mut case).await {
        Ok(result) => result,
        // Before the case is dropped, for what it waits for is known only until then.
        Err(_) => {
            let mut why = format!("did not end within {limit:?}");
            let log: Vec<_> = seen.log().iter().map(|seen| format!("{seen:?}")).collect();
            let frames: Vec<_> = tap.received().iter().map(|frame| kind_name(frame.kind)).collect();
            for (what, facts) in [
                ("waiting for", waits.describe()),
                ("seen at the server last", last(&log)),
                ("received by the first client last", last(&frames)),
                ("its calls in flight", session.in_flight().to_string()),
                ("its close", session.close_reason().map_or(String::new(), |close| close.to_string())),
            ] {
                if !facts.is_empty() {
                    why.push_str(&format!("; {what}: {facts}"));
                }
            }
            Err(Broken::new(why))
        }
    }
}

/// The end of a list, for a person.
fn last(all: &[String]) -> String {
    all.get(all.len().saturating_sub(MAX_SHOWN)..).unwrap_or_default().join(", ")
}

fn runtime(clock: Clock) -> Result<Runtime, Broken> {
    let runtime = match clock {
        Clock::Paused => Builder::new_current_thread().enable_all().start_paused(true).build()?,
        Clock::Real => Builder::new_multi_thread().worker_threads(2).enable_all().build()?,
    };
    Ok(runtime)
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("with something that is no text")
}

/// What a case that never yields to its own clock gets of the machine's, beyond its limit.
const GRACE: Duration = Duration::from_secs(20);
/// Events named when a case hangs.
const MAX_SHOWN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecs::CodecChoice;
    use crate::harness::Road;
    use crate::loopback::Loopback;
    use crate::observer::Seen;
    use crate::plain::Plain;
    use crate::values::Ask;

    fn stage() -> Stage {
        let road = Road::new("loop", Loopback::new(), "loop://{n}");
        Stage::new(std::sync::Arc::new(road), CodecChoice::of::<(Plain,)>("plain").unwrap())
    }

    #[test]
    fn a_case_that_hangs_fails_at_once_on_a_paused_clock() {
        let hangs = Promise::new("hangs", "", async |pair| {
            pair.client.run(Ask::new(7)).await?;
            pair.seen.saw(Seen::Dropped(7)).await;
            Ok(())
        });
        let why = run(&hangs, &stage(), Clock::Paused).unwrap_err().to_string();
        assert!(why.starts_with(&format!("did not end within {:?}", hangs.limit())), "{why}");
        for fact in ["waiting for: Dropped(7) at the server", "Started(7), Finished(7)", "HELLO, RESPONSE"] {
            assert!(why.contains(fact), "{why}");
        }
    }

    #[test]
    fn a_case_that_panics_fails_with_its_message() {
        let panics = Promise::new("panics", "", async |_| std::panic::resume_unwind(Box::new("on purpose")));
        let broken = run(&panics, &stage(), Clock::Real).unwrap_err();
        assert_eq!(broken.to_string(), "panicked: on purpose");
    }
}
