//! Values of KMS plugins of API version v1. Kubernetes: `value/encrypt/envelope/envelope.go`.
//!
//! ```text
//! stored = "k8s:enc:kms:v1:" ++ provider name ++ ":" ++ u16 length ++ wrapped DEK ++ nonce(12) ++ ciphertext ++ tag(16)
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::wrapped::{Frame, Payload, SealFrame, SealSource, WrappedProvider, WrappedValue, WrappedWalk};
use crate::dek::{DekLimits, DekScheme, FreshDek, OpenDek, RecoveredDek, SealDek};
use crate::error::{Error, Result};
use crate::kek::Wrapped;
use crate::kind::ProviderKind;
use crate::kms::{CacheLimits, CacheStats, DekCache, DekCacheKey, Time};
use crate::random::{KeySource, Random};
use crate::wire::{Writer, split_u16_prefixed};

/// The provider of KMS plugins of API version v1: a fresh DEK for each value, wrapped by the KMS.
///
/// Nothing tells which key of the KMS wrapped a DEK, so that a value is never stale by the KMS's key.
pub struct KmsV1 {
    name: String,
    prefix: String,
    cache: DekCache,
    legacy_cbc: bool,
}

impl KmsV1 {
    /// A provider of this name, as it stands in stored values.
    ///
    /// # Errors
    /// [`Error::ProviderName`] for an empty one.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() {
            return Err(Error::ProviderName);
        }
        let prefix = format!("{}{name}:", ProviderKind::KmsV1.prefix());
        Ok(Self { name, prefix, cache: DekCache::new(CacheLimits::KMS_V1), legacy_cbc: false })
    }

    /// The same with another cache of DEKs.
    #[must_use]
    pub fn with_cache(mut self, cache: DekCache) -> Self {
        self.cache = cache;
        self
    }

    /// The same which, like the API server, also opens payloads in AES-CBC that were written before Kubernetes 1.13.
    ///
    /// # Security
    /// A payload that does not open as AES-GCM is tried as AES-CBC, which has no integrity: about 1 in 256 changed values
    /// of fitting length then open as garbage, as stale.
    #[cfg(feature = "aescbc")]
    #[must_use]
    pub const fn with_legacy_cbc(mut self) -> Self {
        self.legacy_cbc = true;
        self
    }

    /// How the cache of DEKs fares.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.cache.stats()
    }
}

impl WrappedProvider for KmsV1 {
    fn kind(&self) -> ProviderKind {
        ProviderKind::KmsV1
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

impl WrappedWalk for KmsV1 {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn parse<'s>(&self, _aad: &'s [u8], stored: &'s [u8]) -> Result<WrappedValue<'s>> {
        let rest = stored.get(self.prefix.len()..).ok_or(Error::Open)?;
        let (wrapped, payload) = split_u16_prefixed(rest).ok_or(Error::Open)?;
        Ok(WrappedValue {
            key_id: "",
            wrapped,
            context: &[],
            annotations: Vec::new(),
            scheme: DekScheme::AesGcm,
            payload,
        })
    }

    fn cache(&self) -> &DekCache {
        &self.cache
    }

    fn expand(&self, scheme: DekScheme, dek: &[u8]) -> Result<RecoveredDek> {
        let recovered = RecoveredDek::from_bytes(scheme, dek).map_err(|_| Error::KekAnswer)?;
        #[cfg(feature = "aescbc")]
        if self.legacy_cbc {
            return recovered.with_legacy_cbc(dek);
        }
        Ok(recovered)
    }

    fn open_payload(
        &self,
        dek: &RecoveredDek,
        aad: &[u8],
        value: &WrappedValue<'_>,
        out: &mut [u8],
    ) -> Result<Payload> {
        match dek.open_into(aad, value.payload, out) {
            // Refused by a DEK that was not expanded for it.
            #[cfg(feature = "aescbc")]
            Err(Error::Open) => dek.open_legacy_cbc(value.payload, out).map(|len| Payload { len, stale: true }),
            opened => opened.map(|len| Payload { len, stale: false }),
        }
    }

    fn payload_len_max(&self, value: &WrappedValue<'_>) -> usize {
        // Of AES-CBC the padding is decrypted too, and its IV is shorter than nonce and tag.
        let frame = if self.legacy_cbc { 16 } else { 28 };
        value.payload.len().saturating_sub(frame)
    }

    fn begin_seal(&self, rng: &mut dyn KeySource, _now: Time, _aad: &[u8], _len: usize) -> Result<SealSource<'_>> {
        FreshDek::generate_with(DekScheme::AesGcm, DekLimits::new(1, usize::MAX), rng).map(SealSource::Wrap)
    }

    fn plan(&self, now: Time, generation: usize, _aad: &[u8], dek: FreshDek, answer: Wrapped) -> Result<SealFrame<'_>> {
        let wrapped_len = u16::try_from(answer.bytes().len()).map_err(|_| Error::KekAnswer)?;
        if !answer.annotations().is_empty() {
            return Err(Error::KekAnswer);
        }
        let request = crate::kek::WrappedDek::new("", answer.bytes(), &[]);
        self.cache.insert_of(
            generation,
            DekCacheKey::of(DekScheme::AesGcm, &request),
            self.expand(DekScheme::AesGcm, dek.expose())?,
            now,
        );
        Ok(Box::new(V1Frame { prefix: &self.prefix, wrapped_len, dek, answer }))
    }
}

#[derive(Debug)]
struct V1Frame<'p> {
    prefix: &'p str,
    wrapped_len: u16,
    dek: FreshDek,
    answer: Wrapped,
}

impl Frame for V1Frame<'_> {
    fn key_id(&self) -> Option<&str> {
        None
    }

    fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        let head = self.prefix.len() + 2 + self.answer.bytes().len();
        self.dek.sealed_len(plaintext_len)?.checked_add(head).ok_or(Error::TooLong)
    }

    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        let needed = self.sealed_len(plaintext.len())?;
        let too_small = Error::BufferTooSmall { needed };
        let parts = [self.prefix.as_bytes(), &self.wrapped_len.to_be_bytes(), self.answer.bytes()];
        let head: usize = parts.iter().map(|part| part.len()).sum();
        let (head, payload) = out.get_mut(..needed).ok_or(too_small)?.split_at_mut_checked(head).ok_or(too_small)?;
        self.dek.seal_into(rng, aad, plaintext, payload)?;
        let mut writer = Writer::new(head);
        for part in parts {
            writer.put(part).ok_or(too_small)?;
        }
        Ok(needed)
    }
}

impl core::fmt::Debug for KmsV1 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KmsV1").field("name", &self.name).finish_non_exhaustive()
    }
}
