//! What may not be left of keys and plaintext, worked out apart from the code under test.
#![allow(dead_code, reason = "each test crate uses a part")]

use aes::cipher::consts::U10;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use chacha20::cipher::{KeyIvInit, StreamCipher};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use super::dead_stack::{Needles, RUN};
use super::round_keys::expand_aes256;

/// Bytes of which no two runs are alike, and none is like that of another seed.
pub(crate) fn unlike(seed: u64, len: usize) -> Vec<u8> {
    let block = |number: u64| Sha256::digest([seed.to_le_bytes(), number.to_le_bytes()].concat());
    (0..).flat_map(block).take(len).collect()
}

impl Needles {
    /// A key of 32 bytes, as it is and as vector code holds its words.
    pub(crate) fn with_key(self, key: &[u8]) -> Self {
        assert_eq!(key.len(), 32);
        self.with("raw key", key).with_words("words of a key", key)
    }

    /// A key of AES-256: itself, and each round key that is no half of it.
    pub(crate) fn with_aes(self, key: &[u8]) -> Self {
        let round_keys = expand_aes256(key.try_into().unwrap());
        self.with_key(key).with_runs("round key", round_keys[2..].iter().map(|key| key.as_slice()))
    }

    /// A key of AES-256-GCM, and what is made of it for a value with this nonce.
    pub(crate) fn with_gcm(self, key: &[u8], nonce: &[u8]) -> Self {
        let mask = aes_block(key, &[nonce, &[0, 0, 0, 1]].concat());
        self.with_aes(key).with("hash key", &aes_block(key, &[0; 16])).with("mask of the tag", &mask)
    }

    /// A key of XSalsa20-Poly1305, and what is made of it for a value with this nonce.
    pub(crate) fn with_xsalsa(self, key: &[u8], nonce: &[u8]) -> Self {
        let subkey = salsa20::hsalsa::<U10>(key.try_into().unwrap(), nonce[..16].try_into().unwrap());
        let mut mac_key = [0; 32];
        salsa20::XSalsa20::new(key.try_into().unwrap(), nonce.try_into().unwrap()).apply_keystream(&mut mac_key);
        self.with_key(key).with_key(&subkey).with("one-time key", &mac_key)
    }

    /// A key of XChaCha20-Poly1305, and what is made of it for a value with this nonce.
    pub(crate) fn with_xchacha(self, key: &[u8], nonce: &[u8]) -> Self {
        let subkey = chacha20::hchacha::<chacha20::R20>(key.try_into().unwrap(), nonce[..16].try_into().unwrap());
        let mut mac_key = [0; 32];
        chacha20::XChaCha20::new(key.try_into().unwrap(), nonce.try_into().unwrap()).apply_keystream(&mut mac_key);
        self.with_key(key).with_key(&subkey).with("one-time key", &mac_key)
    }

    /// A seed, and the states that HMAC-SHA256 has with it.
    pub(crate) fn with_seed(self, seed: &[u8]) -> Self {
        let (inner, outer) = (hmac_state(seed, 0x36), hmac_state(seed, 0x5c));
        self.with_key(seed).with("state of HMAC", &inner).with("state of HMAC", &outer)
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
        let mut runs: Vec<_> = block.windows(RUN).filter(varied).collect();
        if runs.is_empty() {
            // Four copies of a key, taken apart by bits, which stand beside each other.
            let sliced = |run: &&[u8]| run.iter().all(|byte| [0, 0x0f, 0xf0, 0xff].contains(byte));
            let distinct = |run: &&[u8]| run.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 6;
            runs = block.windows(RUN).filter(sliced).filter(distinct).collect();
        }
        assert!(!runs.is_empty(), "no key lies in the block");
        self.with_runs("part of a live key", runs)
    }
}

fn aes_block(key: &[u8], block: &[u8]) -> [u8; 16] {
    let mut block: [u8; 16] = block.try_into().unwrap();
    aes::Aes256::new(key.try_into().unwrap()).encrypt_block((&mut block).into());
    block
}

/// HKDF-Expand of RFC 5869, 2.3, to 64 bytes.
pub(crate) fn expanded(prk: &[u8], info: &[u8]) -> Vec<u8> {
    let first = hmac(prk, &[info, &[1]].concat());
    let second = hmac(prk, &[&first, info, &[2]].concat());
    [first, second].concat()
}

/// HMAC-SHA256 of RFC 2104 with a key of no more than a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let inner = Sha256::digest([&padded(key, 0x36)[..], text].concat());
    Sha256::digest([&padded(key, 0x5c)[..], &inner].concat()).to_vec()
}

fn padded(key: &[u8], padding: u8) -> [u8; 64] {
    let mut block = [padding; 64];
    block.iter_mut().zip(key).for_each(|(pad, byte)| *pad ^= byte);
    block
}

/// What SHA-256 holds once it has taken in a padding of HMAC with this key.
fn hmac_state(key: &[u8], padding: u8) -> Vec<u8> {
    // The initial value of FIPS 180-4, 5.3.3.
    let mut state =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    compress256(&mut state, &[padded(key, padding)]);
    state.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect()
}
