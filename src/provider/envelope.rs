//! Values of the crate's own envelope in a list beside other providers; `envelope/format.rs` has their bytes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use std::sync::{PoisonError, RwLock};

use super::wrapped::{Frame, Payload, SealFrame, SealSource, WrappedProvider, WrappedValue, WrappedWalk};
use crate::cipher::Algorithm;
use crate::dek::{DekLimits, DekScheme, FreshDek, OpenDek, RecoveredDek};
use crate::envelope::format::{ENVELOPE_V1_PREFIX, Header, payload_aad};
use crate::envelope::lease::Lease;
use crate::error::{Error, Result};
use crate::kek::Wrapped;
use crate::kind::ProviderKind;
use crate::kms::{CacheLimits, CacheStats, DekCache, Time};
use crate::random::{KeySource, Random};
use crate::secret::SecretVec;

/// The crate's own envelope as a provider: a fresh DEK for each value, bound to the AAD as its context.
///
/// A value is stale if its key id is not the one that the KEK named at the last check, or before any check wrapped the first
/// seal with; or if its algorithm is not the one that seals. Values are those of [`Envelope`](crate::Envelope).
#[derive(Debug)]
pub struct EnvelopeProvider {
    algorithm: Algorithm,
    cache: DekCache,
    key_id: RwLock<Option<String>>,
}

impl Default for EnvelopeProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl EnvelopeProvider {
    /// A provider that seals with XChaCha20-Poly1305.
    #[must_use]
    pub fn new() -> Self {
        Self {
            algorithm: Algorithm::XChaCha20Poly1305,
            cache: DekCache::new(CacheLimits::KMS_V1),
            key_id: RwLock::default(),
        }
    }

    /// The same, sealing with this algorithm. Values of every algorithm are opened.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The same with another cache of DEKs.
    #[must_use]
    pub fn with_cache(mut self, cache: DekCache) -> Self {
        self.cache = cache;
        self
    }

    /// How the cache of DEKs fares.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.cache.stats()
    }

    /// Sets the id of the key that the KEK wraps with now, by which values are judged stale; the drivers do at each check.
    /// Until it is set or a value is sealed, none is stale by its key.
    pub fn set_key_id(&self, key_id: impl Into<String>) {
        *self.key_id.write().unwrap_or_else(PoisonError::into_inner) = Some(key_id.into());
    }

    fn wraps_with_another(&self, key_id: &str) -> bool {
        let current = self.key_id.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|current| current != key_id)
    }
}

const fn algorithm_of(scheme: DekScheme) -> Result<Algorithm> {
    match scheme {
        DekScheme::Committing(algorithm) => Ok(algorithm),
        _ => Err(Error::Open),
    }
}

impl WrappedProvider for EnvelopeProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Envelope
    }

    fn name(&self) -> Option<&str> {
        None
    }
}

impl WrappedWalk for EnvelopeProvider {
    fn binds_context(&self) -> bool {
        true
    }

    fn prefix(&self) -> &str {
        ENVELOPE_V1_PREFIX
    }

    fn parse<'s>(&self, aad: &'s [u8], stored: &'s [u8]) -> Result<WrappedValue<'s>> {
        let Header { algorithm, key_id, wrapped, sealed } = Header::parse(stored)?;
        let scheme = DekScheme::Committing(algorithm);
        Ok(WrappedValue { key_id, wrapped, context: aad, annotations: Vec::new(), scheme, payload: sealed })
    }

    fn cache(&self) -> &DekCache {
        &self.cache
    }

    fn recover(&self, now: Time, generation: usize, value: &WrappedValue<'_>, dek: &SecretVec) -> Result<RecoveredDek> {
        let recovered = self.expand(value.scheme, dek.expose())?;
        // The value tells whether this is its DEK: another is not kept at hand.
        recovered.check(value.payload)?;
        self.cache.insert_of(generation, value.cache_key(), recovered.clone(), now);
        Ok(recovered)
    }

    fn open_payload(
        &self,
        dek: &RecoveredDek,
        aad: &[u8],
        value: &WrappedValue<'_>,
        out: &mut [u8],
    ) -> Result<Payload> {
        let algorithm = algorithm_of(value.scheme)?;
        let len = dek.open_into(&payload_aad(algorithm, aad)?, value.payload, out)?;
        Ok(Payload { len, stale: algorithm != self.algorithm || self.wraps_with_another(value.key_id) })
    }

    fn begin_seal(&self, rng: &mut dyn KeySource, _now: Time, _aad: &[u8], _len: usize) -> Result<SealSource<'_>> {
        let scheme = DekScheme::Committing(self.algorithm);
        FreshDek::generate_with(scheme, DekLimits::new(1, usize::MAX), rng).map(SealSource::Wrap)
    }

    fn plan(
        &self,
        _now: Time,
        _generation: usize,
        aad: &[u8],
        dek: FreshDek,
        answer: Wrapped,
    ) -> Result<SealFrame<'_>> {
        let lease = Lease::of_answer(dek, self.algorithm, &answer, aad)?;
        // Only the first: answers may overtake each other, and who asks the KEK for its key id knows better.
        if self.key_id.read().unwrap_or_else(PoisonError::into_inner).is_none() {
            self.set_key_id(answer.key_id());
        }
        Ok(Box::new(lease))
    }
}

/// The context is in the lease already.
impl Frame for Lease {
    fn key_id(&self) -> Option<&str> {
        Self::key_id(self)
    }

    fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        Self::sealed_len(self, plaintext_len)
    }

    fn seal_into(&self, rng: &mut dyn Random, _aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        Self::seal_into(self, rng, plaintext, out)
    }
}
