//! Values of KMS plugins of API version v2. Kubernetes: `value/encrypt/envelope/kmsv2/envelope.go`.
//!
//! ```text
//! stored = "k8s:enc:kms:v2:" ++ provider name ++ ":" ++ EncryptedObject
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::PoisonError;

use arc_swap::{ArcSwapOption, Guard};

use super::wrapped::{DekAtHand, Frame, Payload, SealFrame, SealSource, WrappedProvider, WrappedValue, WrappedWalk};
use crate::dek::{DekLimits, DekScheme, FreshDek, OpenDek, RecoveredDek, SealDek};
use crate::error::{Error, Result};
use crate::kek::{CallError, Kek, Wrapped, WrappedDek};
use crate::kind::ProviderKind;
use crate::kms::{
    CacheLimits, CacheStats, Clock, DekCache, DekCacheKey, DekSourceKind, EncryptedObject, KmsAction, KmsRotation,
    KmsState, ObjectLayout, Time, WriteKey,
};
use crate::random::{KeySource, OsRandom, Random};
use crate::sync::RwLock;

/// The provider of KMS plugins of API version v2: one seed, wrapped by the KMS, for many values, and a key expanded from
/// it for each.
///
/// It begins without a seed, and neither seals nor opens until it has one. It gets one by [`check`](Self::check), which
/// takes in what the KMS says of itself and is to be called once a minute: as long as the KMS names the same key, the seed
/// may be used three minutes longer; when it names another, a new seed is made and wrapped, and values under the old key
/// are stale.
///
/// # Security
/// The KMS gets no context to authenticate, and values do not authenticate key id and annotations: whoever can
/// write to the store can change what the KMS is asked, not what a value opens to. The AAD is bound.
pub struct KmsV2 {
    name: String,
    prefix: String,
    state: RwLock<KmsState>,
    /// The key of the state, for opens: they take no lock.
    current: ArcSwapOption<WriteKey>,
    cache: DekCache,
}

impl KmsV2 {
    /// A provider of this name, as it stands in stored values.
    ///
    /// # Errors
    /// [`Error::ProviderName`] for an empty one, and for one with a `:`.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        Self::with_state(name, KmsState::new(DekSourceKind::Seed, DekLimits::NIST))
    }

    /// The same over a state of one's own: another kind of DEK source, other limits.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn with_state(name: impl Into<String>, state: KmsState) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.contains(':') {
            return Err(Error::ProviderName);
        }
        let prefix = format!("{}{name}:", ProviderKind::KmsV2.prefix());
        let cache = DekCache::new(CacheLimits::KMS_V2);
        let current = ArcSwapOption::new(state.read().ok());
        Ok(Self { name, prefix, state: RwLock::new(state), current, cache })
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

    /// Takes in the key id that the KMS named when it was asked at `asked_at`. What is returned has to be wrapped by the
    /// KMS and given to [`complete`](Self::complete); until then, and if that fails, what is written with stays, for
    /// longer if the KMS named the same key.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] for a key id that is empty or longer than 1024 bytes, [`Error::Random`].
    pub fn check(&self, rng: &mut dyn KeySource, asked_at: Time, key_id: &str) -> Result<Option<KmsRotation>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Ok(match state.on_status_with(rng, asked_at, key_id)? {
            KmsAction::Wrap(rotation) => Some(rotation),
            _ => None,
        })
    }

    /// Installs a seed that the KMS wrapped; from now on values are sealed under it. The one before stays at hand to open.
    ///
    /// It says whether it did: `false` if a later check named another key or brought a seed in the meantime, which stays then.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] if the KMS answered under another key id than it named, or beyond the limits of
    /// what a value can hold; what is written with stays as it was then.
    pub fn complete(&self, now: Time, rotation: KmsRotation, answer: Wrapped) -> Result<bool> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(key) = state.read() {
            // Before it is replaced, so that no one finds it nowhere.
            self.cache.insert(cache_key(&key), key.dek().to_recovered(), now);
        }
        let installed = state.install(rotation, answer);
        self.current.store(state.read().ok());
        installed
    }

    /// A whole check with a KEK that can be called: [`check`](Self::check), and, where a seed has to be
    /// wrapped, [`complete`](Self::complete).
    ///
    /// # Errors
    /// As of the two, with what the KEK refused and why.
    pub fn check_with(&self, kek: &dyn Kek, clock: &dyn Clock) -> Result<(), CallError> {
        let asked_at = clock.now();
        let key_id = kek.key_id()?;
        if let Some(rotation) = self.check(&mut OsRandom, asked_at, &key_id)? {
            let answer = kek.wrap_dek(rotation.expose_dek(), &[])?;
            self.complete(clock.now(), rotation, answer)?;
        }
        Ok(())
    }

    /// Whether a value is of the seed that is written with, or was until it expired; and the latter.
    fn current(&self, value: &WrappedValue<'_>) -> Result<(bool, Guard<Option<Arc<WriteKey>>>)> {
        let current = self.current.load();
        let is_current = is_of(current.as_deref().ok_or(Error::KmsNotReady)?, value);
        Ok((is_current, current))
    }
}

/// Under which key the cache holds what values of this seed are opened with.
fn cache_key(key: &WriteKey) -> DekCacheKey {
    let annotations: Vec<_> =
        key.wrapped().annotations().iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let wrapped = WrappedDek::new(key.wrapped().key_id(), key.wrapped().bytes(), &[]).with_annotations(&annotations);
    DekCacheKey::of(key.dek().scheme(), &wrapped)
}

impl WrappedProvider for KmsV2 {
    fn kind(&self) -> ProviderKind {
        ProviderKind::KmsV2
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

impl WrappedWalk for KmsV2 {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn parse<'s>(&self, aad: &'s [u8], stored: &'s [u8]) -> Result<WrappedValue<'s>> {
        let object = EncryptedObject::parse(stored.get(self.prefix.len()..).ok_or(Error::Open)?)?;
        // Kubernetes gives no value of this kind an empty AAD: its API server would panic on one.
        if aad.is_empty() && object.kind() == DekSourceKind::Seed {
            return Err(Error::AadRequired);
        }
        Ok(WrappedValue {
            key_id: object.key_id(),
            wrapped: object.encrypted_dek_source(),
            context: &[],
            scheme: object.kind().scheme(),
            payload: object.encrypted_data(),
            annotations: object.into_annotations(),
        })
    }

    fn dek_at_hand(&self, now: Time, value: &WrappedValue<'_>) -> Result<Option<DekAtHand>> {
        Ok(match self.current(value)? {
            (true, current) => Some(DekAtHand::Current(current)),
            (false, _) => self.cache.find(&value.cache_key(), now).map(DekAtHand::Cached),
        })
    }

    fn is_dek_at_hand(&self, now: Time, value: &WrappedValue<'_>) -> bool {
        let is_current = self.current(value).is_ok_and(|(is_current, _)| is_current);
        is_current || self.cache.contains(&value.cache_key(), now)
    }

    fn cache(&self) -> &DekCache {
        &self.cache
    }

    fn open_payload(
        &self,
        dek: &RecoveredDek,
        aad: &[u8],
        value: &WrappedValue<'_>,
        out: &mut [u8],
    ) -> Result<Payload> {
        let current = self.current.load();
        let current = current.as_deref().ok_or(Error::KmsNotReady)?;
        let stale = value.key_id != current.wrapped().key_id() || value.scheme != current.dek().scheme();
        dek.open_into(aad, value.payload, out).map(|len| Payload { len, stale })
    }

    fn begin_seal(
        &self,
        _rng: &mut dyn KeySource,
        now: Time,
        aad: &[u8],
        plaintext_len: usize,
    ) -> Result<SealSource<'_>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let key = match state.write(now) {
            // No seed would have room for it.
            Ok(_) | Err(Error::SealsExhausted) if !state.limits().allow(plaintext_len) => Err(Error::TooLong),
            key => key,
        }?;
        drop(state);
        if aad.is_empty() && key.dek().scheme() == DekScheme::AesGcmXNonce {
            return Err(Error::AadRequired);
        }
        key.dek().check_budget(plaintext_len)?;
        Ok(SealSource::Ready(Box::new(V2Frame { prefix: &self.prefix, key })))
    }

    fn plan(
        &self,
        _now: Time,
        _generation: usize,
        _aad: &[u8],
        _dek: FreshDek,
        _answer: Wrapped,
    ) -> Result<SealFrame<'_>> {
        Err(Error::KekAnswer)
    }
}

/// Whether a value names the very wrapped seed that is written with now.
fn is_of(key: &WriteKey, value: &WrappedValue<'_>) -> bool {
    let own = key.wrapped();
    let annotations = own.annotations().iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    key.dek().scheme() == value.scheme
        && own.bytes() == value.wrapped
        && own.key_id() == value.key_id
        && annotations.eq(value.annotations.iter().copied())
}

#[derive(Debug)]
struct V2Frame<'p> {
    prefix: &'p str,
    key: Arc<WriteKey>,
}

impl V2Frame<'_> {
    fn layout(&self) -> ObjectLayout<'_> {
        ObjectLayout::of_answer(self.key.kind(), self.key.wrapped())
    }
}

impl Frame for V2Frame<'_> {
    fn key_id(&self) -> Option<&str> {
        Some(self.key.wrapped().key_id())
    }

    fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        let data_len = self.key.dek().sealed_len(plaintext_len)?;
        let object_len = self.layout().len(data_len);
        object_len.and_then(|len| len.checked_add(self.prefix.len())).ok_or(Error::TooLong)
    }

    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        let needed = self.sealed_len(plaintext.len())?;
        let too_small = Error::BufferTooSmall { needed };
        let (head, object) =
            out.get_mut(..needed).ok_or(too_small)?.split_at_mut_checked(self.prefix.len()).ok_or(too_small)?;
        head.copy_from_slice(self.prefix.as_bytes());
        let data = self.layout().write(self.key.dek().sealed_len(plaintext.len())?, object)?;
        self.key.dek().seal_into(rng, aad, plaintext, object.get_mut(data).ok_or(too_small)?)?;
        Ok(needed)
    }
}

impl fmt::Debug for KmsV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsV2").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is asked for by the step that KMS v1 and the own envelope have.
    #[test]
    fn no_value_has_a_dek_of_its_own() {
        let kms = KmsV2::new("a").unwrap();
        let dek = FreshDek::generate_with(DekScheme::AesGcmXNonce, DekLimits::NIST, &mut OsRandom).unwrap();
        let planned = kms.plan(Time::default(), 0, b"aad", dek, Wrapped::new("id1", [7]));
        assert_eq!(planned.err(), Some(Error::KekAnswer));
    }
}
