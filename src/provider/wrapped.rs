//! What the providers share whose values are sealed under a DEK that a KEK wraps.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use arc_swap::Guard;

use crate::dek::{DekScheme, FreshDek, RecoveredDek};
use crate::error::{Error, Result};
use crate::kek::{Wrapped, WrappedDek};
use crate::kind::ProviderKind;
use crate::kms::{CachedDek, DekCache, DekCacheKey, Time, WriteKey};
use crate::random::{KeySource, Random};
use crate::secret::SecretVec;

/// A provider whose values are sealed under a DEK that a KEK wraps. Sealed.
///
/// It does no I/O: an [`EnvelopeTransformer`](crate::EnvelopeTransformer) that holds it asks its caller for what the
/// KEK has to say.
pub trait WrappedProvider: WrappedWalk + fmt::Debug + Send + Sync {
    /// The mechanism.
    fn kind(&self) -> ProviderKind;

    /// Name of the provider; `None` for the crate's own envelope.
    fn name(&self) -> Option<&str>;
}

/// The half of such a provider that only this crate calls: the trait cannot be named outside.
pub trait WrappedWalk {
    /// Whether a DEK is wrapped with the AAD as context.
    fn binds_context(&self) -> bool {
        false
    }

    /// What its values begin with.
    fn prefix(&self) -> &str;

    /// Takes a value apart, without any key; `stored` begins with the prefix.
    fn parse<'s>(&self, aad: &'s [u8], stored: &'s [u8]) -> Result<WrappedValue<'s>>;

    /// The recovered DEKs.
    fn cache(&self) -> &DekCache;

    /// The DEK, if it is at hand.
    fn dek_at_hand(&self, now: Time, value: &WrappedValue<'_>) -> Result<Option<DekAtHand>> {
        Ok(self.cache().find(&value.cache_key(), now).map(DekAtHand::Cached))
    }

    /// Whether it is; nothing is counted.
    fn is_dek_at_hand(&self, now: Time, value: &WrappedValue<'_>) -> bool {
        self.cache().contains(&value.cache_key(), now)
    }

    /// Expands what the KEK unwrapped.
    fn expand(&self, scheme: DekScheme, dek: &[u8]) -> Result<RecoveredDek> {
        RecoveredDek::from_bytes(scheme, dek).map_err(|_| Error::KekAnswer)
    }

    /// Takes in what the KEK unwrapped, and keeps it at hand unless the cache was cleared since the open began.
    fn recover(&self, now: Time, generation: usize, value: &WrappedValue<'_>, dek: &SecretVec) -> Result<RecoveredDek> {
        let recovered = self.expand(value.scheme, dek.expose())?;
        self.cache().insert_of(generation, value.cache_key(), recovered.clone(), now);
        Ok(recovered)
    }

    /// Opens the payload to the start of `out`. On failure no plaintext is left there.
    fn open_payload(&self, dek: &RecoveredDek, aad: &[u8], value: &WrappedValue<'_>, out: &mut [u8])
    -> Result<Payload>;

    /// Length of an output buffer that always suffices to open the payload.
    fn payload_len_max(&self, value: &WrappedValue<'_>) -> usize {
        value.scheme.plaintext_len(value.payload.len()).unwrap_or(0)
    }

    /// What a value is sealed under: a plan, or a DEK to be wrapped first.
    fn begin_seal(
        &self,
        rng: &mut dyn KeySource,
        now: Time,
        aad: &[u8],
        plaintext_len: usize,
    ) -> Result<SealSource<'_>>;

    /// The plan, once the DEK is wrapped; `generation` is that of the cache before the KEK was asked.
    fn plan(&self, now: Time, generation: usize, aad: &[u8], dek: FreshDek, answer: Wrapped) -> Result<SealFrame<'_>>;
}

/// A stored value taken apart.
#[derive(Debug)]
pub struct WrappedValue<'s> {
    pub(crate) key_id: &'s str,
    pub(crate) wrapped: &'s [u8],
    pub(crate) context: &'s [u8],
    pub(crate) annotations: Vec<(&'s str, &'s [u8])>,
    pub(crate) scheme: DekScheme,
    pub(crate) payload: &'s [u8],
}

impl WrappedValue<'_> {
    /// What a KEK has to unwrap.
    pub(crate) fn request(&self) -> WrappedDek<'_> {
        WrappedDek::new(self.key_id, self.wrapped, self.context).with_annotations(&self.annotations)
    }

    /// Under which key a cache holds its DEK.
    pub(crate) fn cache_key(&self) -> DekCacheKey {
        DekCacheKey::of(self.scheme, &self.request())
    }
}

/// A DEK at hand.
#[derive(Debug)]
pub enum DekAtHand {
    /// That of the key that is written with now. It is held without being counted: threads that open at the same time write
    /// to no place in common.
    Current(Guard<Option<Arc<WriteKey>>>),
    /// One from the cache.
    Cached(CachedDek),
}

impl DekAtHand {
    pub(crate) fn get(&self) -> Result<&RecoveredDek> {
        match self {
            Self::Current(key) => key.as_deref().map(WriteKey::opener).ok_or(Error::KmsNotReady),
            Self::Cached(dek) => dek.get().ok_or(Error::DekNotAtHand),
        }
    }
}

/// An opened payload.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    pub(crate) len: usize,
    pub(crate) stale: bool,
}

/// What is at hand to seal a value under.
#[derive(Debug)]
pub enum SealSource<'p> {
    /// Everything.
    Ready(SealFrame<'p>),
    /// A DEK that a KEK has to wrap first.
    Wrap(FreshDek),
}

/// Everything that a value is written from but the plaintext: a snapshot that later rotations do not change.
pub(crate) type SealFrame<'p> = alloc::boxed::Box<dyn Frame + 'p>;

/// A snapshot of DEK and wrapped DEK that knows its lengths and then writes.
pub trait Frame: fmt::Debug + Send + Sync {
    /// Id of the key that wrapped the DEK, where the value stores it.
    fn key_id(&self) -> Option<&str>;

    fn sealed_len(&self, plaintext_len: usize) -> Result<usize>;

    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize>;
}
