//! The sessions of a server, by id.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Session, SessionId};

/// The sessions of one server at present. Cheap to clone.
///
/// It is a [`PushSink`](crate::PushSink) too: what is pushed into it goes to every session of that moment, encoded once
/// per codec, and waits for none of them. [`broadcast`](Self::broadcast) says how many it reached.
#[derive(Clone, Debug)]
pub struct Sessions(pub(crate) Arc<Registry>);

impl Sessions {
    /// The session with this id.
    pub fn find(&self, id: SessionId) -> Option<Session> {
        self.0.read().map.get(&id).cloned()
    }

    /// Every session, as of now.
    pub fn iter(&self) -> impl Iterator<Item = Session> + use<> {
        let list = self.list();
        (0..list.len()).filter_map(move |index| list.get(index).cloned())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.read().map.len()
    }

    /// True without sessions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every session, as of now, in one piece that is shared until one comes or goes.
    pub(crate) fn list(&self) -> Arc<[Session]> {
        if let Some(list) = &self.0.read().list {
            return list.clone();
        }
        let mut known = self.0.write();
        let Known { map, list } = &mut *known;
        list.get_or_insert_with(|| map.values().cloned().collect()).clone()
    }
}

/// Holds a session from the moment its connect hook said yes until its end. Bounded by the connection limit.
#[derive(Debug, Default)]
pub(crate) struct Registry(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    map: HashMap<SessionId, Session>,
    /// The same sessions in a row, if somebody asked for it since one came or went.
    list: Option<Arc<[Session]>>,
}

impl Registry {
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, session: Session) {
        let mut known = self.write();
        let list = known.list.take();
        known.map.insert(session.id(), session);
        drop(known);
        drop(list);
    }

    pub(crate) fn remove(&self, id: SessionId) {
        let mut known = self.write();
        let removed = (known.list.take(), known.map.remove(&id));
        drop(known);
        drop(removed); // outside the lock: attributes are the application's
    }
}
