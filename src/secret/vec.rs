//! Secrets on the heap.

use alloc::vec::Vec;
use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::ZeroizeOnDrop;

use super::wipe;
use crate::error::{Error, Result};

/// Secret bytes on the heap, their whole allocation wiped on drop.
///
/// It never grows, so that no copy is left in a freed block. It has no `Clone`, no `Deref`, no
/// `PartialEq` and no readable `Debug`; the bytes are reached through [`expose`](Self::expose) alone.
pub struct SecretVec {
    /// All bytes of the allocation that were ever written; those past `len` hold no part of the secret.
    bytes: Vec<u8>,
    len: usize,
}

impl SecretVec {
    /// Allocates `len` zero bytes to be overwritten.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when they cannot be had.
    pub(crate) fn zeroed(len: usize) -> Result<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
        bytes.resize(len, 0);
        Ok(Self { bytes, len })
    }

    /// Copies a slice.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when memory cannot be had.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        let mut secret = Self::zeroed(bytes.len())?;
        secret.bytes.copy_from_slice(bytes);
        Ok(secret)
    }

    /// Takes over a vector, so that it is wiped from now on. Earlier, smaller allocations of a vector
    /// that grew cannot be reached any more.
    #[must_use]
    pub fn from_vec(mut bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        // Spare capacity may hold what was truncated away; bring it within reach of the wiping.
        bytes.resize(bytes.capacity(), 0);
        Self { bytes, len }
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// Shortens what is exposed; the allocation stays and is wiped whole.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The secret bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Gives the bytes up to an ordinary vector, which nothing wipes.
    #[must_use]
    pub fn expose_into_vec(mut self) -> Vec<u8> {
        let mut bytes = core::mem::take(&mut self.bytes);
        wipe(&mut bytes[self.len..]);
        bytes.truncate(self.len);
        bytes
    }

    /// Number of bytes, which is not secret.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl ConstantTimeEq for SecretVec {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.expose().ct_eq(other.expose())
    }
}

impl Drop for SecretVec {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

impl ZeroizeOnDrop for SecretVec {}

impl fmt::Debug for SecretVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretVec({} bytes)", self.len)
    }
}

#[cfg(feature = "secrecy")]
impl From<SecretVec> for secrecy::SecretSlice<u8> {
    fn from(mut secret: SecretVec) -> Self {
        // `secrecy` boxes exactly the bytes it is given; a shorter copy is made where shrinking in
        // place would leave the tail of the old block unwiped.
        if secret.len == secret.bytes.len() && secret.bytes.capacity() == secret.len {
            Self::from(core::mem::take(&mut secret.bytes))
        } else {
            Self::from(secret.expose().to_vec())
        }
    }
}
