//! Locks that a panic elsewhere does not take down.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. What these locks guard is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
