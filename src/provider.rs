//! A provider: one configured mechanism with its keys, and what opening a value tells.

#[cfg(feature = "kms")]
mod envelope;
mod identity;
mod keyed;
#[cfg(feature = "kms")]
mod kms_v1;
#[cfg(feature = "kms")]
mod kms_v2;
mod walk;
#[cfg(feature = "kms")]
mod wrapped;

#[cfg(feature = "kms")]
pub use envelope::EnvelopeProvider;
pub use identity::Identity;
#[cfg(feature = "aescbc")]
pub use keyed::AesCbc;
#[cfg(feature = "aesgcm")]
pub use keyed::AesGcm;
#[cfg(feature = "secretbox")]
pub use keyed::Secretbox;
pub use keyed::{Keyed, KeyedCipher, NamedKey};
#[cfg(feature = "kms")]
pub use kms_v1::KmsV1;
#[cfg(feature = "kms")]
pub use kms_v2::KmsV2;
#[cfg(feature = "kms")]
pub use wrapped::WrappedProvider;

#[cfg(feature = "alloc")]
pub(crate) use walk::ToSeal;
pub(crate) use walk::{Buffers, Failures, Found, Plaintext, Walk};
#[cfg(feature = "kms")]
pub(crate) use wrapped::{SealFrame, SealSource, WrappedValue};

use core::fmt;
use core::ops::Range;

use crate::error::{Error, Result};
use crate::kind::ProviderKind;
use crate::random::Random;
use crate::secret::wipe;

/// One configured mechanism with its keys. Sealed.
///
/// A provider seals and opens alone, without the list of a [`Transformer`](crate::Transformer). So does
/// bare [`Identity`], which is what Kubernetes uses for a resource that its configuration does not name.
pub trait Provider: Walk + fmt::Debug + Send + Sync {
    /// The mechanism.
    fn kind(&self) -> ProviderKind;

    /// Whether a value opens only with the AAD that it was sealed with.
    fn binds_aad(&self) -> bool;

    /// Exact length of the stored value of a plaintext of `plaintext_len` bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    fn sealed_len(&self, plaintext_len: usize) -> Result<usize>;

    /// Length of an output buffer that always suffices to open `stored`; 0 for what this provider does
    /// not read.
    fn open_len_max(&self, stored: &[u8]) -> usize;

    /// Seals `plaintext` to the start of `out` and returns the length of the stored value.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], [`Error::TooLong`], [`Error::SealsExhausted`], [`Error::Random`], and
    /// [`Error::LooksEncrypted`] from identity; nothing is written then.
    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        self.seal_value(rng, aad, Plaintext::Separate(plaintext), out)
    }

    /// Opens `stored` to the start of `out`.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`], [`Error::NoMatchingKey`], [`Error::Encrypted`],
    /// [`Error::BufferTooSmall`] or [`Error::Open`]; `out` is zeroed then.
    fn open_into<'t, 'o>(&'t self, aad: &[u8], stored: &[u8], out: &'o mut [u8]) -> Result<Opened<'t, &'o [u8]>> {
        let mut found = Found::at(0, self.kind());
        let opened = match self.kind_of(stored) {
            Some(_) => self.open_value(aad, &mut Buffers::Separate { stored, out }, &mut found),
            None => Err(Error::NoMatchingProvider),
        };
        Opened::in_output(opened, found, || self.open_len_max(stored), out)
    }
}

/// An opened value: its plaintext and where it came from.
///
/// `P` is what holds the plaintext: a part of the caller's buffer, or a [`SecretVec`](crate::SecretVec)
/// that is wiped on drop.
pub struct Opened<'t, P> {
    plaintext: P,
    found: Found<'t>,
}

impl<'t, P> Opened<'t, P> {
    pub(crate) fn new(plaintext: P, found: Found<'t>) -> Self {
        Self { plaintext, found }
    }

    /// The same with the plaintext in what the caller holds it in.
    #[cfg(feature = "kms")]
    pub(crate) fn with_plaintext<Q>(self, hold: impl FnOnce(P) -> Q) -> Opened<'t, Q> {
        Opened { plaintext: hold(self.plaintext), found: self.found }
    }

    /// Whether the value should be sealed again: it opened, and would not be written like this today.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.found.stale
    }

    /// The mechanism that opened the value.
    #[must_use]
    pub const fn provider(&self) -> ProviderKind {
        self.found.kind
    }

    /// Index in the list of the provider that opened the value, from 0.
    #[must_use]
    pub const fn provider_index(&self) -> usize {
        self.found.provider_index
    }

    /// Name of the key that opened the value; `None` from identity and from KMS.
    #[must_use]
    pub const fn key_name(&self) -> Option<&'t str> {
        self.found.key_name
    }

    /// Name of the KMS provider that opened the value; `None` from the others.
    #[must_use]
    pub const fn provider_name(&self) -> Option<&'t str> {
        self.found.provider_name
    }

    /// Whether the value was stored encrypted.
    ///
    /// # Security
    /// While identity is in the list, whoever can write to the store can put any plaintext there.
    #[must_use]
    pub fn was_encrypted(&self) -> bool {
        self.found.kind != ProviderKind::Identity
    }
}

impl<'o> Opened<'_, &'o [u8]> {
    /// The plaintext, in the caller's buffer.
    #[must_use]
    pub const fn plaintext(&self) -> &'o [u8] {
        self.plaintext
    }
}

impl<'t, 'o> Opened<'t, &'o [u8]> {
    /// The plaintext that was found in `out`; or the error, with `out` zeroed and what size suffices.
    pub(crate) fn in_output(
        opened: Result<Range<usize>>,
        found: Found<'t>,
        needed: impl FnOnce() -> usize,
        out: &'o mut [u8],
    ) -> Result<Self> {
        match opened {
            Ok(plaintext) => Ok(Self::new(&out[plaintext], found)),
            Err(error) => {
                wipe(out);
                let too_small = matches!(error, Error::BufferTooSmall { .. });
                Err(if too_small { Error::BufferTooSmall { needed: needed() } } else { error })
            }
        }
    }
}

#[cfg(feature = "kms")]
impl Opened<'_, Range<usize>> {
    /// The plaintext, in the buffer that the value was opened to; empty for a buffer that is shorter.
    #[must_use]
    pub fn plaintext_in<'o>(&self, out: &'o [u8]) -> &'o [u8] {
        out.get(self.plaintext.clone()).unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
impl Opened<'_, crate::secret::SecretVec> {
    /// The plaintext.
    #[must_use]
    pub fn plaintext(&self) -> &[u8] {
        self.plaintext.expose()
    }

    /// The plaintext, to keep: it stays wiped on drop.
    #[must_use]
    pub fn into_plaintext(self) -> crate::secret::SecretVec {
        self.plaintext
    }
}

impl<P> fmt::Debug for Opened<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("provider", &self.found.kind)
            .field("provider_index", &self.found.provider_index)
            .field("key_name", &self.found.key_name)
            .field("provider_name", &self.found.provider_name)
            .field("stale", &self.found.stale)
            .finish_non_exhaustive()
    }
}
