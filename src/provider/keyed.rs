//! Ordered named keys over any cipher. Kubernetes: `aes.go`, `secretbox.go`, and the inner list of
//! `encryptionconfig/config.go`.
//!
//! ```text
//! stored = provider prefix ++ key name ++ ":" ++ nonce ++ body
//! ```

#[cfg(feature = "alloc")]
mod ring;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::ToSeal;
use super::{Buffers, Failures, Found, Plaintext, Provider, Walk};
use crate::cipher::Cipher;
#[cfg(feature = "alloc")]
use crate::cipher::construction::Sealing;
use crate::error::{Error, Result};
use crate::kind::ProviderKind;
use crate::random::Random;
use crate::secret::wipe;
use crate::wire::Writer;

#[cfg(feature = "alloc")]
use ring::KeyRing;

/// A cipher that has a provider of its own. Sealed.
pub trait KeyedCipher: Cipher {
    /// The provider.
    const KIND: ProviderKind;
}

/// The provider `aescbc`. Security: see [`AesCbcKey`](crate::AesCbcKey).
#[cfg(feature = "aescbc")]
pub type AesCbc<'k> = Keyed<'k, crate::cipher::AesCbcKey>;

/// The provider `aesgcm`. Security: see [`AesGcmKey`](crate::AesGcmKey).
#[cfg(feature = "aesgcm")]
pub type AesGcm<'k> = Keyed<'k, crate::cipher::AesGcmKey>;

/// The provider `secretbox`. Security: see [`SecretboxKey`](crate::SecretboxKey).
#[cfg(feature = "secretbox")]
pub type Secretbox<'k> = Keyed<'k, crate::cipher::SecretboxKey>;

#[cfg(feature = "aescbc")]
impl KeyedCipher for crate::cipher::AesCbcKey {
    const KIND: ProviderKind = ProviderKind::AesCbc;
}

#[cfg(feature = "aesgcm")]
impl KeyedCipher for crate::cipher::AesGcmKey {
    const KIND: ProviderKind = ProviderKind::AesGcm;
}

#[cfg(feature = "secretbox")]
impl KeyedCipher for crate::cipher::SecretboxKey {
    const KIND: ProviderKind = ProviderKind::Secretbox;
}

/// A provider of one cipher with an ordered list of named keys: the first key seals, every key opens.
///
/// A value is opened by the first key whose name and a `:` it begins with and that succeeds; by another
/// key than the first, it is stale. Names may contain `:` and may repeat, as in Kubernetes.
pub struct Keyed<'k, C> {
    keys: Keys<'k, C>,
}

enum Keys<'k, C> {
    Borrowed(&'k [NamedKey<'k, C>]),
    #[cfg(feature = "alloc")]
    Owned(KeyRing<C>),
}

/// A borrowed key under its name, for lists that need no allocator.
pub struct NamedKey<'k, C> {
    name: &'k str,
    key: &'k C,
}

impl<'k, C> NamedKey<'k, C> {
    /// Names a key.
    ///
    /// # Errors
    /// [`Error::EmptyKeyName`], [`Error::KeyNameNotUtf8`].
    pub fn new(name: &'k (impl AsRef<[u8]> + ?Sized), key: &'k C) -> Result<Self> {
        Ok(Self { name: checked_name(name.as_ref())?, key })
    }
}

fn checked_name(name: &[u8]) -> Result<&str> {
    match core::str::from_utf8(name) {
        Ok("") => Err(Error::EmptyKeyName),
        name => name.map_err(|_| Error::KeyNameNotUtf8),
    }
}

impl<'k, C: KeyedCipher> Keyed<'k, C> {
    /// A provider over borrowed keys; finding a key takes one comparison a key.
    ///
    /// # Errors
    /// [`Error::NoKey`] for an empty list.
    pub const fn borrowed(keys: &'k [NamedKey<'k, C>]) -> Result<Self> {
        if keys.is_empty() {
            return Err(Error::NoKey);
        }
        Ok(Self { keys: Keys::Borrowed(keys) })
    }

    /// A provider that owns its keys, first the one that seals; finding a key costs the same however many
    /// there are.
    ///
    /// # Errors
    /// [`Error::NoKey`] for an empty list, [`Error::EmptyKeyName`], [`Error::KeyNameNotUtf8`].
    #[cfg(feature = "alloc")]
    pub fn new<N: AsRef<[u8]>>(keys: impl IntoIterator<Item = (N, C)>) -> Result<Self> {
        let mut ring = KeyRing::default();
        for (name, key) in keys {
            ring.push(C::KIND.prefix(), checked_name(name.as_ref())?, key);
        }
        if ring.get(0).is_none() {
            return Err(Error::NoKey);
        }
        Ok(Self { keys: Keys::Owned(ring) })
    }

    fn key(&self, index: usize) -> Option<(&str, &C)> {
        match &self.keys {
            Keys::Borrowed(keys) => keys.get(index).map(|key| (key.name, key.key)),
            #[cfg(feature = "alloc")]
            Keys::Owned(ring) => ring.get(index),
        }
    }

    /// Index of the first key from `from` on whose name and a `:` the rest of a value begins with.
    fn next_match(&self, rest: &[u8], from: usize) -> Option<usize> {
        match &self.keys {
            Keys::Borrowed(keys) => {
                let matches = |key: &NamedKey<'_, C>| {
                    rest.strip_prefix(key.name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b':'))
                };
                keys.get(from..)?.iter().position(matches).map(|i| from + i)
            }
            #[cfg(feature = "alloc")]
            Keys::Owned(ring) => ring.next_match(rest, from),
        }
    }

    /// Draws a nonce for one seal and writes what lies in front of the body to `out`, which has exactly the length of the
    /// stored value, or is missing; returns the key and the place of the body. A plaintext in place is moved to where the
    /// cipher wants it.
    // Inlined, and the nonce left where it was drawn: copied right after it was written, it would be waited for.
    #[inline(always)]
    fn begin<'o>(
        &self,
        rng: &mut dyn Random,
        nonce: &mut C::Nonce,
        plaintext: Plaintext<'_>,
        out: Option<&'o mut [u8]>,
    ) -> Result<(&C, &'o mut [u8])> {
        let too_small = |_| Error::BufferTooSmall { needed: self.sealed_len(plaintext.len()).unwrap_or(usize::MAX) };
        let out = out.ok_or(()).map_err(too_small)?;
        let (name, key) = self.key(0).ok_or(Error::NoKey)?;
        key.take_seal()?;
        rng.fill(nonce.as_mut())?;

        if let Plaintext::InPlace(len) = plaintext {
            let header = C::KIND.prefix().len() + name.len() + 1;
            out.copy_within(..len, header + C::LAYOUT.nonce_len + C::LAYOUT.text_at());
        }
        let mut writer = Writer::new(out);
        let mut put = |part: &[u8]| writer.put(part).ok_or(()).map_err(too_small);
        match &self.keys {
            Keys::Borrowed(_) => {
                put(C::KIND.prefix().as_bytes())?;
                put(name.as_bytes())?;
                put(b":")?;
            }
            #[cfg(feature = "alloc")]
            Keys::Owned(ring) => put(ring.header())?,
        }
        put(nonce.as_ref())?;
        Ok((key, writer.into_rest()))
    }

    /// Opens a value with one key; `header` bytes of it lie in front of the nonce.
    fn open_with(key: &C, aad: &[u8], header: usize, buffers: &mut Buffers<'_>) -> Result<Range<usize>> {
        let body_at = header + C::LAYOUT.nonce_len;
        let (head, body) = buffers.stored().split_at_checked(body_at).ok_or(Error::Open)?;
        let mut nonce = C::Nonce::default();
        nonce.as_mut().copy_from_slice(&head[header..]);
        let needed = C::LAYOUT.open_len_max(body.len()).ok_or(Error::Open)?;
        match buffers {
            Buffers::Separate { stored, out } => {
                let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
                Ok(0..key.open_into(&nonce, aad, &stored[body_at..], out)?)
            }
            Buffers::InPlace(stored) => {
                let text = key.open_in_place(&nonce, aad, &mut stored[body_at..])?;
                Ok(body_at + text.start..body_at + text.end)
            }
        }
    }
}

impl<C: KeyedCipher> Provider for Keyed<'_, C> {
    fn kind(&self) -> ProviderKind {
        C::KIND
    }

    fn binds_aad(&self) -> bool {
        C::BINDS_AAD
    }

    fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        let (name, _) = self.key(0).ok_or(Error::NoKey)?;
        let header = C::KIND.prefix().len() + name.len() + 1 + C::LAYOUT.nonce_len;
        let body_len = C::LAYOUT.body_len(plaintext_len);
        body_len.and_then(|body_len| body_len.checked_add(header)).ok_or(Error::TooLong)
    }

    fn open_len_max(&self, stored: &[u8]) -> usize {
        // What a name of one byte would leave for the body.
        let header = C::KIND.prefix().len() + 2 + C::LAYOUT.nonce_len;
        if self.kind_of(stored).is_some() { stored.len().saturating_sub(header) } else { 0 }
    }
}

impl<C: KeyedCipher> Walk for Keyed<'_, C> {
    fn seal_value(&self, rng: &mut dyn Random, aad: &[u8], plaintext: Plaintext<'_>, out: &mut [u8]) -> Result<usize> {
        let needed = self.sealed_len(plaintext.len())?;
        let mut nonce = C::Nonce::default();
        let (key, body) = self.begin(rng, &mut nonce, plaintext, out.get_mut(..needed))?;
        let sealed = match plaintext {
            Plaintext::Separate(plaintext) => key.seal_into(&nonce, aad, plaintext, body),
            Plaintext::InPlace(len) => key.seal_in_place(&nonce, aad, len, body),
        };
        if sealed.is_err() {
            wipe(&mut out[..needed]);
        }
        sealed.map(|()| needed)
    }

    #[cfg(feature = "alloc")]
    fn batch(&self) -> usize {
        C::BATCH
    }

    #[cfg(feature = "alloc")]
    fn seal_values(&self, rng: &mut dyn Random, values: &mut [ToSeal<'_>]) {
        let mut batch = Vec::new();
        for value in &mut *values {
            let plaintext = Plaintext::Separate(value.plaintext);
            let begun = self.sealed_len(plaintext.len()).and_then(|needed| {
                let mut nonce = C::Nonce::default();
                let (_, body) = self.begin(rng, &mut nonce, plaintext, value.out.get_mut(..needed))?;
                batch.push(Sealing {
                    nonce,
                    aad: value.aad,
                    plaintext: value.plaintext,
                    body,
                    sealed: Err(Error::NoKey),
                });
                Ok(needed)
            });
            value.sealed = begun;
        }
        if let Some((_, key)) = self.key(0) {
            key.seal_batch(&mut batch);
        }
        let outcomes: Vec<_> = batch.into_iter().map(|one| one.sealed).collect();
        for (value, outcome) in values.iter_mut().filter(|value| value.sealed.is_ok()).zip(outcomes) {
            if let Err(error) = outcome {
                wipe(value.out);
                value.sealed = Err(error);
            }
        }
    }

    fn sealing_key_name(&self) -> Option<&str> {
        self.key(0).map(|(name, _)| name)
    }

    fn kind_of(&self, stored: &[u8]) -> Option<ProviderKind> {
        stored.starts_with(C::KIND.prefix().as_bytes()).then_some(C::KIND)
    }

    fn open_value<'t>(&'t self, aad: &[u8], buffers: &mut Buffers<'_>, found: &mut Found<'t>) -> Result<Range<usize>> {
        let prefix_len = C::KIND.prefix().len();
        let mut failures = Failures::default();
        let mut from = 0;
        while let Some(index) = self.next_match(buffers.stored().get(prefix_len..).unwrap_or_default(), from) {
            let (name, key) = self.key(index).ok_or(Error::NoKey)?;
            found.key_name = Some(name);
            found.stale |= index != 0;
            match Self::open_with(key, aad, prefix_len + name.len() + 1, buffers) {
                // Trying others after that would make the result depend on the size of the buffer.
                opened @ (Ok(_) | Err(Error::BufferTooSmall { .. })) => return opened,
                Err(error) => failures.record(error),
            }
            from = index + 1;
        }
        Err(failures.verdict(Error::NoMatchingKey))
    }
}

impl<C> Clone for NamedKey<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for NamedKey<'_, C> {}

impl<C> fmt::Debug for NamedKey<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<C: KeyedCipher> fmt::Debug for Keyed<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", C::KIND)?;
        f.debug_list().entries((0..).map_while(|i| self.key(i)).map(|(name, _)| name)).finish()
    }
}
