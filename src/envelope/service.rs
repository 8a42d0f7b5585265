//! Sealing, opening and rotation of values under one KEK.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::format::{Header, payload_aad};
use super::lease::{Lease, Settings, wrapped};
use super::rewrap::{Rewrap, expand};
use super::watch::Watch;
use crate::cipher::Algorithm;
use crate::dek::{DekLimits, OpenDek};
use crate::error::{Error, Result};
use crate::kek::{CallError, Kek, WrappedDek};
use crate::observer::{Observer, Operation};
use crate::random::{KeySource, OsRandom};
use crate::secret::{SecretVec, WipedUnlessKept};

/// The crate's own envelope over a KEK: every value carries its DEK, wrapped.
///
/// `context` is what a value belongs to: a tenant, a table and a row. It is not stored; the KEK authenticates it on the
/// wrapped DEK, the cipher on the payload, and a value opens under no other.
///
/// The key of a value's payload is derived for this value alone, so that there is no nonce to run out of, and the
/// value holds a commitment to it, which is checked before anything is decrypted: no value opens under two keys.
///
/// Calls of the KEK may block. [`seal`](Self::seal) makes a DEK a value and asks the KEK each time;
#[cfg_attr(feature = "std", doc = "[`sealer`](Self::sealer) asks once for many values of one context.")]
#[cfg_attr(not(feature = "std"), doc = "with the feature `std`, `sealer` asks once for many values of one context.")]
///
/// # Example
/// ```
/// use atrest::{Envelope, LocalKek};
///
/// let mut envelope = Envelope::new(LocalKek::generate()?);
/// let sealed = envelope.seal(b"tenant 7", b"hunter2")?;
///
/// envelope.kek_mut().rotate()?;
/// assert!(envelope.is_stale(&sealed)?);
/// let rewrapped = envelope.rewrap(b"tenant 7", &sealed)?;
/// assert_eq!(envelope.open(b"tenant 7", &rewrapped)?.expose(), b"hunter2");
/// assert!(envelope.open(b"tenant 8", &rewrapped).is_err());
/// # Ok::<(), atrest::CallError>(())
/// ```
pub struct Envelope<K> {
    kek: K,
    settings: Settings,
    watch: Watch,
}

impl<K: Kek> Envelope<K> {
    /// An envelope over a KEK, with XChaCha20-Poly1305.
    #[must_use]
    pub fn new(kek: K) -> Self {
        let settings = Settings { algorithm: Algorithm::XChaCha20Poly1305, limits: DekLimits::NIST };
        Self { kek, settings, watch: Watch::default() }
    }

    /// The same, sealing with this algorithm. Values of every algorithm are opened.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.settings.algorithm = algorithm;
        self
    }

    /// The same with these limits for each DEK, which matter where one seals many values.
    #[must_use]
    pub const fn with_limits(mut self, limits: DekLimits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Has this observer told of every seal, open and rewrap, and of every DEK that is wrapped or unwrapped.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.watch = Watch(Some(observer));
        self
    }

    /// The KEK.
    pub const fn kek(&self) -> &K {
        &self.kek
    }

    /// The KEK, to rotate it.
    pub const fn kek_mut(&mut self) -> &mut K {
        &mut self.kek
    }

    #[cfg(feature = "std")]
    pub(super) const fn settings(&self) -> Settings {
        self.settings
    }

    #[cfg(feature = "std")]
    pub(super) const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Seals `plaintext` under a new DEK from the operating system's random source.
    ///
    /// # Errors
    /// As of [`seal_with`](Self::seal_with).
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        self.seal_with(&mut OsRandom, context, plaintext)
    }

    /// Seals `plaintext` under a new DEK from `rng`.
    ///
    /// # Errors
    /// What the KEK refused, and [`Error::KekAnswer`] for a key id, a wrapped DEK or annotations that the format does not
    /// hold; [`Error::TooLong`], [`Error::SealsExhausted`] where the limits do not allow one value of this length,
    /// [`Error::Random`], [`Error::OutOfMemory`].
    pub fn seal_with(
        &self,
        mut rng: &mut dyn KeySource,
        context: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CallError> {
        let lease = Lease::make(&self.kek, self.settings, rng, context, plaintext.len(), &self.watch);
        self.told_seal(lease, plaintext.len(), |lease| lease.seal(&mut rng, plaintext))
    }

    /// Seals `plaintext` under a new DEK from `rng` to the start of `out`, and returns the length of the value, which
    /// is known only when the KEK has answered.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`]; as of [`seal_with`](Self::seal_with). Nothing is written then.
    pub fn seal_into(
        &self,
        mut rng: &mut dyn KeySource,
        context: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CallError> {
        let lease = Lease::make(&self.kek, self.settings, rng, context, plaintext.len(), &self.watch);
        self.told_seal(lease, plaintext.len(), |lease| lease.seal_into(&mut rng, plaintext, out))
    }

    /// Opens a value to memory that is wiped on drop.
    ///
    /// # Errors
    /// What the KEK refused; [`Error::KekAnswer`] for a DEK that has not 32 bytes; [`Error::NoMatchingProvider`] for
    /// what does not begin like a value of this version; [`Error::Open`], [`Error::OutOfMemory`].
    pub fn open(&self, context: &[u8], stored: &[u8]) -> Result<SecretVec, CallError> {
        let opened = SecretVec::zeroed(self.open_len_max(stored)).map_err(CallError::from).and_then(|mut plaintext| {
            let len = self.open_value(context, stored, plaintext.expose_mut())?;
            plaintext.truncate(len);
            Ok(plaintext)
        });
        self.watch.told(Operation::Open, || key_id_of(stored), stored.len(), opened)
    }

    /// Opens a value to the start of `out` and returns the length of the plaintext, which is
    /// [`open_len_max`](Self::open_len_max).
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], before the KEK is asked; as of [`open`](Self::open). The whole of `out` is zeroed
    /// then.
    pub fn open_into(&self, context: &[u8], stored: &[u8], out: &mut [u8]) -> Result<usize, CallError> {
        let opened = self.open_value(context, stored, out);
        // On failure, and should the observer panic.
        let plaintext = WipedUnlessKept::new(out);
        let len = self.watch.told(Operation::Open, || key_id_of(stored), stored.len(), opened)?;
        plaintext.keep();
        Ok(len)
    }

    /// Length of an output buffer that suffices to open `stored`; 0 for what is no value of this version.
    #[must_use]
    pub fn open_len_max(&self, stored: &[u8]) -> usize {
        Header::parse(stored).ok().and_then(|header| header.plaintext_len()).unwrap_or(0)
    }

    /// Whether a value should be written again, as far as its header tells: its key id is not the KEK's, or its algorithm
    /// not the one that seals. [`rewrap`](Self::rewrap) mends the first, [`reseal`](Self::reseal) both.
    ///
    /// # Security
    /// The key id of a value is forgeable.
    ///
    /// # Errors
    /// What the KEK refused; [`Error::NoMatchingProvider`], [`Error::Open`] for what is no value.
    pub fn is_stale(&self, stored: &[u8]) -> Result<bool, CallError> {
        let header = Header::parse(stored)?;
        Ok(header.algorithm != self.settings.algorithm || self.kek.key_id()? != header.key_id)
    }

    /// The value with its DEK wrapped anew, by the KEK's key of today; the payload is the same byte for byte and is not
    /// decrypted, only the DEK's commitment is checked.
    ///
    /// # Errors
    /// As of [`open`](Self::open) and, for the KEK's answer, [`seal_with`](Self::seal_with).
    pub fn rewrap(&self, context: &[u8], stored: &[u8]) -> Result<Vec<u8>, CallError> {
        self.watch.told(Operation::Rotate, || key_id_of(stored), stored.len(), self.rewrapped(context, stored))
    }

    /// The value sealed anew, under a new DEK and with the algorithm that seals.
    ///
    /// # Errors
    /// As of [`open`](Self::open) and [`seal`](Self::seal).
    pub fn reseal(&self, context: &[u8], stored: &[u8]) -> Result<Vec<u8>, CallError> {
        let plaintext = self.open(context, stored)?;
        self.seal(context, plaintext.expose())
    }

    fn told_seal<T>(
        &self,
        lease: Result<Lease, CallError>,
        plaintext_len: usize,
        seal: impl FnOnce(&Lease) -> Result<T>,
    ) -> Result<T, CallError> {
        match lease {
            Ok(lease) => {
                let sealed = seal(&lease).map_err(CallError::from);
                self.watch.told(Operation::Seal, || lease.key_id(), plaintext_len, sealed)
            }
            Err(error) => self.watch.told(Operation::Seal, || None, plaintext_len, Err(error)),
        }
    }

    fn rewrapped(&self, context: &[u8], stored: &[u8]) -> Result<Vec<u8>, CallError> {
        let rewrap = Rewrap::begin(context, stored)?;
        let rewrap = rewrap.answer(self.unwrap_dek(&rewrap.request())?)?;
        Ok(rewrap.answer(&wrapped(&self.kek, rewrap.expose_dek(), context, &self.watch)?)?)
    }

    fn open_value(&self, context: &[u8], stored: &[u8], out: &mut [u8]) -> Result<usize, CallError> {
        let header = Header::parse(stored)?;
        let needed = header.plaintext_len().ok_or(Error::Open)?;
        let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        let aad = payload_aad(header.algorithm, context)?;
        let request = WrappedDek::new(header.key_id, header.wrapped, context);
        let dek = expand(&header, &self.unwrap_dek(&request)?)?;
        Ok(dek.open_into(&aad, header.sealed, out)?)
    }

    /// The DEK's bytes, as the KEK answered them.
    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, CallError> {
        let answer = self.kek.unwrap_dek(wrapped);
        self.watch.told(Operation::Unwrap, || Some(wrapped.key_id()), 0, answer.map_err(CallError::from))
    }
}

fn key_id_of(stored: &[u8]) -> Option<&str> {
    Header::parse(stored).ok().map(|header| header.key_id)
}

impl<K: fmt::Debug> fmt::Debug for Envelope<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("kek", &self.kek).field("settings", &self.settings).finish()
    }
}
