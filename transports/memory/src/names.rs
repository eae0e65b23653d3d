//! The names of this process, and who listens on each.
//!
//! Process-wide on purpose, as ports are: a server and its clients need share nothing but the name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use linkspan_core::{Endpoint, Error, ErrorKind, Link};
use tokio::sync::mpsc;

use crate::Memory;

/// Who listens on a name, and how.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) arrivals: mpsc::Sender<Link>,
    pub(crate) memory: Memory,
    pub(crate) endpoint: Endpoint,
}

/// A taken name. Dropping it frees the name.
#[derive(Debug)]
pub(crate) struct Name(String);

impl Drop for Name {
    fn drop(&mut self) {
        let server = names().remove(&self.0);
        drop(server); // outside the lock
    }
}

/// Takes the name in the endpoint of `server` for it.
pub(crate) fn take(server: Server) -> Result<Name, Error> {
    let name = server.endpoint.host().to_owned();
    let mut names = names();
    if names.contains_key(&name) {
        return Err(Error::new(
            ErrorKind::AddressInUse,
            format!("mem://{name} is taken in this process; drop the other listener, or pick another name"),
        ));
    }
    if names.len() >= MAX_NAMES {
        return Err(Error::new(
            ErrorKind::AtCapacity,
            format!("{MAX_NAMES} names are taken in this process; drop listeners that are not needed"),
        ));
    }
    names.insert(name.clone(), server);
    Ok(Name(name))
}

/// Who listens on `name`.
pub(crate) fn find(name: &str) -> Option<Server> {
    names().get(name).cloned()
}

fn names() -> MutexGuard<'static, BTreeMap<String, Server>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner) // no update can stop half-way
}

static NAMES: Mutex<BTreeMap<String, Server>> = Mutex::new(BTreeMap::new());

/// Names taken at once. Chosen far above what tests of one process use, to bound a leak of listeners.
const MAX_NAMES: usize = 4096;
