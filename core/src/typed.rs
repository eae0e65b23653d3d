//! What generated code is made of. Applications rarely name it.

pub use crate::client::{Caller, Client, Event, Method, OneWayMethod};
pub use crate::connection::NotificationRef;
pub use crate::push::{TypedPushing, push_typed, try_push_typed};
pub use crate::server::IntoService;
pub use crate::service::{
    CancelPolicy, HandlerSlot, Handling, MethodDescription, MethodOptions, Payload, RunPolicy, Service,
    ServiceTable, Shared,
};
pub use crate::stack::Stack;
pub use serde;
