//! A backend against the libraries' code: the same bytes for every length around the ends of blocks and batches, and for
//! many random inputs. Each backend has it as its tests.
#![allow(clippy::unwrap_used)]

use alloc::vec;
use alloc::vec::Vec;

use super::super::rustcrypto;
use super::*;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Of the backend that makes most of its key stream at once.
const TWO_BATCHES: usize = 2048;

fn compare(key: &[u8], nonce: &[u8; 12], aad: &[u8], text: &[u8], bit: usize) {
    for own in Schedule::ways(key) {
        compare_with(&own, key, nonce, aad, text, bit);
    }
}

/// Seals and opens by both ways, in place and not, and with a tag of which one bit is wrong.
fn compare_with(own: &Schedule, key: &[u8], nonce: &[u8; 12], aad: &[u8], text: &[u8], bit: usize) {
    let library = rustcrypto::Schedule::expand(key).unwrap();
    let mut expected = vec![0; text.len()];
    let mut tag = [0; 16];
    library.seal(nonce, aad, text, &mut expected, &mut tag).unwrap();
    let mut sealed = vec![0xa5; text.len()];
    let mut made = [0xa5; 16];
    own.seal(nonce, aad, text, &mut sealed, &mut made).unwrap();
    assert_eq!((&sealed, made), (&expected, tag), "{} {}", aad.len(), text.len());
    let mut in_place = text.to_vec();
    made.fill(0xa5);
    own.seal_in_place(nonce, aad, &mut in_place, &mut made).unwrap();
    assert_eq!((&in_place, made), (&expected, tag));
    in_place.copy_from_slice(text);
    made.fill(0xa5);
    library.seal_in_place(nonce, aad, &mut in_place, &mut made).unwrap();
    assert_eq!((&in_place, made), (&expected, tag));

    let mut out = vec![0xa5; text.len()];
    own.open(nonce, aad, &sealed, &mut out, &tag).unwrap();
    assert_eq!(out, text);
    let mut wrong = tag;
    wrong[bit / 8 % 16] ^= 1 << (bit % 8);
    assert_eq!(own.open(nonce, aad, &sealed, &mut out, &wrong), Err(Error::Open));
    assert_eq!(own.open_in_place(nonce, aad, &mut in_place, &wrong), Err(Error::Open));
    assert_eq!(in_place, sealed);
    own.open_in_place(nonce, aad, &mut in_place, &tag).unwrap();
    assert_eq!(in_place, text);

    out.fill(0xa5);
    library.open(nonce, aad, &sealed, &mut out, &tag).unwrap();
    assert_eq!(out, text);
    assert_eq!(library.open(nonce, aad, &sealed, &mut out, &wrong), Err(Error::Open));
    assert_eq!(library.open_in_place(nonce, aad, &mut sealed, &wrong), Err(Error::Open));
    assert_eq!(sealed, expected);
    library.open_in_place(nonce, aad, &mut sealed, &tag).unwrap();
    assert_eq!(sealed, text);
}

#[test]
fn every_length() {
    let text: Vec<u8> = (0..=u8::MAX).cycle().take(TWO_BATCHES + 40).collect();
    // Software AES takes seconds for each in Miri.
    for len in (0..text.len()).step_by(if cfg!(miri) { 695 } else { 1 }) {
        // The AAD is hashed by batches too.
        let aad = &text[..len * 7 % 600];
        for key_len in [16, 24, 32] {
            compare(&[7; 32][..key_len], &[9; 12], aad, &text[..len], len);
        }
    }
}

#[test]
fn random_inputs() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let rounds = if cfg!(miri) {
        1
    } else if cfg!(debug_assertions) {
        1_000
    } else {
        1_000_000
    };
    for _ in 0..rounds {
        let (mut key, mut nonce) = ([0; 32], [0; 12]);
        rng.fill_bytes(&mut key);
        rng.fill_bytes(&mut nonce);
        let mut bytes = |most: u32| {
            let mut bytes = vec![0; usize::try_from(rng.next_u32() % most).unwrap()];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let (aad, text) = if cfg!(miri) { (bytes(60), bytes(60)) } else { (bytes(700), bytes(3000)) };
        let len = [16, 24, 32][text.len() % 3];
        compare(&key[..len], &nonce, &aad, &text, aad.len());
    }
}
