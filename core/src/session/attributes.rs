//! What an application keeps with a session, by type.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A tree, since an empty one is half as large as a hash map, and few have many.
#[derive(Default)]
pub(crate) struct Attributes(RwLock<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Attributes {
    pub(crate) fn set<T: Any + Send + Sync>(&self, value: T) {
        let before = {
            let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
            map.insert(TypeId::of::<T>(), Arc::new(value))
        };
        drop(before); // outside the lock: it may be the application's code
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.get(&TypeId::of::<T>()).cloned().and_then(|value| value.downcast().ok())
    }
}
