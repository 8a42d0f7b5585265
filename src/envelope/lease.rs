//! A DEK and what is stored of it, made together and never parted.

use alloc::vec::Vec;

use super::format::{Header, payload_aad, write_header};
use super::watch::Watch;
use crate::cipher::Algorithm;
use crate::dek::{DekLimits, DekScheme, FreshDek, SealDek};
use crate::error::{Error, Result};
use crate::kek::{CallError, Kek, Wrapped};
use crate::observer::Operation;
use crate::random::{KeySource, Random};

/// How values are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) algorithm: Algorithm,
    pub(super) limits: DekLimits,
}

/// A DEK of this process with the header that tells how to unwrap it, and the AAD of the context that it is bound to.
///
/// Whoever seals takes both from here, so that no value can get the header of another DEK.
#[derive(Debug)]
pub(crate) struct Lease {
    dek: FreshDek,
    header: Vec<u8>,
    aad: Vec<u8>,
}

impl Lease {
    /// Makes a DEK and has it wrapped, once it is known to allow a plaintext of this length.
    pub(super) fn make(
        kek: &dyn Kek,
        settings: Settings,
        rng: &mut dyn KeySource,
        context: &[u8],
        plaintext_len: usize,
        watch: &Watch,
    ) -> Result<Self, CallError> {
        let scheme = DekScheme::Committing(settings.algorithm);
        if scheme.sealed_len(plaintext_len).is_none() {
            return Err(Error::TooLong.into());
        }
        if !settings.limits.allow(plaintext_len) {
            return Err(Error::SealsExhausted.into());
        }
        let dek = FreshDek::generate_with(scheme, settings.limits, rng)?;
        let answer = wrapped(kek, dek.expose(), context, watch)?;
        Ok(Self::of_answer(dek, settings.algorithm, &answer, context)?)
    }

    /// Of a DEK that is used with this algorithm and that a KEK wrapped with this context.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] for an answer that the format does not hold, [`Error::OutOfMemory`].
    pub(crate) fn of_answer(dek: FreshDek, algorithm: Algorithm, answer: &Wrapped, context: &[u8]) -> Result<Self> {
        let header = header_of(algorithm, answer)?;
        Ok(Self { dek, header, aad: payload_aad(algorithm, context)? })
    }

    /// Id of the key that wrapped the DEK.
    pub(crate) fn key_id(&self) -> Option<&str> {
        Header::parse(&self.header).ok().map(|header| header.key_id)
    }

    #[cfg(feature = "std")]
    pub(super) fn has_budget(&self, plaintext_len: usize) -> bool {
        self.dek.has_budget(plaintext_len)
    }

    /// Exact length of the stored value of a plaintext.
    pub(crate) fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        self.dek.sealed_len(plaintext_len)?.checked_add(self.header.len()).ok_or(Error::TooLong)
    }

    /// Seals to the start of `out` and returns the length; on failure nothing is written.
    pub(crate) fn seal_into(&self, rng: &mut dyn Random, plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        let needed = self.sealed_len(plaintext.len())?;
        let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        let (head, payload) = out.split_at_mut(self.header.len());
        self.dek.seal_into(rng, &self.aad, plaintext, payload)?;
        head.copy_from_slice(&self.header);
        Ok(needed)
    }

    pub(super) fn seal(&self, rng: &mut dyn Random, plaintext: &[u8]) -> Result<Vec<u8>> {
        let needed = self.sealed_len(plaintext.len())?;
        let mut out = Vec::new();
        out.try_reserve_exact(needed).map_err(|_| Error::OutOfMemory)?;
        out.resize(needed, 0);
        self.seal_into(rng, plaintext, &mut out)?;
        Ok(out)
    }
}

/// Has a KEK wrap a DEK.
pub(super) fn wrapped(kek: &dyn Kek, dek: &[u8], context: &[u8], watch: &Watch) -> Result<Wrapped, CallError> {
    let answer = kek.wrap_dek(dek, context).map_err(CallError::from);
    let outcome = answer.as_ref().map(|_| ()).map_err(CallError::error);
    watch.tell(Operation::Wrap, answer.as_ref().ok().map(Wrapped::key_id), 0, outcome);
    answer
}

/// What comes in front of the payload.
///
/// # Errors
/// [`Error::KekAnswer`] for an answer that the format does not hold, [`Error::OutOfMemory`].
pub(super) fn header_of(algorithm: Algorithm, answer: &Wrapped) -> Result<Vec<u8>> {
    if !answer.annotations().is_empty() {
        return Err(Error::KekAnswer);
    }
    write_header(algorithm, answer.key_id(), answer.bytes()).unwrap_or(Err(Error::KekAnswer))
}
