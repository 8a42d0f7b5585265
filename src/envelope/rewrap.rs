//! Rewrapping step by step, for KEKs that are asked by any means.

use alloc::vec::Vec;
use core::fmt;

use super::format::Header;
use super::lease::header_of;
use crate::dek::{DekScheme, RecoveredDek};
use crate::error::{Error, Result};
use crate::kek::{Wrapped, WrappedDek};
use crate::secret::SecretVec;

/// A value whose DEK is to be wrapped anew: the first step, which waits for the DEK to be unwrapped.
///
/// The payload is not decrypted and stays the same byte for byte.
///
/// # Example
/// ```
/// use atrest::{CallError, Kek, Rewrap};
///
/// fn rewrap(kek: &dyn Kek, context: &[u8], stored: &[u8]) -> Result<Vec<u8>, CallError> {
///     let rewrap = Rewrap::begin(context, stored)?;
///     let dek = kek.unwrap_dek(&rewrap.request())?;
///     let rewrap = rewrap.answer(dek)?;
///     Ok(rewrap.answer(&kek.wrap_dek(rewrap.expose_dek(), rewrap.context())?)?)
/// }
/// # let kek = atrest::LocalKek::generate()?;
/// # let stored = atrest::Envelope::new(&kek).seal(b"tenant 7", b"hunter2")?;
/// # let stored = rewrap(&kek, b"tenant 7", &stored)?;
/// # assert_eq!(atrest::Envelope::new(&kek).open(b"tenant 7", &stored)?.expose(), b"hunter2");
/// # Ok::<(), CallError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Rewrap<'s> {
    header: Header<'s>,
    context: &'s [u8],
}

/// The second step, which waits for the DEK to be wrapped.
pub struct RewrapDek<'s> {
    rewrap: Rewrap<'s>,
    dek: SecretVec,
}

impl<'s> Rewrap<'s> {
    /// Takes a value apart.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`] for what does not begin like a value of this version, [`Error::Open`].
    pub fn begin(context: &'s [u8], stored: &'s [u8]) -> Result<Self> {
        let header = Header::parse(stored)?;
        header.plaintext_len().ok_or(Error::Open)?;
        Ok(Self { header, context })
    }

    /// What the KEK has to unwrap.
    #[must_use]
    pub const fn request(&self) -> WrappedDek<'s> {
        WrappedDek::new(self.header.key_id, self.header.wrapped, self.context)
    }

    /// Goes on with the DEK, once its commitment is checked.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] for a DEK that has not 32 bytes; [`Error::Open`] for another than the value's.
    pub fn answer(self, dek: SecretVec) -> Result<RewrapDek<'s>> {
        expand(&self.header, &dek)?.check(self.header.sealed)?;
        Ok(RewrapDek { rewrap: self, dek })
    }
}

impl<'s> RewrapDek<'s> {
    /// The DEK that has to be wrapped.
    #[must_use]
    pub fn expose_dek(&self) -> &[u8] {
        self.dek.expose()
    }

    /// What it has to be bound to.
    #[must_use]
    pub const fn context(&self) -> &'s [u8] {
        self.rewrap.context
    }

    /// The value, under the key that wrapped the DEK now.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] for an answer that the format does not hold, [`Error::OutOfMemory`].
    pub fn answer(&self, answer: &Wrapped) -> Result<Vec<u8>> {
        let Header { algorithm, sealed, .. } = self.rewrap.header;
        let mut rewrapped = header_of(algorithm, answer)?;
        rewrapped.try_reserve_exact(sealed.len()).map_err(|_| Error::OutOfMemory)?;
        rewrapped.extend_from_slice(sealed);
        Ok(rewrapped)
    }
}

/// The DEK that a KEK gave for a value.
pub(super) fn expand(header: &Header<'_>, dek: &SecretVec) -> Result<RecoveredDek> {
    let scheme = DekScheme::Committing(header.algorithm);
    RecoveredDek::from_bytes(scheme, dek.expose()).map_err(|_| Error::KekAnswer)
}

impl fmt::Debug for Rewrap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrap").field("key_id", &self.header.key_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for RewrapDek<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RewrapDek").field("rewrap", &self.rewrap).finish_non_exhaustive()
    }
}
