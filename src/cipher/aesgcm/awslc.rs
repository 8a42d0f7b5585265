//! The backend by `aws-lc-rs`: AES-GCM in one pass, in assembly. It is built from C. Our own backend has what it takes less time
//! for, or hardly more: every text where it takes four blocks at once, short ones where it takes two.
//!
//! The library decrypts before it knows whether the tag is right, and zeroes its output if it is not. Opening in place has
//! to leave the value as it was then, so that our own backend does that.
//!
//! The round keys lie in memory of the library's own, which it wipes when it gives it back. What its code leaves on
//! the stack is overwritten after each call, what it leaves in registers is not.

use alloc::boxed::Box;

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::own;
use crate::declassified;
use crate::error::{Error, Result};
use crate::secret::Spills;

/// Bytes of the stack that a call is given; about 1.5 KiB were seen in use.
pub(crate) const STACK: usize = 2 * 1024;

/// The same where the key is derived and expanded for the call; about 3 KiB were seen in use.
#[cfg(feature = "envelope")]
pub(crate) const ONCE_STACK: usize = 7 * 1024;

/// Length of a text from which on AWS-LC is faster than our pass with two blocks to a register.
const LONG: usize = 1536;

/// The same where the key has to be expanded for the text.
#[cfg(feature = "envelope")]
const LONG_ONCE: usize = 512;

/// The round keys and the hash key, once for each backend.
pub(super) struct Schedule {
    /// Boxed, so that what is left of it when it is dropped, addresses alone, is not taken for key material.
    long: Box<Key>,
    /// Fills what would be padding, which is moved along and not wiped on drop.
    #[expect(dead_code, reason = "the zeros are there to be moved, not read")]
    zeros: usize,
    own: own::Schedule,
}

/// A key of the library.
pub(super) struct Key(LessSafeKey);

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        Ok(Self { long: Box::new(Key::expand(key)?), zeros: 0, own: own::Schedule::expand(key)? })
    }

    /// Makes the best of where it lies, from where it is not moved any more.
    pub(super) fn settle(&mut self) {
        self.own.settle();
    }

    /// What a call with a text of that length leaves on the stack.
    pub(super) const fn spills(&self, text_len: usize) -> Spills {
        if self.is_for_own(text_len) { self.own.spills(text_len) } else { Spills::Much }
    }

    /// The same of opening in place.
    pub(super) const fn spills_in_place(&self) -> Spills {
        self.own.spills_in_place()
    }

    /// Whether our own backend takes less time for a text of that length.
    const fn is_for_own(&self, text_len: usize) -> bool {
        match self.own.spills(text_len) {
            Spills::Nothing => true,
            Spills::Little => text_len < LONG,
            Spills::Much => false,
        }
    }

    /// Encrypts `plaintext` to `out`, of the same length, and writes the tag.
    pub(super) fn seal(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        if self.is_for_own(plaintext.len()) {
            return self.own.seal(nonce, aad, plaintext, out, tag);
        }
        self.long.seal(nonce, aad, plaintext, out, tag)
    }

    /// Encrypts `text` where it is and writes the tag.
    pub(super) fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        if self.is_for_own(text.len()) {
            return self.own.seal_in_place(nonce, aad, text, tag);
        }
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self.long.0.seal_in_place_scatter(nonce, Aad::from(aad), text, &[], tag);
        sealed.map_err(|_| Error::TooLong)
    }

    /// Decrypts `text` to `out`, of the same length; if the tag is wrong the output is the caller's to wipe.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        if self.is_for_own(text.len()) {
            return self.own.open(nonce, aad, text, out, tag);
        }
        self.long.open(nonce, aad, text, out, tag)
    }

    /// Checks the tag, and only then decrypts `text` where it is.
    pub(super) fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        self.own.open_in_place(nonce, aad, text, tag)
    }
}

#[cfg(all(test, feature = "pool"))]
#[allow(clippy::unwrap_used)]
impl Schedule {
    /// Beside each of our own backend's; where that is none in registers, all is the library's.
    #[cfg(target_arch = "x86_64")]
    fn ways(key: &[u8]) -> alloc::vec::Vec<Self> {
        let beside = |own| Self { long: Box::new(Key::expand(key).unwrap()), zeros: 0, own };
        own::Schedule::ways(key).into_iter().map(beside).collect()
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn ways(key: &[u8]) -> [Self; 1] {
        [Self::expand(key).unwrap()]
    }
}

/// What sealing or opening a text of that length leaves on the stack, whatever the key.
#[cfg(feature = "envelope")]
pub(crate) fn spills_once(text_len: usize) -> Spills {
    if own::takes_quads() || text_len < LONG_ONCE { own::spills_once(text_len) } else { Spills::Much }
}

/// Encrypts `plaintext` under a key that is used for this one value: as [`Schedule::seal`].
#[cfg(feature = "envelope")]
pub(crate) fn seal_once(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
    tag: &mut [u8; 16],
) -> Result<()> {
    if spills_once(plaintext.len()) != Spills::Much {
        return own::seal_once(key, nonce, aad, plaintext, out, tag);
    }
    Key::expand(key)?.seal(nonce, aad, plaintext, out, tag)
}

/// Decrypts `text` under a key that is used for this one value: as [`Schedule::open`].
#[cfg(feature = "envelope")]
pub(crate) fn open_once(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    text: &[u8],
    out: &mut [u8],
    tag: &[u8; 16],
) -> Result<()> {
    if spills_once(text.len()) != Spills::Much {
        return own::open_once(key, nonce, aad, text, out, tag);
    }
    Key::expand(key)?.open(nonce, aad, text, out, tag)
}

impl Key {
    fn expand(key: &[u8]) -> Result<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            _ => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| Error::KeyLength { len: key.len() })?;
        Ok(Self(LessSafeKey::new(key)))
    }

    fn seal(&self, nonce: &[u8; 12], aad: &[u8], plaintext: &[u8], out: &mut [u8], tag: &mut [u8; 16]) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self.0.seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, out, &[], tag);
        sealed.map_err(|_| Error::TooLong)
    }

    fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        declassified::verdict_of(self.0.open_separate_gather(nonce, Aad::from(aad), text, tag, out))
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "against_rustcrypto.rs"]
#[allow(clippy::duplicate_mod, reason = "each backend has the same tests")]
mod tests;
