//! Services as the runtime sees them: found by name, called with bytes, answered with bytes.

mod answers;
mod cancellation;
mod context;
mod habit;
mod handlers;
mod layer;
mod lookout;
mod router;
mod run;
mod slot;
mod table;
mod task;

pub(crate) use answers::Answers;
pub(crate) use cancellation::Cancellation;
pub use context::Context;
pub(crate) use context::inherited_deadline;
pub(crate) use handlers::Handlers;
pub use layer::{CallRequest, Calls};
pub(crate) use router::{Route, Router};
pub(crate) use run::Runner;
pub use slot::HandlerSlot;
pub use table::{
    CancelPolicy, Handling, MethodDescription, MethodOptions, Payload, RunPolicy, ServiceTable, Shared,
};

use std::fmt::Debug;
use std::sync::Arc;

/// A registered service. Made by the code that `#[service]` generates, rarely written by hand.
pub trait Service: Debug + Send + Sync + 'static {
    /// Its name on the wire.
    fn name(&self) -> &str;

    /// Its methods, in the order of their index.
    fn methods(&self) -> &[MethodDescription];

    /// Calls the method at `method`.
    fn call(self: Arc<Self>, method: usize, context: Context, payload: Payload) -> Handling;

    /// A place that runs calls of the method at `method` one after the other, and keeps the box of one for the next. Without
    /// it, each is boxed by [`call`](Self::call).
    fn slot(&self, method: usize) -> Option<HandlerSlot> {
        let _ = method;
        None
    }
}

const _: fn(&dyn Service) = |_| {}; // object safety, proved at compile time
