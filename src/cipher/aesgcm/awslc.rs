//! The backend by `aws-lc-rs`: AES-GCM in one pass, in assembly. It is built from C.
//!
//! The library decrypts before it knows whether the tag is right, and zeroes its output if it is not. Opening in place has
//! to leave the value as it was then, so that the portable backend does that.
//!
//! The round keys lie in memory of the library's own, which it wipes when it gives it back. What its code leaves on
//! the stack is overwritten after each call, what it leaves in registers is not.

use alloc::boxed::Box;

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::rustcrypto;
use crate::declassified;
use crate::error::{Error, Result};

/// Bytes of the stack that a call is given; about 1.5 KiB were seen in use.
pub(crate) const STACK: usize = 2 * 1024;

/// The same where the key is derived and expanded for the call; about 3 KiB were seen in use.
#[cfg(feature = "envelope")]
pub(crate) const ONCE_STACK: usize = 7 * 1024;

/// The round keys and the hash key, once for each backend.
pub(super) struct Schedule {
    /// Boxed, so that what is left of it when it is dropped, addresses alone, is not taken for key material.
    key: Box<Once>,
    /// Fills what would be padding, which is moved along and not wiped on drop.
    #[expect(dead_code, reason = "the zeros are there to be moved, not read")]
    zeros: usize,
    in_place: rustcrypto::Schedule,
}

/// A key that is used for one value, and not in place.
pub(super) struct Once(LessSafeKey);

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        Ok(Self { key: Box::new(Once::expand(key)?), zeros: 0, in_place: rustcrypto::Schedule::expand(key)? })
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
        self.key.seal(nonce, aad, plaintext, out, tag)
    }

    /// Encrypts `text` where it is and writes the tag.
    pub(super) fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self.key.0.seal_in_place_scatter(nonce, Aad::from(aad), text, &[], tag);
        sealed.map_err(|_| Error::TooLong)
    }

    /// Decrypts `text` to `out`, of the same length; if the tag is wrong no plaintext is left there.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        self.key.open(nonce, aad, text, out, tag)
    }

    /// Checks the tag, and only then decrypts `text` where it is.
    pub(super) fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        self.in_place.open_in_place(nonce, aad, text, tag)
    }
}

impl Once {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            _ => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| Error::KeyLength { len: key.len() })?;
        Ok(Self(LessSafeKey::new(key)))
    }

    pub(super) fn seal(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self.0.seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, out, &[], tag);
        sealed.map_err(|_| Error::TooLong)
    }

    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        declassified::verdict_of(self.0.open_separate_gather(nonce, Aad::from(aad), text, tag, out))
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "against_rustcrypto.rs"]
#[allow(clippy::duplicate_mod, reason = "each backend has the same tests")]
mod tests;
