//! Sealing: a snapshot of key and wrapped DEK, or a DEK to be wrapped first, and then a plan that knows its lengths.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::fmt;

use super::{Entry, EnvelopeTransformer};
use crate::dek::FreshDek;
use crate::error::{Error, Result};
use crate::kek::{Refusal, Wrapped};
use crate::kms::Time;
use crate::observer::Operation;
use crate::provider::{Plaintext, Provider, SealFrame, SealSource, WrappedProvider};
use crate::random::{KeySource, Random};
use crate::secret::wipe;

/// What sealing has come to.
#[derive(Debug)]
pub enum SealStep<'t, 'a> {
    /// All is at hand.
    Ready(SealPlan<'t, 'a>),
    /// A KEK has to wrap a DEK first.
    Wrap(PendingSeal<'t, 'a>),
}

/// A seal that waits for a wrapped DEK.
pub struct PendingSeal<'t, 'a> {
    transformer: &'t EnvelopeTransformer<'t>,
    provider: &'t dyn WrappedProvider,
    aad: &'a [u8],
    plaintext_len: usize,
    dek: FreshDek,
    /// Of the provider's cache.
    generation: usize,
}

/// Everything that a value is written from but the plaintext.
pub struct SealPlan<'t, 'a> {
    transformer: &'t EnvelopeTransformer<'t>,
    writer: Writer<'t>,
    aad: &'a [u8],
}

enum Writer<'t> {
    Static(&'t dyn Provider),
    Frame(SealFrame<'t>),
}

impl EnvelopeTransformer<'_> {
    /// Begins to seal a plaintext of `plaintext_len` bytes with the first provider; a DEK that is needed is made from `rng`.
    ///
    /// # Errors
    /// [`Error::KmsNotReady`], [`Error::KmsExpired`], [`Error::AadRequired`], [`Error::SealsExhausted`], [`Error::TooLong`],
    /// [`Error::Random`].
    pub fn seal<'t, 'a>(
        &'t self,
        rng: &mut dyn KeySource,
        now: Time,
        aad: &'a [u8],
        plaintext_len: usize,
    ) -> Result<SealStep<'t, 'a>> {
        let entry = self.entries.first().ok_or(Error::NoProvider)?;
        let plan = |writer| SealStep::Ready(SealPlan { transformer: self, writer, aad });
        let begun = match entry {
            Entry::Static(provider) => Ok(plan(Writer::Static(&**provider))),
            Entry::Wrapped(provider) => provider.begin_seal(rng, now, aad, plaintext_len).map(|source| match source {
                SealSource::Ready(frame) => plan(Writer::Frame(frame)),
                SealSource::Wrap(dek) => {
                    let provider = &**provider;
                    let generation = provider.cache().generation();
                    SealStep::Wrap(PendingSeal { transformer: self, provider, aad, plaintext_len, dek, generation })
                }
            }),
        };
        if let Err(error) = &begun {
            self.watch().tell_seal(Some(entry), None, Err(*error), plaintext_len);
        }
        begun
    }
}

impl<'t, 'a> PendingSeal<'t, 'a> {
    /// The DEK that has to be wrapped.
    #[must_use]
    pub fn expose_dek(&self) -> &[u8; 32] {
        self.dek.expose()
    }

    /// What it has to be bound to; empty for Kubernetes' KMS.
    #[must_use]
    pub fn context(&self) -> &'a [u8] {
        if self.provider.binds_context() { self.aad } else { &[] }
    }

    /// Goes on with what the KEK answered.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] for an answer that a value cannot hold, [`Error::OutOfMemory`].
    pub fn answer(self, now: Time, answer: Wrapped) -> Result<SealPlan<'t, 'a>> {
        let key_id = answer.key_id().to_owned();
        let frame = self.provider.plan(now, self.generation, self.aad, self.dek, answer);
        let outcome = frame.as_ref().map(|_| ()).map_err(|error| *error);
        let watch = self.transformer.watch();
        watch.tell_key(Operation::Wrap, (0, self.provider.kind()), outcome, &key_id);
        if outcome.is_err() {
            watch.tell_seal(self.transformer.entries.first(), None, outcome, self.plaintext_len);
        }
        Ok(SealPlan { transformer: self.transformer, writer: Writer::Frame(frame?), aad: self.aad })
    }

    /// Gives the seal up, which the KEK refused; returns the error that stands for that.
    #[must_use]
    pub fn refuse(self, refusal: Refusal) -> Error {
        let outcome = Err(refusal.error());
        let watch = self.transformer.watch();
        watch.tell(Operation::Wrap, Some((0, self.provider.kind())), outcome, 0);
        watch.tell_seal(self.transformer.entries.first(), None, outcome, self.plaintext_len);
        refusal.error()
    }
}

impl SealPlan<'_, '_> {
    /// Exact length of the stored value of a plaintext of `plaintext_len` bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        match &self.writer {
            Writer::Static(provider) => provider.sealed_len(plaintext_len),
            Writer::Frame(frame) => frame.sealed_len(plaintext_len),
        }
    }

    /// Seals `plaintext` to the start of `out` and returns the length of the stored value. A plan seals one value.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], [`Error::TooLong`], [`Error::SealsExhausted`], [`Error::Random`], and
    /// [`Error::LooksEncrypted`] from identity. No plaintext is in `out` then.
    pub fn seal_into(self, rng: &mut dyn Random, plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        let sealed = match &self.writer {
            Writer::Static(provider) => provider.seal_value(rng, self.aad, Plaintext::Separate(plaintext), out),
            Writer::Frame(frame) => {
                let sealed = frame.seal_into(rng, self.aad, plaintext, out);
                if sealed.is_err() {
                    wipe(out);
                }
                sealed
            }
        };
        let outcome = sealed.as_ref().map(|_| ()).map_err(|error| *error);
        let key_id = match &self.writer {
            Writer::Static(_) => None,
            Writer::Frame(frame) => frame.key_id(),
        };
        self.transformer.watch().tell_seal(self.transformer.entries.first(), key_id, outcome, plaintext.len());
        sealed
    }

    /// Seals `plaintext` to a vector of the exact length.
    ///
    /// # Errors
    /// As of [`seal_into`](Self::seal_into), and [`Error::OutOfMemory`].
    pub fn seal_to_vec(self, rng: &mut dyn Random, plaintext: &[u8]) -> Result<Vec<u8>> {
        let len = self.sealed_len(plaintext.len())?;
        let mut out = Vec::new();
        out.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
        out.resize(len, 0);
        self.seal_into(rng, plaintext, &mut out)?;
        Ok(out)
    }
}

impl fmt::Debug for PendingSeal<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSeal").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl fmt::Debug for SealPlan<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SealPlan");
        match &self.writer {
            Writer::Static(provider) => debug.field("provider", provider),
            Writer::Frame(frame) => debug.field("frame", frame),
        };
        debug.finish_non_exhaustive()
    }
}
