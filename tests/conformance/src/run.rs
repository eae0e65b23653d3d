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
    let case = async { promise.case(Pair::open(&stage, promise.settings()).await?).await };
    let limit = promise.limit();
    timeout(limit, case).await.unwrap_or_else(|_| Err(Broken::new(format!("did not end within {limit:?}"))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecs::CodecChoice;
    use crate::harness::Road;
    use crate::loopback::Loopback;
    use crate::plain::Plain;

    fn stage() -> Stage {
        let road = Road::new("loop", Loopback::new(), "loop://{n}");
        Stage::new(std::sync::Arc::new(road), CodecChoice::of::<(Plain,)>("plain").unwrap())
    }

    #[test]
    fn a_case_that_hangs_fails_at_once_on_a_paused_clock() {
        let hangs = Promise::new("hangs", "", async |_| std::future::pending().await);
        let broken = run(&hangs, &stage(), Clock::Paused).unwrap_err();
        assert_eq!(broken.to_string(), format!("did not end within {:?}", hangs.limit()));
    }

    #[test]
    fn a_case_that_panics_fails_with_its_message() {
        let panics = Promise::new("panics", "", async |_| std::panic::resume_unwind(Box::new("on purpose")));
        let broken = run(&panics, &stage(), Clock::Real).unwrap_err();
        assert_eq!(broken.to_string(), "panicked: on purpose");
    }
}
