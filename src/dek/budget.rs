//! What one DEK may seal.

#[cfg(all(test, atrest_loom))]
mod models;

use crate::error::{Error, Result};
use crate::sync::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// How much one DEK may seal before another is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DekLimits {
    seals: u32,
    bytes: usize,
}

impl DekLimits {
    /// The limits of NIST SP 800-38D, 8.3, for random nonces: 2^32 - 1 seals here, one less than there. It sets no
    /// sum of bytes below what that many seals can hold; here the address space does.
    pub const NIST: Self = Self { seals: u32::MAX, bytes: usize::MAX };

    /// At most that many seals and, in sum, that many bytes of plaintext.
    #[must_use]
    pub const fn new(seals: u32, bytes: usize) -> Self {
        Self { seals, bytes }
    }

    /// Whether a new DEK could seal a plaintext of this length at all.
    pub(crate) const fn allow(&self, len: usize) -> bool {
        self.seals > 0 && self.bytes >= len
    }
}

impl Default for DekLimits {
    fn default() -> Self {
        Self::NIST
    }
}

/// What is left of the limits; what was taken is never given back.
#[derive(Debug)]
pub(super) struct DekBudget {
    limits: DekLimits,
    seals: AtomicU32,
    bytes: AtomicUsize,
    has_refused: AtomicBool,
}

impl DekBudget {
    pub(super) fn new(limits: DekLimits) -> Self {
        let (seals, bytes) = (AtomicU32::new(limits.seals), AtomicUsize::new(limits.bytes));
        Self { limits, seals, bytes, has_refused: AtomicBool::new(false) }
    }

    /// Takes one seal of that many bytes.
    pub(super) fn take(&self, len: usize) -> Result<()> {
        // Relaxed: the counters guard nothing but themselves. A seal that finds no bytes left is taken all the same.
        let seals = self.seals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let bytes = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(len));
        if seals.is_ok() && bytes.is_ok() {
            return Ok(());
        }
        self.has_refused.store(true, Ordering::Relaxed);
        Err(Error::SealsExhausted)
    }

    /// Refuses a plaintext that there is no room for; if a new DEK had room, it is time for one.
    #[cfg(feature = "kms")]
    pub(super) fn check(&self, len: usize) -> Result<()> {
        if self.has(len) {
            return Ok(());
        }
        if self.limits.allow(len) {
            self.has_refused.store(true, Ordering::Relaxed);
        }
        Err(Error::SealsExhausted)
    }

    pub(super) fn has(&self, len: usize) -> bool {
        self.seals.load(Ordering::Relaxed) > 0 && self.bytes.load(Ordering::Relaxed) >= len
    }

    /// Whether it is time for another DEK: a plaintext was refused, or no more than a sixteenth is left.
    pub(super) fn is_nearly_used_up(&self) -> bool {
        self.has_refused.load(Ordering::Relaxed)
            || self.seals.load(Ordering::Relaxed) <= self.limits.seals / 16
            || self.bytes.load(Ordering::Relaxed) <= self.limits.bytes / 16
    }
}
