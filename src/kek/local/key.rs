//! One key of the embedded KEK.

use alloc::vec::Vec;

use crate::cipher::construction::Construction;
use crate::cipher::xchacha::XChaChaKey;
use crate::cipher::{AesGcmKey, Algorithm};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::secret::{Secret, SecretVec};

/// The expanded key.
pub(super) enum Key {
    XChaCha(XChaChaKey),
    AesGcm(AesGcmKey),
}

impl Key {
    pub(super) fn expand(algorithm: Algorithm, secret: &Secret<32>) -> Result<Self> {
        Ok(match algorithm {
            Algorithm::XChaCha20Poly1305 => Self::XChaCha(XChaChaKey::new(secret.expose())?),
            Algorithm::Aes256Gcm => Self::AesGcm(AesGcmKey::from_bytes(secret.expose())?),
        })
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::XChaCha(_) => Algorithm::XChaCha20Poly1305,
            Self::AesGcm(_) => Algorithm::Aes256Gcm,
        }
    }

    /// How many seals are left where they are counted.
    pub(super) fn seals_left(&self) -> Option<u32> {
        match self {
            Self::XChaCha(_) => None,
            Self::AesGcm(key) => Some(key.seals_left()),
        }
    }

    pub(super) fn set_seals_left(&self, seals: u32) {
        if let Self::AesGcm(key) = self {
            key.set_seals_left(seals);
        }
    }

    /// `nonce ++ ciphertext ++ tag` of a DEK.
    pub(super) fn seal(&self, rng: &mut dyn Random, aad: &[u8], dek: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::XChaCha(key) => seal(key, rng, aad, dek),
            Self::AesGcm(key) => seal(key, rng, aad, dek),
        }
    }

    pub(super) fn open(&self, aad: &[u8], wrapped: &[u8]) -> Result<SecretVec> {
        match self {
            Self::XChaCha(key) => open(key, aad, wrapped),
            Self::AesGcm(key) => open(key, aad, wrapped),
        }
    }
}

fn seal<C: Construction>(key: &C, rng: &mut dyn Random, aad: &[u8], dek: &[u8]) -> Result<Vec<u8>> {
    let len = C::LAYOUT.sealed_len(dek.len()).ok_or(Error::TooLong)?;
    let mut wrapped = Vec::new();
    wrapped.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
    wrapped.resize(len, 0);
    key.take_seal()?;
    let mut nonce = C::Nonce::default();
    rng.fill(nonce.as_mut())?;
    let (head, body) = wrapped.split_at_mut(C::LAYOUT.nonce_len);
    head.copy_from_slice(nonce.as_ref());
    key.seal_into(&nonce, aad, dek, body)?;
    Ok(wrapped)
}

fn open<C: Construction>(key: &C, aad: &[u8], wrapped: &[u8]) -> Result<SecretVec> {
    let (head, body) = wrapped.split_at_checked(C::LAYOUT.nonce_len).ok_or(Error::Open)?;
    let len = C::LAYOUT.open_len_max(body.len()).ok_or(Error::Open)?;
    let mut nonce = C::Nonce::default();
    nonce.as_mut().copy_from_slice(head);
    let mut dek = SecretVec::zeroed(len)?;
    let len = key.open_into(&nonce, aad, body, dek.expose_mut())?;
    dek.truncate(len);
    Ok(dek)
}
