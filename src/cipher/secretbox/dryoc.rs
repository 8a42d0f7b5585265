//! The backend by `dryoc`, which takes AVX-512, NEON or SVE2 where the processor has them.
//!
//! Short values, and values in place, which it would move about, are the other backends', and so is all where our own takes four
//! blocks at once.
//!
//! The library wipes the key stream, the one-time key and its sums.

use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};

use crate::declassified;
use crate::error::{Error, Result};

/// Lengths from which on the library takes less time than ours with AVX2, as measured where the library has AVX-512: to open it reads
/// a text twice.
pub(super) const LONG_TO_SEAL: usize = 64;
pub(super) const LONG_TO_OPEN: usize = 512;

/// Bytes of the stack that a call is given; about 3 KiB were seen in use, 5.5 KiB with `opt-level = "z"`, and 130 KiB in a build for
/// debugging.
pub(super) const STACK: usize = if cfg!(debug_assertions) { 192 * 1024 } else { 13 * 512 };

/// Encrypts `plaintext` to `out`, of the same length, and writes the tag of the ciphertext.
pub(super) fn seal(
    key: &[u8; 32],
    nonce: &[u8; 24],
    plaintext: &[u8],
    out: &mut [u8],
    tag: &mut [u8; 16],
) -> Result<()> {
    crypto_secretbox_detached(out, tag, plaintext, nonce, key).map_err(|_| Error::TooLong)
}

/// Checks the tag, and only then decrypts `text` to `out`, of the same length.
pub(super) fn open(key: &[u8; 32], nonce: &[u8; 24], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
    declassified::verdict_of(crypto_secretbox_open_detached(out, text, tag, nonce, key))
}

#[cfg(all(test, feature = "pool"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::vec;

    use chacha20::ChaCha20Rng;
    use inout::InOutBuf;
    use rand_core::{Rng, SeedableRng};

    use super::super::rustcrypto;
    use super::*;

    /// Seals and opens by both libraries, and with a tag of which one bit is wrong.
    fn compare(key: &[u8; 32], nonce: &[u8; 24], text: &[u8], bit: usize) {
        let mut expected = vec![0; text.len()];
        let expected_tag = rustcrypto::seal(key, nonce, InOutBuf::new(text, &mut expected).unwrap());
        let (mut sealed, mut tag) = (vec![0xa5; text.len()], [0xa5; 16]);
        seal(key, nonce, text, &mut sealed, &mut tag).unwrap();
        assert_eq!((&sealed, tag), (&expected, expected_tag), "{}", text.len());
        let mut out = vec![0xa5; text.len()];
        open(key, nonce, &sealed, &mut out, &tag).unwrap();
        assert_eq!(out, text);
        tag[bit / 8 % 16] ^= 1 << (bit % 8);
        assert_eq!(open(key, nonce, &sealed, &mut out, &tag), Err(Error::Open));
    }

    #[test]
    fn every_length() {
        let text: vec::Vec<u8> = (0..=u8::MAX).cycle().take(if cfg!(miri) { 70 } else { 2200 }).collect();
        for len in 0..text.len() {
            compare(&[7; 32], &[9; 24], &text[..len], len);
        }
    }

    #[test]
    fn random_inputs() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let rounds = if cfg!(miri) {
            3
        } else if cfg!(debug_assertions) {
            500
        } else {
            500_000
        };
        for _ in 0..rounds {
            let (mut key, mut nonce) = ([0; 32], [0; 24]);
            rng.fill_bytes(&mut key);
            rng.fill_bytes(&mut nonce);
            let mut text = vec![0; usize::try_from(rng.next_u32() % 4000).unwrap()];
            rng.fill_bytes(&mut text);
            compare(&key, &nonce, &text, usize::try_from(rng.next_u32() % 128).unwrap());
        }
    }
}
