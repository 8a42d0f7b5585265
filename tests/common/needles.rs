//! What may not be left of keys and plaintext, worked out apart from the code under test.
#![allow(dead_code, reason = "each test crate uses a part")]

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use sha2::block_api::compress256;

use super::dead_stack::{Needles, RUN};
use super::round_keys::expand_aes256;

/// Bytes of which no two runs are alike, and none is like that of another seed.
pub(crate) fn unlike(seed: u64, len: usize) -> Vec<u8> {
    // The generator of Steele, Lea and Flood: "Fast splittable pseudorandom number generators", 2014.
    let mut state = seed.wrapping_mul(0x5851_f42d_4c95_7f2d);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

impl Needles {
    /// A key of 32 bytes.
    pub(crate) fn with_key(self, key: &[u8]) -> Self {
        assert_eq!(key.len(), 32);
        self.with("raw key", key).with_words("words of the key", key)
    }

    /// A key of AES-256: itself, and each round key that is no half of it.
    pub(crate) fn with_aes(self, key: &[u8]) -> Self {
        let round_keys = expand_aes256(key.try_into().unwrap());
        self.with_key(key).with_runs("round key", round_keys[2..].iter().map(|key| key.as_slice()))
    }

    /// A key of AES-256-GCM, and what is made of it for a value with this nonce.
    pub(crate) fn with_gcm(self, key: &[u8], nonce: &[u8]) -> Self {
        let hash_key = aes_block(key, &[0; 16]);
        let mask = aes_block(key, &[nonce, &[0, 0, 0, 1]].concat());
        self.with_aes(key).with("hash key", &hash_key).with("mask of the tag", &mask)
    }

    /// A text and what it was encrypted with.
    pub(crate) fn with_text(self, plaintext: &[u8], ciphertext: &[u8]) -> Self {
        let stream: Vec<_> = plaintext.iter().zip(ciphertext).map(|(a, b)| a ^ b).collect();
        self.with_plaintext(plaintext).with("key stream", &stream)
    }

    pub(crate) fn with_plaintext(self, plaintext: &[u8]) -> Self {
        self.with("plaintext", plaintext)
    }

    /// What of a live object is key material, whatever a backend makes of a key.
    pub(crate) fn with_object(self, block: &[u8]) -> Self {
        let varied = |run: &&[u8]| {
            let mut seen = run.to_vec();
            seen.sort_unstable();
            seen.dedup();
            seen.len() >= 14
        };
        self.with_runs("part of a live key", block.windows(RUN).filter(varied))
    }

    /// The states of HMAC-SHA256 with this key.
    pub(crate) fn with_hmac(self, key: &[u8]) -> Self {
        let (inner, outer) = (hmac_state(key, 0x36), hmac_state(key, 0x5c));
        self.with_key(key).with("state of HMAC", &inner).with("state of HMAC", &outer)
    }
}

pub(crate) fn aes_block(key: &[u8], block: &[u8]) -> [u8; 16] {
    let mut block: [u8; 16] = block.try_into().unwrap();
    aes::Aes256::new(key.try_into().unwrap()).encrypt_block((&mut block).into());
    block
}

/// What SHA-256 holds once it has taken in a padding of HMAC (RFC 2104) with this key.
fn hmac_state(key: &[u8], padding: u8) -> Vec<u8> {
    let mut block = [padding; 64];
    block.iter_mut().zip(key).for_each(|(pad, byte)| *pad ^= byte);
    // The initial value of FIPS 180-4, 5.3.3.
    let mut state =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    compress256(&mut state, &[block]);
    state.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect()
}
