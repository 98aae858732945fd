//! What a process has one of for each key, for as long as somebody holds it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use crate::lock::lock;

/// Values by their keys.
#[derive(Debug)]
pub(crate) struct Registry<K, V>(Mutex<BTreeMap<K, Weak<V>>>);

impl<K: Ord, V> Registry<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The value of `key`, which `make` makes if nobody holds one.
    pub(crate) fn get<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let mut values = lock(&self.0);
        values.retain(|_, value| value.strong_count() > 0);
        if let Some(value) = values.get(&key).and_then(Weak::upgrade) {
            return Ok(value);
        }
        let value = Arc::new(make()?);
        values.insert(key, Arc::downgrade(&value));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shared_as_long_as_somebody_holds_it() {
        let registry = Registry::new();
        let get = |key, value| registry.get(key, || Ok::<_, ()>(value)).unwrap_or_default();
        let one = get("a", 1);
        assert_eq!((*get("a", 2), *get("b", 3)), (1, 3));
        drop(one);
        assert_eq!(*get("a", 4), 4);
    }
}
