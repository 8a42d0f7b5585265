//! AES-256-GCM with an extended nonce: a key per value, expanded from a seed by HKDF-SHA256 (RFC 5869, 2.3).
//! Kubernetes: `aes/aes_extended_nonce.go`.
//!
//! ```text
//! sealed = info(32) ++ nonce(12) ++ ciphertext ++ tag(16)
//! key    = HKDF-Expand(seed, info, 32)
//! ```

use hkdf::Hkdf;
use sha2::Sha256;

use super::aesgcm::{ONCE_STACK, REGISTERS_ONCE_STACK, open_once, seal_once, spills_once};
use super::layout;
use crate::error::{Error, Result};
use crate::random::Random;
use crate::secret::{Held, Secret, stack_wiped_after, wipe};

/// The shortest seed in bytes.
pub(crate) const SEED_LEN_MIN: usize = 32;

const INFO_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// Bytes in front of the ciphertext: info and nonce.
const HEAD_LEN: usize = 44;

/// A seed, prepared to expand keys from.
#[derive(Clone)]
pub(crate) struct XNonceGcmKey(Held<Hkdf<Sha256>>);

impl XNonceGcmKey {
    /// Prepares a seed of 32 bytes or more; it is used whole.
    pub(crate) fn from_seed(seed: &[u8]) -> Result<Self> {
        let invalid = Error::KeyLength { len: seed.len() };
        if seed.len() < SEED_LEN_MIN {
            return Err(invalid);
        }
        Held::try_new(|| Hkdf::from_prk(seed).map_err(|_| invalid)).map(Self)
    }

    fn derive(&self, info: &[u8; INFO_LEN]) -> Result<Secret<32>> {
        Secret::build(|key| self.0.get().expand(info, key).map_err(|_| Error::TooLong))
    }

    /// Length of the sealed form of a plaintext, or `None` if the plaintext is too long.
    pub(crate) fn sealed_len(plaintext_len: usize) -> Option<usize> {
        layout::AES_GCM.body_len(plaintext_len)?.checked_add(HEAD_LEN)
    }

    /// Length of the plaintext of a sealed form, or `None` if no plaintext has one of this length.
    pub(crate) fn plaintext_len(sealed_len: usize) -> Option<usize> {
        layout::AES_GCM.plaintext_len(sealed_len.checked_sub(HEAD_LEN)?).map(|(len, _)| len)
    }

    /// Seals into `out`, which has exactly the sealed length.
    pub(crate) fn seal_into(&self, rng: &mut dyn Random, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<()> {
        let (head, body) = out.split_first_chunk_mut::<HEAD_LEN>().ok_or(Error::TooLong)?;
        let (text, tag) = body.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::TooLong)?;
        let mut drawn = [0; HEAD_LEN];
        rng.fill(&mut drawn)?;
        let (info, nonce) = split_head(&drawn)?;
        stack_wiped_after::<ONCE_STACK, REGISTERS_ONCE_STACK, _>(spills_once(plaintext.len()), || {
            seal_once(self.derive(info)?.expose(), nonce, aad, plaintext, text, tag)
        })?;
        *head = drawn;
        Ok(())
    }

    /// Opens to the start of `out`, which holds at least the plaintext, and returns the length.
    pub(crate) fn open_into(&self, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize> {
        let (head, body) = sealed.split_first_chunk::<HEAD_LEN>().ok_or(Error::Open)?;
        let (text, tag) = body.split_last_chunk::<TAG_LEN>().ok_or(Error::Open)?;
        let out = out.get_mut(..text.len()).ok_or(Error::BufferTooSmall { needed: text.len() })?;
        let (info, nonce) = split_head(head)?;
        let spills = spills_once(text.len());
        let opened = stack_wiped_after::<ONCE_STACK, REGISTERS_ONCE_STACK, _>(spills, || {
            open_once(self.derive(info)?.expose(), nonce, aad, text, out, tag)
        });
        if opened.is_err() {
            wipe(out);
        }
        opened.map(|()| text.len())
    }
}

fn split_head(head: &[u8; HEAD_LEN]) -> Result<(&[u8; INFO_LEN], &[u8; NONCE_LEN])> {
    let (info, nonce) = head.split_first_chunk::<INFO_LEN>().ok_or(Error::Open)?;
    Ok((info, nonce.first_chunk().ok_or(Error::Open)?))
}
