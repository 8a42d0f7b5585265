//! Where nonces and keys come from: a fallible trait, the operating system's source, and a pooled
//! source for nonces.

#[cfg(feature = "rand_core")]
mod adapter;
#[cfg(all(feature = "rand_core", feature = "getrandom"))]
mod generator;
#[cfg(feature = "getrandom")]
mod os;
#[cfg(feature = "pool")]
mod pool;

#[cfg(feature = "rand_core")]
pub use adapter::RandCore;
#[cfg(feature = "getrandom")]
pub use os::OsRandom;
#[cfg(feature = "pool")]
pub use pool::PooledRandom;

use core::fmt;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// A source of cryptographically secure random bytes that may fail.
///
/// # Security
/// Every nonce of this crate comes from here. A source that repeats itself under one key destroys the
/// confidentiality of aesgcm and secretbox values, and for aesgcm the key's integrity too.
pub trait Random {
    /// Overwrites the whole of `out` with fresh random bytes.
    ///
    /// # Errors
    /// [`RandomError`] if that is not possible; `out` may then hold anything and is not used.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError>;
}

impl<R: Random + ?Sized> Random for &mut R {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        (**self).fill(out)
    }
}

/// A source that may make keys, not only nonces.
///
/// The pooled source is none: keys come from the operating system or from a source whose author vouches
/// for it by this marker.
pub trait KeySource: Random {}

impl<R: KeySource + ?Sized> KeySource for &mut R {}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Error::Random.fmt(f)
    }
}

impl core::error::Error for RandomError {}

impl From<RandomError> for Error {
    fn from(_: RandomError) -> Self {
        Self::Random
    }
}

impl<const N: usize> Secret<N> {
    /// Generates a secret from the operating system's random source.
    ///
    /// # Errors
    /// [`Error::Random`] if the source fails.
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self> {
        Self::generate_with(&mut OsRandom)
    }

    /// Generates a secret from a source that may make keys.
    ///
    /// # Errors
    /// [`Error::Random`] if the source fails.
    pub fn generate_with(rng: &mut dyn KeySource) -> Result<Self> {
        Self::try_build(|secret| Ok(rng.fill(secret)?))
    }
}

/// The source that the calls without one use: pooled where that is built, else the operating system's.
#[cfg(all(feature = "alloc", feature = "getrandom"))]
pub(crate) fn default_source() -> impl Random {
    #[cfg(feature = "pool")]
    return PooledRandom;
    #[cfg(not(feature = "pool"))]
    OsRandom
}
