//! What a case waits for, so that one that hangs can say what did not come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the task of a case waits for at present.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits(Arc<Mutex<Vec<(u64, String)>>>);

tokio::task_local! {
    static WAITS: Waits;
}

/// Removes its entry when dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Option<(Waits, u64)>);

/// Notes, until the value is dropped, that the case waits for `what`. Does nothing in tasks of its own.
pub(crate) fn waiting(what: impl FnOnce() -> String) -> Waiting {
    let entered = WAITS.try_with(|waits| {
        let mut entries = waits.entries();
        let key = entries.last().map_or(0, |(last, _)| last + 1);
        entries.push((key, what()));
        (waits.clone(), key)
    });
    Waiting(entered.ok())
}

impl Waits {
    /// Runs a case that may wait.
    pub(crate) async fn scope<T>(&self, case: impl Future<Output = T>) -> T {
        WAITS.scope(self.clone(), case).await
    }

    /// What is waited for, or an empty text.
    pub(crate) fn describe(&self) -> String {
        self.entries().iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>().join(", and ")
    }

    fn entries(&self) -> MutexGuard<'_, Vec<(u64, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // no update can stop half-way
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((waits, key)) = &self.0 {
            waits.entries().retain(|(known, _)| known != key);
        }
    }
}
