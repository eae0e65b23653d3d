//! Who is told, and how: the publishing half of every contender whose library has none.

use std::sync::{Arc, Mutex as Lock, PoisonError};

use tokio::sync::Mutex;

use crate::Failure;

/// One subscriber, at the server.
pub(crate) trait Outlet: Clone + Send + Sync + 'static {
    /// A note, encoded once for all subscribers as far as the library lets us.
    type Note: Send + Sync;

    /// The note for so many subscribers, of which this is one.
    fn encode(&self, sequence: u64, subscribers: usize) -> Self::Note;
    /// Hands `note` over, waiting while too many wait.
    fn deliver(&self, note: &Self::Note) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Subscribers, and the next note's place in the sequence.
#[derive(Debug)]
pub(crate) struct Topic<O>(Arc<Inner<O>>);

#[derive(Debug)]
struct Inner<O> {
    outlets: Lock<Arc<Vec<O>>>,
    sequence: Mutex<u64>,
}

impl<O> Clone for Topic<O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<O> Default for Topic<O> {
    fn default() -> Self {
        Self(Arc::new(Inner { outlets: Lock::default(), sequence: Mutex::default() }))
    }
}

impl<O: Outlet> Topic<O> {
    pub(crate) fn subscribe(&self, outlet: O) {
        let mut outlets = self.0.outlets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut outlets).push(outlet);
    }

    /// Publishes until a subscriber leaves.
    pub(crate) fn flow(&self) {
        let topic = self.clone();
        tokio::spawn(async move { while topic.step().await.is_ok() {} });
    }

    /// Publishes one note.
    pub(crate) async fn step(&self) -> Result<(), Failure> {
        let mut sequence = self.0.sequence.lock().await;
        let outlets = self.0.outlets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let note = outlets.first().ok_or("nobody has subscribed")?.encode(*sequence, outlets.len());
        for outlet in outlets.iter() {
            outlet.deliver(&note).await?;
        }
        *sequence += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Lock<Vec<u64>>>);

    impl Outlet for Heard {
        type Note = u64;

        fn encode(&self, sequence: u64, _: usize) -> u64 {
            sequence
        }

        async fn deliver(&self, note: &u64) -> Result<(), Failure> {
            let mut heard = self.0.lock().unwrap();
            if heard.len() == 3 {
                return Err("had enough".into());
            }
            heard.push(*note);
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_subscriber_hears_every_note_in_order() {
        let (topic, heard) = (Topic::default(), [Heard::default(), Heard::default()]);
        assert!(topic.step().await.is_err());
        for outlet in &heard {
            topic.subscribe(outlet.clone());
        }
        while topic.step().await.is_ok() {}
        for outlet in &heard {
            assert_eq!(*outlet.0.lock().unwrap(), [0, 1, 2]);
        }
    }
}
