//! Ordered providers as one: routing by prefix, fall-through and `stale`. It knows no cipher.

#[cfg(feature = "alloc")]
mod builder;
#[cfg(feature = "alloc")]
mod many;
#[cfg(feature = "alloc")]
mod owned;
mod watch;

#[cfg(feature = "alloc")]
pub use builder::TransformerBuilder;

use core::fmt;
use core::ops::Range;

#[cfg(feature = "alloc")]
use alloc::{sync::Arc, vec::Vec};

use crate::error::{Error, Result};
use crate::kind::ProviderKind;
use crate::provider::{Buffers, Failures, Found, Opened, Plaintext, Provider};
use crate::random::Random;
use watch::Watch;

/// An ordered list of providers: the first one seals, and all are tried to open.
///
/// To open, every provider whose prefix the value begins with is tried in order. A value that another
/// provider or key than the first opened is *stale*: readable, and to be sealed again. When several were
/// tried and failed, one error is reported, [`Error::Open`] before [`Error::NoMatchingKey`]. Once a provider
/// with a prefix matched and failed, identity is not tried.
///
/// `aad` is additional authenticated data. In the API server it is the object's full etcd key, such as
/// `/registry/secrets/default/login1`. It is not stored; [`Provider::binds_aad`] tells which providers
/// authenticate it.
///
/// # Example
/// Without an allocator, over borrowed keys:
/// ```
/// use atrest::{AesGcm, AesGcmKey, Identity, NamedKey, OsRandom, Provider, Transformer};
///
/// let key = AesGcmKey::from_base64("c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/Pz8/Pz8=")?;
/// let keys = [NamedKey::new("2026-11", &key)?];
/// let aesgcm = AesGcm::borrowed(&keys)?;
/// let providers: [&dyn Provider; 2] = [&aesgcm, &Identity::new()];
/// let transformer = Transformer::borrowed(&providers)?;
///
/// let aad = b"/registry/secrets/default/login1";
/// let (mut stored, mut plaintext) = ([0; 128], [0; 128]);
/// let len = transformer.seal_into(&mut OsRandom, aad, b"hunter2", &mut stored)?;
/// let opened = transformer.open_into(aad, &stored[..len], &mut plaintext)?;
/// assert_eq!(opened.plaintext(), b"hunter2");
/// assert!(!opened.is_stale());
/// # Ok::<(), atrest::Error>(())
/// ```
#[cfg_attr(feature = "alloc", derive(Clone))]
pub struct Transformer<'p> {
    providers: Providers<'p>,
    watch: Option<Watch<'p>>,
}

#[cfg_attr(feature = "alloc", derive(Clone))]
enum Providers<'p> {
    Borrowed(&'p [&'p dyn Provider]),
    /// One provider in no list, whose own errors are reported.
    #[cfg(feature = "config")]
    Bare(&'p dyn Provider),
    #[cfg(feature = "alloc")]
    Owned(Vec<Arc<dyn Provider + 'p>>),
}

impl<'p> Transformer<'p> {
    /// A transformer over borrowed providers.
    ///
    /// # Errors
    /// [`Error::NoProvider`] for an empty list.
    pub const fn borrowed(providers: &'p [&'p dyn Provider]) -> Result<Self> {
        if providers.is_empty() {
            return Err(Error::NoProvider);
        }
        Ok(Self { providers: Providers::Borrowed(providers), watch: None })
    }

    /// One provider that is in no list: a value that it refuses is refused for its own reason.
    #[cfg(feature = "config")]
    pub(crate) const fn bare(provider: &'p dyn Provider) -> Self {
        Self { providers: Providers::Bare(provider), watch: None }
    }

    /// Whether an error of a provider without a prefix is reported.
    const fn is_bare(&self) -> bool {
        #[cfg(feature = "config")]
        return matches!(self.providers, Providers::Bare(_));
        #[cfg(not(feature = "config"))]
        false
    }

    fn provider(&self, index: usize) -> Option<&(dyn Provider + 'p)> {
        match &self.providers {
            Providers::Borrowed(providers) => providers.get(index).copied(),
            #[cfg(feature = "config")]
            Providers::Bare(provider) => (index == 0).then_some(*provider),
            #[cfg(feature = "alloc")]
            Providers::Owned(providers) => providers.get(index).map(|provider| &**provider),
        }
    }

    /// The providers in their order.
    pub fn providers(&self) -> impl Iterator<Item = &(dyn Provider + 'p)> {
        (0..).map_while(|index| self.provider(index))
    }

    fn first(&self) -> Result<&(dyn Provider + 'p)> {
        self.provider(0).ok_or(Error::NoProvider)
    }

    /// Exact length of the stored value of a plaintext of `plaintext_len` bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        self.first()?.sealed_len(plaintext_len)
    }

    /// Length of an output buffer that always suffices to open `stored`; never more than `stored` itself.
    #[must_use]
    pub fn open_len_max(&self, stored: &[u8]) -> usize {
        self.providers().map(|provider| provider.open_len_max(stored)).max().unwrap_or(0)
    }

    /// Seals `plaintext` to the start of `out` and returns the length of the stored value.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], [`Error::TooLong`], [`Error::SealsExhausted`], [`Error::Random`], and
    /// [`Error::LooksEncrypted`] from identity; nothing is written then.
    pub fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        let sealed = self.first()?.seal_value(rng, aad, Plaintext::Separate(plaintext), out);
        self.told_seal(plaintext.len(), sealed)
    }

    /// Seals the first `plaintext_len` bytes of `buffer` where they are, and returns the length of the stored
    /// value, which takes their place.
    ///
    /// # Errors
    /// As of [`seal_into`](Self::seal_into); the plaintext is unchanged then. A `plaintext_len` beyond
    /// the buffer is [`Error::BufferTooSmall`], or [`Error::TooLong`] beyond the address space.
    pub fn seal_in_place(
        &self,
        rng: &mut dyn Random,
        aad: &[u8],
        plaintext_len: usize,
        buffer: &mut [u8],
    ) -> Result<usize> {
        let sealed = self.first()?.seal_value(rng, aad, Plaintext::InPlace(plaintext_len), buffer);
        self.told_seal(plaintext_len, sealed)
    }

    /// Opens `stored` to the start of `out`.
    ///
    /// A buffer of [`open_len_max`](Self::open_len_max) bytes always suffices. What of `out` lies behind the
    /// plaintext is unspecified and holds no plaintext.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`], [`Error::NoMatchingKey`], [`Error::BufferTooSmall`] or
    /// [`Error::Open`], and [`Error::Encrypted`] where a configuration has no provider for the resource; the whole of `out` is zeroed
    /// then.
    pub fn open_into<'t, 'o>(&'t self, aad: &[u8], stored: &[u8], out: &'o mut [u8]) -> Result<Opened<'t, &'o [u8]>> {
        let mut found = Found::nothing();
        let opened = self.open_first(aad, &mut Buffers::Separate { stored, out }, &mut found);
        Opened::in_output(opened, found, || self.open_len_max(stored), out)
    }

    /// Opens `stored` where it is; the plaintext is a part of it.
    ///
    /// # Errors
    /// As of [`open_into`](Self::open_into) but for the buffer's size; `stored` is unchanged then,
    /// and nothing of a plaintext was written.
    pub fn open_in_place<'t, 'o>(&'t self, aad: &[u8], stored: &'o mut [u8]) -> Result<Opened<'t, &'o [u8]>> {
        let mut found = Found::nothing();
        let plaintext = self.open_first(aad, &mut Buffers::InPlace(stored), &mut found)?;
        Ok(Opened::new(&stored[plaintext], found))
    }

    /// Opens a value by the first provider that can, tells the observer, and returns where the plaintext lies; `found` is
    /// written over.
    // Inlined as what it calls: an outcome that is handed on in memory costs as much as a short value's decryption.
    #[inline(always)]
    fn open_first<'t>(&'t self, aad: &[u8], buffers: &mut Buffers<'_>, found: &mut Found<'t>) -> Result<Range<usize>> {
        let opened = self.route(aad, buffers, found);
        self.told_open(opened, found, buffers)
    }

    #[inline(always)]
    fn route<'t>(&'t self, aad: &[u8], buffers: &mut Buffers<'_>, found: &mut Found<'t>) -> Result<Range<usize>> {
        let mut failures = Failures::default();
        for (index, provider) in self.providers().enumerate() {
            let Some(kind) = provider.kind_of(buffers.stored()) else { continue };
            let has_prefix = kind != ProviderKind::Identity;
            if !has_prefix && failures.any() {
                continue;
            }
            *found = Found::at(index, kind);
            match provider.open_value(aad, buffers, found) {
                // Trying others after that would make the result depend on the size of the buffer.
                opened @ (Ok(_) | Err(Error::BufferTooSmall { .. })) => return opened,
                Err(_) if !has_prefix && !self.is_bare() => {}
                Err(error) => failures.record(error),
            }
        }
        Err(failures.verdict(Error::NoMatchingProvider))
    }
}

#[cfg(feature = "alloc")]
fn zeroed(len: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    out.resize(len, 0);
    Ok(out)
}

impl fmt::Debug for Transformer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transformer ")?;
        f.debug_list().entries(self.providers()).finish()
    }
}
