//! Mutexes of plain values, which a panic elsewhere leaves as good as they were.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for the value.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
