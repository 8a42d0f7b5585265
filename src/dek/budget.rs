//! What one DEK may seal.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::error::{Error, Result};

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
    seals: AtomicU32,
    bytes: AtomicUsize,
}

impl DekBudget {
    pub(super) const fn new(limits: DekLimits) -> Self {
        Self { seals: AtomicU32::new(limits.seals), bytes: AtomicUsize::new(limits.bytes) }
    }

    /// Takes one seal of that many bytes.
    pub(super) fn take(&self, len: usize) -> Result<()> {
        // Relaxed: the counters guard nothing but themselves. A seal that finds no bytes left is taken all the same.
        let seals = self.seals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let bytes = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(len));
        if seals.is_ok() && bytes.is_ok() { Ok(()) } else { Err(Error::SealsExhausted) }
    }

    pub(super) fn has(&self, len: usize) -> bool {
        self.seals.load(Ordering::Relaxed) > 0 && self.bytes.load(Ordering::Relaxed) >= len
    }
}
