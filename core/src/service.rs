//! Services as the runtime sees them: found by name, called with bytes, answered with bytes.

mod cancellation;
mod context;
mod layer;
mod router;
mod run;
mod table;

pub(crate) use cancellation::Cancellation;
pub use context::Context;
pub(crate) use context::inherited_deadline;
pub use layer::{CallRequest, Calls};
pub(crate) use router::{Route, Router};
pub(crate) use run::Runner;
pub use table::{CancelPolicy, Handling, MethodDescription, MethodOptions, Payload, ServiceTable};

use std::fmt::Debug;
use std::sync::Arc;

/// A registered service. Made by the code that `#[service]` generates, rarely written by hand.
pub trait Service: Debug + Send + Sync + 'static {
    /// Its name on the wire.
    fn name(&self) -> &str;

    /// Its methods, in the order of their index.
    fn methods(&self) -> &[MethodDescription];

    /// Calls the method at `method`. The future is polled once in place, and spawned only if it pends.
    fn call(self: Arc<Self>, method: usize, context: Context, payload: Payload) -> Handling;
}

const _: fn(&dyn Service) = |_| {}; // object safety, proved at compile time
