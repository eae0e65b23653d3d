//! Every promise of the kit, by what it is about.

mod bodies;
mod calls;
mod cancel;
mod closing;
mod codec;
mod encoding;
mod facts;
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
        about("How connections begin", facts::promises()),
        about("How connections begin", handshake::promises()),
        about("How connections begin", hellos::promises()),
        about("How connections end", lifecycle::promises()),
        about("How connections end", closing::promises()),
        about("How connections end", shutdown::promises()),
        about("Calls", calls::promises()),
        about("Calls that fail", failures::promises()),
        about("Peers that break the protocol", violations::promises()),
        about("Calls that are given up", cancel::promises()),
        about("Calls that are given up", giving_up::promises()),
        about("Calls inside calls", relay::promises()),
        about("Bodies of every size", bodies::promises()),
        about("Bodies of every size", lanes::promises()),
        about("Limits", limits::promises()),
        about("Limits", peers::promises()),
        about("Pushes", push::promises()),
        about("Pushes", encoding::promises()),
        about("Pushes that are too much", overflow::promises()),
        about("Codecs", codec::promises()),
        about("The central case", vec![scenario::promise()]),
    ]
    .concat()
}

fn about(subject: &'static str, promises: Vec<Promise>) -> Vec<Promise> {
    promises.into_iter().map(|promise| promise.about(subject)).collect()
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
