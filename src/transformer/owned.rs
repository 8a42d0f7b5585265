//! The calls that return what they allocate: one allocation each, of the exact or the longest length.

use alloc::vec::Vec;

use super::{Transformer, zeroed};
use crate::error::Result;
use crate::provider::{Buffers, Found, Opened};
use crate::random::Random;
use crate::secret::SecretVec;

impl Transformer<'_> {
    /// Seals `plaintext` with a nonce from the default source: [`PooledRandom`](crate::PooledRandom) where
    /// the feature `pool` is on, else [`OsRandom`](crate::OsRandom).
    ///
    /// # Errors
    /// As of [`seal_with`](Self::seal_with).
    #[cfg(feature = "getrandom")]
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        self.seal_with(&mut crate::random::default_source(), aad, plaintext)
    }

    /// Seals `plaintext` with a nonce from `rng`.
    ///
    /// # Errors
    /// [`Error::TooLong`](crate::Error::TooLong), [`Error::SealsExhausted`](crate::Error::SealsExhausted),
    /// [`Error::Random`](crate::Error::Random), [`Error::OutOfMemory`](crate::Error::OutOfMemory), and
    /// [`Error::LooksEncrypted`](crate::Error::LooksEncrypted) from identity.
    pub fn seal_with(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        let mut out = match self.sealed_len(plaintext.len()).and_then(zeroed) {
            Ok(out) => out,
            failed @ Err(_) => return self.told_seal(plaintext.len(), failed),
        };
        self.seal_into(rng, aad, plaintext, &mut out)?;
        Ok(out)
    }

    /// Opens `stored` to memory that is wiped on drop.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`](crate::Error::NoMatchingProvider), [`Error::NoMatchingKey`](crate::Error::NoMatchingKey),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) or [`Error::Open`](crate::Error::Open), and
    /// [`Error::Encrypted`](crate::Error::Encrypted) where a configuration has no provider for the resource.
    pub fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Opened<'_, SecretVec>> {
        let mut plaintext =
            SecretVec::zeroed(self.open_len_max(stored)).map_err(|error| self.told_failed_open(error, stored))?;
        let mut found = Found::nothing();
        let opened =
            self.open_first(aad, &mut Buffers::Separate { stored, out: plaintext.expose_mut() }, &mut found)?;
        plaintext.truncate(opened.end);
        Ok(Opened::new(plaintext, found))
    }
}
