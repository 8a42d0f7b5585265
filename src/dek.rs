//! Data encryption keys (DEKs): made here to seal, or recovered from a KEK to open. Only the former seal.

mod budget;

use alloc::boxed::Box;
use core::fmt;

#[cfg(all(feature = "kms", feature = "aescbc"))]
use crate::cipher::AesCbcKey;
use crate::cipher::committing::CommittingKey;
use crate::cipher::construction::Construction;
use crate::cipher::xnonce_gcm::XNonceGcmKey;
use crate::cipher::{AesGcmKey, Algorithm};
use crate::error::{Error, Result};
use crate::random::{KeySource, Random};
use crate::secret::Secret;

use budget::DekBudget;
pub use budget::DekLimits;

mod sealed {
    pub trait Sealed {}
}

/// A DEK that opens what was sealed under it. Sealed: [`FreshDek`] and [`RecoveredDek`].
pub trait OpenDek: sealed::Sealed + fmt::Debug + Send + Sync {
    /// How the DEK is used.
    fn scheme(&self) -> DekScheme;

    /// Length of the plaintext of a sealed form of `sealed_len` bytes; `None` if none has this length.
    fn plaintext_len(&self, sealed_len: usize) -> Option<usize> {
        self.scheme().plaintext_len(sealed_len)
    }

    /// Opens `sealed` to the start of `out` and returns the length of the plaintext.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::BufferTooSmall`]; what was written to `out` is zeroed then.
    fn open_into(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize>;
}

/// A DEK that also seals, with a budget. Sealed: [`FreshDek`] alone, which was made in this process.
pub trait SealDek: OpenDek {
    /// Exact length of the sealed form of a plaintext.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    fn sealed_len(&self, plaintext_len: usize) -> Result<usize> {
        self.scheme().sealed_len(plaintext_len).ok_or(Error::TooLong)
    }

    /// Seals `plaintext` to the start of `out` and returns the length of the sealed form.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`], [`Error::TooLong`], [`Error::SealsExhausted`] once the budget is used up, and
    /// [`Error::Random`]; nothing is written then.
    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize>;

    /// Whether the budget has room for one more plaintext of this length.
    fn has_budget(&self, plaintext_len: usize) -> bool;
}

/// How a DEK is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DekScheme {
    /// AES-GCM with random 96-bit nonces under the DEK itself: KMS v1, and KMS v2 before Kubernetes 1.29.
    AesGcm,
    /// AES-256-GCM under a key that HKDF-SHA256 expands from the DEK for each value: KMS v2.
    AesGcmXNonce,
    /// A key that HKDF-SHA256 expands from the DEK for each value, with a commitment to it that is checked before
    /// anything is decrypted: the crate's own envelope.
    Committing(Algorithm),
}

impl DekScheme {
    /// A number that no other scheme has, the same for good. Its user is the DEK cache.
    #[cfg(feature = "kms")]
    pub(crate) const fn id(self) -> u8 {
        match self {
            Self::AesGcm => 0,
            Self::AesGcmXNonce => 1,
            // Far from the numbers that Kubernetes may give to more kinds.
            Self::Committing(algorithm) => 0x80 | algorithm.code(),
        }
    }

    /// Length of the sealed form of a plaintext, or `None` if the plaintext is too long.
    pub(crate) fn sealed_len(self, plaintext_len: usize) -> Option<usize> {
        match self {
            Self::AesGcm => AesGcmKey::LAYOUT.body_len(plaintext_len)?.checked_add(AesGcmKey::LAYOUT.nonce_len),
            Self::AesGcmXNonce => XNonceGcmKey::sealed_len(plaintext_len),
            Self::Committing(algorithm) => algorithm.committing_layout().sealed_len(plaintext_len),
        }
    }

    /// Length of the plaintext of a sealed form; `None` if none has this length.
    pub(crate) fn plaintext_len(self, sealed_len: usize) -> Option<usize> {
        match self {
            Self::AesGcm => {
                let body_len = sealed_len.checked_sub(AesGcmKey::LAYOUT.nonce_len)?;
                AesGcmKey::LAYOUT.plaintext_len(body_len).map(|(len, _)| len)
            }
            Self::AesGcmXNonce => XNonceGcmKey::plaintext_len(sealed_len),
            Self::Committing(algorithm) => {
                algorithm.committing_layout().plaintext_len_of_sealed(sealed_len).map(|(len, _)| len)
            }
        }
    }
}

/// The expanded form of a DEK.
#[derive(Clone)]
enum Schedule {
    AesGcm(AesGcmKey),
    AesGcmXNonce(XNonceGcmKey),
    Committing(CommittingKey),
}

impl Schedule {
    fn expand(scheme: DekScheme, dek: &[u8]) -> Result<Self> {
        Ok(match scheme {
            DekScheme::AesGcm => Self::AesGcm(AesGcmKey::from_bytes(dek)?),
            DekScheme::AesGcmXNonce => Self::AesGcmXNonce(XNonceGcmKey::from_seed(dek)?),
            DekScheme::Committing(algorithm) => Self::Committing(CommittingKey::from_dek(algorithm, dek)?),
        })
    }

    const fn scheme(&self) -> DekScheme {
        match self {
            Self::AesGcm(_) => DekScheme::AesGcm,
            Self::AesGcmXNonce(_) => DekScheme::AesGcmXNonce,
            Self::Committing(key) => DekScheme::Committing(key.algorithm()),
        }
    }

    /// Seals into `out`, which has exactly the sealed length.
    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<()> {
        match self {
            Self::AesGcm(key) => {
                let (nonce, body) = out.split_first_chunk_mut().ok_or(Error::TooLong)?;
                let mut drawn = [0; 12];
                rng.fill(&mut drawn)?;
                key.seal_into(&drawn, aad, plaintext, body)?;
                *nonce = drawn;
                Ok(())
            }
            Self::AesGcmXNonce(key) => key.seal_into(rng, aad, plaintext, out),
            Self::Committing(key) => key.seal_into(rng, aad, plaintext, out),
        }
    }

    /// Opens to the start of `out`, which holds at least the plaintext.
    fn open_into(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        match self {
            Self::AesGcm(key) => {
                let (nonce, body) = sealed.split_first_chunk().ok_or(Error::Open)?;
                key.open_into(nonce, aad, body, out)
            }
            Self::AesGcmXNonce(key) => key.open_into(aad, sealed, out),
            Self::Committing(key) => key.open_into(aad, sealed, out),
        }
    }

    fn open_checked(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        let needed = self.scheme().plaintext_len(sealed.len()).ok_or(Error::Open)?;
        let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        self.open_into(aad, sealed, out)
    }
}

/// A DEK that was made in this process: it seals and opens, and its bytes can be given to a KEK to wrap.
pub struct FreshDek {
    /// In a place of its own: a DEK is moved on its way from the request to wrap it to the plan, also out of futures, whose
    /// memory is freed as it is left.
    bytes: Box<Secret<32>>,
    schedule: Schedule,
    budget: DekBudget,
}

impl FreshDek {
    /// Makes a DEK of 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate_with(scheme: DekScheme, limits: DekLimits, rng: &mut dyn KeySource) -> Result<Self> {
        let bytes = Secret::<32>::boxed(|bytes| Ok::<_, Error>(rng.fill(bytes)?))?;
        let schedule = Schedule::expand(scheme, bytes.expose())?;
        Ok(Self { bytes, schedule, budget: DekBudget::new(limits) })
    }

    /// Makes a DEK of 32 random bytes from the operating system's source.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate(scheme: DekScheme, limits: DekLimits) -> Result<Self> {
        Self::generate_with(scheme, limits, &mut crate::random::OsRandom)
    }

    /// The bytes, for a KEK to wrap.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.bytes.expose()
    }

    /// Whether it is time for another DEK: a plaintext was refused, or no more than a sixteenth of the budget is left.
    #[must_use]
    pub fn is_nearly_used_up(&self) -> bool {
        self.budget.is_nearly_used_up()
    }

    /// Refuses a plaintext that the budget has no room for; if that of a new DEK had, this one is nearly used up.
    #[cfg(feature = "kms")]
    pub(crate) fn check_budget(&self, plaintext_len: usize) -> Result<()> {
        self.budget.check(plaintext_len)
    }

    /// The same DEK as one that only opens.
    #[must_use]
    pub fn to_recovered(&self) -> RecoveredDek {
        RecoveredDek::new(self.schedule.clone())
    }
}

impl sealed::Sealed for FreshDek {}

impl OpenDek for FreshDek {
    fn scheme(&self) -> DekScheme {
        self.schedule.scheme()
    }

    fn open_into(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        self.schedule.open_checked(aad, sealed, out)
    }
}

impl SealDek for FreshDek {
    fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<usize> {
        let needed = self.sealed_len(plaintext.len())?;
        let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        self.budget.take(plaintext.len())?;
        self.schedule.seal_into(rng, aad, plaintext, out).map(|()| needed)
    }

    fn has_budget(&self, plaintext_len: usize) -> bool {
        self.budget.has(plaintext_len)
    }
}

/// A DEK that a KEK unwrapped: it only opens.
///
/// A clone is another handle to the same key.
#[derive(Clone)]
pub struct RecoveredDek {
    schedule: Schedule,
    #[cfg(all(feature = "kms", feature = "aescbc"))]
    legacy: Option<AesCbcKey>,
}

impl RecoveredDek {
    /// Expands what a KEK unwrapped: 16, 24 or 32 bytes for [`DekScheme::AesGcm`], 32 or more for
    /// [`DekScheme::AesGcmXNonce`], 32 for [`DekScheme::Committing`].
    ///
    /// # Errors
    /// [`Error::KeyLength`].
    pub fn from_bytes(scheme: DekScheme, dek: &[u8]) -> Result<Self> {
        Schedule::expand(scheme, dek).map(Self::new)
    }

    fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            #[cfg(all(feature = "kms", feature = "aescbc"))]
            legacy: None,
        }
    }

    /// The same, which also opens what was sealed with AES-CBC under this DEK, as KMS v1 once did.
    #[cfg(all(feature = "kms", feature = "aescbc"))]
    pub(crate) fn with_legacy_cbc(mut self, dek: &[u8]) -> Result<Self> {
        self.legacy = Some(AesCbcKey::from_bytes(dek)?);
        Ok(self)
    }

    /// Opens what was sealed with AES-CBC, without any integrity; [`Error::Open`] unless that is switched on.
    #[cfg(all(feature = "kms", feature = "aescbc"))]
    pub(crate) fn open_legacy_cbc(&self, sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        let key = self.legacy.as_ref().ok_or(Error::Open)?;
        let (iv, body) = sealed.split_first_chunk().ok_or(Error::Open)?;
        let needed = AesCbcKey::LAYOUT.open_len_max(body.len()).ok_or(Error::Open)?;
        let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        key.open_into(iv, &[], body, out)
    }

    /// Checks that `sealed` was sealed under this DEK, by its commitment alone: the ciphertext is not looked at.
    ///
    /// # Errors
    /// [`Error::Open`], also for a scheme without commitments.
    pub(crate) fn check(&self, sealed: &[u8]) -> Result<()> {
        match &self.schedule {
            Schedule::Committing(key) => key.check(sealed),
            Schedule::AesGcm(_) | Schedule::AesGcmXNonce(_) => Err(Error::Open),
        }
    }
}

impl sealed::Sealed for RecoveredDek {}

impl OpenDek for RecoveredDek {
    fn scheme(&self) -> DekScheme {
        self.schedule.scheme()
    }

    fn open_into(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        self.schedule.open_checked(aad, sealed, out)
    }
}

impl fmt::Debug for FreshDek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshDek").field("scheme", &self.scheme()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RecoveredDek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveredDek").field("scheme", &self.scheme()).finish_non_exhaustive()
    }
}
