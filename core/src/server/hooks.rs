//! What an application does when clients come and go.

use std::future::Future;
use std::pin::Pin;

use crate::{Close, Session};

pub(crate) type Connecting = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The hooks of a server. Called outside every lock.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) connect: Option<Box<dyn Fn(Session) -> Connecting + Send + Sync>>,
    pub(crate) close: Option<Box<dyn Fn(Session, Close) + Send + Sync>>,
}
