//! Every promise of the kit, by what it is about.

mod bodies;
mod calls;
mod cancel;
mod closing;
mod codec;
mod encoding;
mod failures;
mod giving_up;
mod handshake;
mod hellos;
mod lanes;
mod lifecycle;
mod limits;
mod overflow;
mod peers;
mod push;
mod relay;
mod shutdown;
mod violations;

use linkspan_core::{CallError, Code, Ran};

use crate::broken::Broken;
use crate::promise::Promise;
use crate::scenario;

/// Every promise, in the order of the matrix.
pub fn promises() -> Vec<Promise> {
    [
        handshake::promises(),
        hellos::promises(),
        lifecycle::promises(),
        closing::promises(),
        shutdown::promises(),
        calls::promises(),
        failures::promises(),
        violations::promises(),
        cancel::promises(),
        giving_up::promises(),
        relay::promises(),
        bodies::promises(),
        lanes::promises(),
        limits::promises(),
        peers::promises(),
        push::promises(),
        encoding::promises(),
        overflow::promises(),
        codec::promises(),
        vec![scenario::promise()],
    ]
    .concat()
}

/// Checks that a call ended with the framework's `code`, and with `ran`.
fn failed_with<T, E: std::fmt::Display>(
    result: Result<T, CallError<E>>,
    code: Code,
    ran: Ran,
) -> Result<(), Broken> {
    match result {
        Ok(_) => Err(Broken::new(format!("a call was answered that must end with {code} ({ran})"))),
        Err(CallError::Status(status)) if status.code() == code && status.ran() == ran => Ok(()),
        Err(error) => {
            Err(Broken::new(format!("a call must end with {code} ({ran}), and ended with: {error}")))
        }
    }
}
