//! Runs one case, on a runtime and a clock of its own, within bounds.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
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
    let (promise, stage) = (promise.clone(), stage.clone());
    let (sender, receiver) = sync_channel(1);
    // A thread of its own, since what never yields can be bounded in no other way.
    let case = std::thread::Builder::new().name(promise.name().to_owned()).spawn(move || {
        let result = runtime(clock).and_then(|runtime| runtime.block_on(within(&promise, &stage)));
        let _ = sender.send(result);
    })?;
    match receiver.recv_timeout(HARD_LIMIT) {
        Ok(result) => {
            let _ = case.join();
            result
        }
        Err(RecvTimeoutError::Disconnected) => Err(Broken::new(match case.join() {
            Ok(()) => "the case vanished".to_owned(),
            Err(panic) => format!("panicked: {}", message(&*panic)),
        })),
        Err(RecvTimeoutError::Timeout) => Err(Broken::new(format!("never yielded in {HARD_LIMIT:?}"))),
    }
}

async fn within(promise: &Promise, stage: &Stage) -> Result<(), Broken> {
    let case = async { promise.case(Pair::open(stage, promise.settings()).await?).await };
    timeout(LIMIT, case).await.unwrap_or_else(|_| Err(Broken::new(format!("did not end within {LIMIT:?}"))))
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

/// Time for a case. Far more than any needs: it bounds what hangs.
const LIMIT: Duration = Duration::from_secs(10);
/// The machine's time for a case that never yields to its own clock.
const HARD_LIMIT: Duration = Duration::from_secs(60);
