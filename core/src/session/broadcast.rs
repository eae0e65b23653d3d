//! One push to many sessions.

use std::sync::Arc;

use super::pushing::Prepared;
use super::{Session, Sessions};
use crate::rouse::rouse_all;
use crate::{Push, PushError, PushSink, Pushing, Refused};

/// Sessions that were picked, to push to them together. Cheap to clone.
///
/// It is a [`PushSink`](crate::PushSink), as [`Sessions`] is. Those that ended are passed over.
///
/// ```
/// # use linkspan_core::{PushError, Push, Selection, Sessions};
/// # fn example(sessions: &Sessions) -> Result<(), PushError> {
/// struct Admin;
///
/// let admins: Selection =
///     sessions.iter().filter(|session| session.attribute::<Admin>().is_some()).collect();
/// admins.broadcast(&Push::raw("Log", "Line", "started"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Selection(Arc<[Session]>);

/// How far a broadcast got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// Sessions that took the push.
    pub taken: usize,
    /// Sessions that did not take it, since their outbox was full or it is too large for them. Their clients find a
    /// [`Gap`](crate::Gap) in its place.
    pub missed: usize,
    /// Sessions that had ended.
    pub closed: usize,
}

impl Sessions {
    /// Pushes to every session of now, and waits for none: a session whose outbox is full misses the push.
    ///
    /// # Errors
    /// [`PushError::Encode`] if the value cannot be encoded in the codec of one of them; nobody is pushed to then.
    pub fn broadcast(&self, push: &Push) -> Result<Reach, PushError> {
        broadcast(&self.list(), push)
    }
}

impl Selection {
    /// Pushes to all of them, and waits for none: a session whose outbox is full misses the push.
    ///
    /// # Errors
    /// As [`Sessions::broadcast`].
    pub fn broadcast(&self, push: &Push) -> Result<Reach, PushError> {
        broadcast(&self.0, push)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.0.iter()
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if none was picked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Session> for Selection {
    fn from_iter<I: IntoIterator<Item = Session>>(sessions: I) -> Self {
        Self(sessions.into_iter().collect())
    }
}

impl PushSink for Sessions {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        try_push(&self.list(), push)
    }

    /// Never waits.
    fn push(&self, push: Push) -> Pushing<'_> {
        Box::pin(async move { Ok(self.try_push(push)?) })
    }
}

impl PushSink for Selection {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        try_push(&self.0, push)
    }

    /// Never waits.
    fn push(&self, push: Push) -> Pushing<'_> {
        Box::pin(async move { Ok(self.try_push(push)?) })
    }
}

fn try_push(sessions: &[Session], push: Push) -> Result<(), Refused> {
    match broadcast(sessions, &push) {
        Ok(_) => Ok(()),
        Err(reason) => Err(Refused { push, reason }),
    }
}

/// Encodes for every codec first, so that nobody was pushed to if that fails.
fn broadcast(sessions: &[Session], push: &Push) -> Result<Reach, PushError> {
    let mut encodings = Encodings::default();
    for session in sessions {
        encodings.prepare(session, push)?;
    }
    let mut reach = Reach::default();
    rouse_all(|| {
        for session in sessions {
            let Some(prepared) = encodings.find(session) else { continue }; // each was prepared
            let pushed = session.with_frame(|state| {
                let pushed = prepared.offer(push, &mut state.connection);
                state.connection.or_missed(pushed)
            });
            match pushed {
                Ok(true) => reach.taken += 1,
                Ok(false) => reach.missed += 1,
                Err(_) => reach.closed += 1,
            }
        }
    });
    Ok(reach)
}

/// What one push is for the sessions it goes to, by codec.
#[derive(Default)]
struct Encodings<'a>(Vec<(&'static str, Prepared<'a>)>);

impl<'a> Encodings<'a> {
    fn find(&self, session: &Session) -> Option<&Prepared<'a>> {
        let codec = session.codec();
        let mut known = self.0.iter();
        known.find(|(name, _)| std::ptr::eq(*name, codec) || *name == codec).map(|(_, prepared)| prepared)
    }

    /// Sees to it that there is one for `session`. One that takes no pushes is refused.
    fn prepare(&mut self, session: &Session, push: &'a Push) -> Result<(), PushError> {
        if !session.takes_pushes() || self.find(session).is_none() {
            self.0.push((session.codec(), Prepared::new(session, push, true)?));
        }
        Ok(())
    }
}
