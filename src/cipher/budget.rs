//! A count that is shared and never given back.

#[cfg(all(test, atrest_loom))]
mod models;

use crate::error::{Error, Result};
use crate::sync::{AtomicU32, Ordering};

/// How many values a key may still seal. A counter of 32 bits is all it takes, and every
/// microcontroller with atomics has it.
#[derive(Debug)]
pub(super) struct SealBudget {
    left: AtomicU32,
}

impl SealBudget {
    pub(super) fn new(seals: u32) -> Self {
        Self { left: AtomicU32::new(seals) }
    }

    /// Takes one seal; what was taken is never given back.
    pub(super) fn take(&self) -> Result<()> {
        // Relaxed: the counter guards nothing but itself.
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_or(Err(Error::SealsExhausted), |_| Ok(()))
    }

    pub(super) fn left(&self) -> u32 {
        self.left.load(Ordering::Relaxed)
    }

    pub(super) fn set_left(&self, seals: u32) {
        self.left.store(seals, Ordering::Relaxed);
    }
}
