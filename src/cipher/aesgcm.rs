//! AES-GCM with random 96-bit nonces: NIST SP 800-38D; Kubernetes' `aes.go`, `NewGCMTransformer`.

#[cfg(feature = "aws-lc-rs")]
mod awslc;
#[cfg(any(not(target_arch = "x86_64"), all(test, feature = "pool")))]
mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

use core::ops::Range;

use super::budget::SealBudget;
use super::construction::Construction;
use super::key::key_constructors;
use super::{Cipher, layout};
use crate::error::{Error, Result};
use crate::secret::{Held, stack_wiped_after, wipe};
#[cfg(feature = "aws-lc-rs")]
use awslc as backend;
#[cfg(feature = "envelope")]
pub(super) use backend::{ONCE_STACK, open_once, seal_once, spills_once};
use backend::{STACK, Schedule};
#[cfg(not(feature = "aws-lc-rs"))]
use own as backend;
use own::STACK as OWN_STACK;
#[cfg(not(target_arch = "x86_64"))]
use rustcrypto as own;
#[cfg(target_arch = "x86_64")]
use x86 as own;

/// Bytes of the stack that opening in place is given, which is never AWS-LC's.
const IN_PLACE_STACK: usize = OWN_STACK;

/// The same where the backend works in registers that a compiler spills; about 700 bytes were seen in use, 1.5 KiB with `opt-level = "z"`.
const REGISTERS_STACK: usize = 2 * 1024;

/// The same where the key is derived and expanded for the call; about 2.2 KiB were seen in use.
#[cfg(feature = "envelope")]
pub(super) const REGISTERS_ONCE_STACK: usize = 4 * 1024;

/// An expanded AES-128, AES-192 or AES-256 key for aesgcm, with its budget of seals.
///
/// With the feature `alloc` a clone is another handle to the same key and the same budget.
///
/// # Security
/// Nonces are random, so that their chance to collide grows with every seal, and one collision gives the
/// key's integrity away. NIST SP 800-38D, 8.3, allows at most 2^32 seals under one key; a new key here
/// allows [`SEALS_MAX`](Self::SEALS_MAX). The count is that of this object: whoever stores the key and
/// loads it again also stores [`seals_left`](Self::seals_left) and sets it, or rotates the key by then.
///
/// # Example
/// ```
/// use atrest::{AesGcmKey, Secret};
///
/// let secret = Secret::<32>::generate()?;
/// let key = AesGcmKey::try_from(&secret)?.with_seals_left(AesGcmKey::SEALS_ADVISED);
/// assert_eq!(key.seals_left(), 200_000);
/// # Ok::<(), atrest::Error>(())
/// ```
#[cfg_attr(feature = "alloc", derive(Clone))]
pub struct AesGcmKey(Held<Key>);

struct Key {
    schedule: Schedule,
    seals: SealBudget,
}

key_constructors!(AesGcmKey, longest 32, lengths [16, 24, 32], doc "16, 24 or 32");

impl AesGcmKey {
    /// Seals that a new key allows: one less than NIST SP 800-38D does.
    pub const SEALS_MAX: u32 = u32::MAX;

    /// Seals after which the Kubernetes documentation advises to rotate an aesgcm key.
    pub const SEALS_ADVISED: u32 = 200_000;

    fn expand(bytes: &[u8]) -> Result<Self> {
        let build =
            || Ok::<_, Error>(Key { schedule: Schedule::expand(bytes)?, seals: SealBudget::new(Self::SEALS_MAX) });
        Held::try_new_settled(build, |key| key.schedule.settle()).map(Self)
    }

    /// The key with a budget of that many seals: a lower limit, or where an earlier count stood.
    #[must_use]
    pub fn with_seals_left(self, seals: u32) -> Self {
        self.set_seals_left(seals);
        self
    }

    /// Sets how many seals are left, in every list that holds this key.
    ///
    /// # Security
    /// It can raise the count as well as lower it: who calls it vouches for the number.
    pub fn set_seals_left(&self, seals: u32) {
        self.0.get().seals.set_left(seals);
    }

    /// How many seals are left; failed seals count like others.
    #[must_use]
    pub fn seals_left(&self) -> u32 {
        self.0.get().seals.left()
    }
}

impl Cipher for AesGcmKey {}

impl Construction for AesGcmKey {
    type Nonce = [u8; 12];

    const LAYOUT: layout::Layout = layout::AES_GCM;
    const BINDS_AAD: bool = true;

    fn take_seal(&self) -> Result<()> {
        self.0.get().seals.take()
    }

    fn seal_into(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8], body: &mut [u8]) -> Result<()> {
        let (text, tag) = body.split_at_mut(plaintext.len());
        let tag = tag.try_into().map_err(|_| Error::TooLong)?;
        let schedule = &self.0.get().schedule;
        stack_wiped_after::<STACK, REGISTERS_STACK, _>(schedule.spills(plaintext.len()), || {
            schedule.seal(nonce, aad, plaintext, text, tag)
        })
    }

    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], plaintext_len: usize, body: &mut [u8]) -> Result<()> {
        let (text, tag) = body.split_at_mut(plaintext_len);
        let tag = tag.try_into().map_err(|_| Error::TooLong)?;
        let schedule = &self.0.get().schedule;
        stack_wiped_after::<STACK, REGISTERS_STACK, _>(schedule.spills(plaintext_len), || {
            schedule.seal_in_place(nonce, aad, text, tag)
        })
    }

    fn open_into(&self, nonce: &[u8; 12], aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<usize> {
        let (text, tag) = body.split_last_chunk().ok_or(Error::Open)?;
        let out = &mut out[..text.len()];
        let schedule = &self.0.get().schedule;
        let opened = stack_wiped_after::<STACK, REGISTERS_STACK, _>(schedule.spills(text.len()), || {
            schedule.open(nonce, aad, text, out, tag)
        });
        if opened.is_err() {
            wipe(out);
        }
        opened.map(|()| text.len())
    }

    fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8]) -> Result<Range<usize>> {
        let (text, tag) = body.split_last_chunk_mut().ok_or(Error::Open)?;
        let len = text.len();
        let schedule = &self.0.get().schedule;
        stack_wiped_after::<IN_PLACE_STACK, REGISTERS_STACK, _>(schedule.spills_in_place(), || {
            schedule.open_in_place(nonce, aad, text, tag)
        })?;
        Ok(0..len)
    }
}
