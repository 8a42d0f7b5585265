//! Bytes that are wiped when they are dropped. No cipher and no policy lives here.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::base64;
use crate::error::Result;

mod stack;
#[cfg(feature = "alloc")]
mod vec;

pub(crate) use stack::{KEY_STACK, stack_wiped};
#[cfg(any(feature = "aescbc", feature = "aesgcm", all(feature = "secretbox", target_arch = "x86_64")))]
pub(crate) use stack::{Spills, stack_wiped_after};
#[cfg(feature = "alloc")]
pub use vec::SecretVec;

/// A secret of exactly `N` bytes, wiped on drop.
///
/// It has no `Clone`, no `Deref`, no `PartialEq` and no readable `Debug`; the bytes are reached through
/// [`expose`](Self::expose) alone. Compare two secrets with [`ConstantTimeEq`].
///
/// # Security
/// Moving a value in Rust may leave a copy of its bytes where it was, and that copy is not wiped. Pass secrets by
/// reference; expand them into a key, which is not moved, as soon as possible.
///
/// # Example
/// ```
/// use atrest::Secret;
///
/// let key = Secret::<4>::from_base64("3q2+7w==")?;
/// assert_eq!(key.expose(), &[0xde, 0xad, 0xbe, 0xef]);
/// assert_eq!(format!("{key:?}"), "Secret<4>(..)");
/// # Ok::<(), atrest::Error>(())
/// ```
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Builds the secret in place: `fill` receives `N` zero bytes to overwrite. With the feature `std` the part of the
    /// stack that it used is wiped.
    ///
    /// # Errors
    /// Whatever `fill` returns; what it had written is wiped.
    pub fn try_build<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        stack_wiped::<KEY_STACK, _>(|| Self::build(fill))
    }

    /// As [`try_build`](Self::try_build), for what is derived for each value: the stack is left as it is.
    pub(crate) fn build<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self([0; N]);
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// Builds the secret in a block of the heap, so that it never lies on the stack.
    ///
    /// # Errors
    /// Whatever `fill` returns; what it had written is wiped.
    #[cfg(feature = "envelope")]
    pub(crate) fn boxed<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<alloc::boxed::Box<Self>, E> {
        let mut secret = alloc::boxed::Box::new(Self([0; N]));
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// Copies the secret from a slice of exactly `N` bytes.
    ///
    /// # Errors
    /// [`Error::KeyLength`](crate::Error::KeyLength) for any other length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        Self::try_build(|secret| {
            if bytes.len() != N {
                return Err(crate::Error::KeyLength { len: bytes.len() });
            }
            secret.copy_from_slice(bytes);
            Ok(())
        })
    }

    /// Decodes the secret from standard base64, as Kubernetes does in its configuration: padding is
    /// required, line breaks are ignored, and unused bits of the last character may have any value.
    ///
    /// The time depends on where line breaks and padding stand, not on the other symbols.
    ///
    /// # Errors
    /// [`Error::Base64`](crate::Error::Base64) for text that is not base64,
    /// [`Error::KeyLength`](crate::Error::KeyLength) when it does not decode to `N` bytes.
    pub fn from_base64(text: impl AsRef<[u8]>) -> Result<Self> {
        Self::try_build(|secret| {
            let len = base64::decode_into(text.as_ref(), secret)?;
            if len == N { Ok(()) } else { Err(crate::Error::KeyLength { len }) }
        })
    }

    /// Encodes the secret as standard base64 with padding, the form of a Kubernetes configuration.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn expose_base64(&self) -> zeroize::Zeroizing<alloc::string::String> {
        base64::encode(&self.0)
    }

    /// The secret bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

#[cfg(feature = "secrecy")]
impl<const N: usize> From<&Secret<N>> for secrecy::SecretBox<[u8; N]> {
    fn from(secret: &Secret<N>) -> Self {
        // `init_with` would build the bytes on the stack before boxing them.
        let mut boxed = alloc::boxed::Box::new([0; N]);
        boxed.copy_from_slice(&secret.0);
        Self::new(boxed)
    }
}

#[cfg(feature = "secrecy")]
impl<const N: usize> From<&secrecy::SecretBox<[u8; N]>> for Secret<N> {
    fn from(secret: &secrecy::SecretBox<[u8; N]>) -> Self {
        let mut copy = Self([0; N]);
        copy.0.copy_from_slice(secrecy::ExposeSecret::expose_secret(secret));
        copy
    }
}

#[cfg(feature = "secrecy")]
impl<const N: usize> secrecy::ExposeSecret<[u8; N]> for Secret<N> {
    fn expose_secret(&self) -> &[u8; N] {
        &self.0
    }
}

/// Overwrites `bytes` with zeros in a way that the compiler does not remove.
///
/// `Zeroize` for a slice of bytes stores them one at a time; this takes the platform's `memset`, and for what a padding or a nonce
/// has no call.
pub(crate) fn wipe(bytes: &mut [u8]) {
    if let 8..=16 = bytes.len() {
        bytes.first_chunk_mut::<8>().into_iter().for_each(|first| *first = [0; 8]);
        bytes.last_chunk_mut::<8>().into_iter().for_each(|last| *last = [0; 8]);
    } else {
        bytes.fill(0);
    }
    zeroize::optimization_barrier(bytes);
}

/// An output that holds plaintext while something runs that may panic: unless it is kept, it is wiped.
#[cfg(feature = "envelope")]
pub(crate) struct WipedUnlessKept<'a>(&'a mut [u8]);

#[cfg(feature = "envelope")]
impl<'a> WipedUnlessKept<'a> {
    pub(crate) const fn new(out: &'a mut [u8]) -> Self {
        Self(out)
    }

    pub(crate) fn keep(mut self) {
        self.0 = &mut [];
    }
}

#[cfg(feature = "envelope")]
impl Drop for WipedUnlessKept<'_> {
    fn drop(&mut self) {
        wipe(self.0);
    }
}

/// Something built once and then shared without being moved: a key schedule moved about would leave
/// copies of itself behind. Without an allocator it lives where its owner puts it.
#[cfg(any(feature = "aescbc", feature = "aesgcm", feature = "secretbox"))]
pub(crate) struct Held<T> {
    #[cfg(feature = "alloc")]
    inner: alloc::sync::Arc<T>,
    #[cfg(not(feature = "alloc"))]
    inner: T,
}

#[cfg(any(feature = "aescbc", feature = "aesgcm", feature = "secretbox"))]
impl<T> Held<T> {
    /// Runs `build`, keeps its result and wipes the part of the stack that `build` used.
    #[allow(dead_code, reason = "aesgcm settles")]
    pub(crate) fn try_new<E>(build: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        Self::try_new_settled(build, |_| ())
    }

    /// The same, and runs `settle` on the result where it stays; without an allocator that is not known.
    pub(crate) fn try_new_settled<E>(
        build: impl FnOnce() -> Result<T, E>,
        settle: impl FnOnce(&mut T),
    ) -> Result<Self, E> {
        stack_wiped::<KEY_STACK, _>(|| Self::build(build, settle))
    }

    #[cfg(feature = "alloc")]
    fn build<E>(build: impl FnOnce() -> Result<T, E>, settle: impl FnOnce(&mut T)) -> Result<Self, E> {
        let mut inner = alloc::sync::Arc::new(build()?);
        alloc::sync::Arc::get_mut(&mut inner).map(settle);
        Ok(Self { inner })
    }

    #[cfg(not(feature = "alloc"))]
    fn build<E>(build: impl FnOnce() -> Result<T, E>, _settle: impl FnOnce(&mut T)) -> Result<Self, E> {
        build().map(|inner| Self { inner })
    }

    pub(crate) fn get(&self) -> &T {
        &self.inner
    }
}

#[cfg(all(feature = "alloc", any(feature = "aescbc", feature = "aesgcm", feature = "secretbox")))]
impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { inner: alloc::sync::Arc::clone(&self.inner) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_by_content() {
        let secret = |byte| Secret::<3>::from_slice(&[byte; 3]).ok();
        let (a, b, c) = (secret(1), secret(1), secret(2));
        assert!(bool::from(a.as_ref().zip(b.as_ref()).map_or(Choice::from(0), |(a, b)| a.ct_eq(b))));
        assert!(!bool::from(a.as_ref().zip(c.as_ref()).map_or(Choice::from(1), |(a, c)| a.ct_eq(c))));
    }

    #[test]
    fn wipe_clears_every_byte() {
        let mut bytes = [7; 37];
        wipe(&mut bytes);
        assert_eq!(bytes, [0; 37]);
    }
}
