//! The sessions of a server, by id.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Session, SessionId};

/// The sessions of one server at present. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions(pub(crate) Arc<Registry>);

impl Sessions {
    /// The session with this id.
    pub fn find(&self, id: SessionId) -> Option<Session> {
        self.0.read().get(&id).cloned()
    }

    /// Every session, as of now.
    pub fn iter(&self) -> impl Iterator<Item = Session> + use<> {
        self.0.read().values().cloned().collect::<Vec<_>>().into_iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.read().len()
    }

    /// True without sessions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Holds a session from the moment its connect hook said yes until its end. Bounded by the connection limit.
#[derive(Debug, Default)]
pub(crate) struct Registry(RwLock<HashMap<SessionId, Session>>);

impl Registry {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<SessionId, Session>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, session: Session) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(session.id(), session);
    }

    pub(crate) fn remove(&self, id: SessionId) {
        let removed = self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        drop(removed); // outside the lock: attributes are the application's
    }
}
