//! This backend against the libraries' code: the same bytes for every length around the ends of blocks and batches, and
//! for many random inputs.
#![allow(clippy::unwrap_used)]

use alloc::vec;
use alloc::vec::Vec;

use super::super::rustcrypto;
use super::*;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

fn cpu() -> Option<Avx2> {
    let cpu = Avx2::detect();
    assert!(cpu.is_some() || !std::is_x86_feature_detected!("avx2") || cfg!(miri));
    cpu
}

/// Seals and opens by both ways, in place and not, and with a tag of which one bit is wrong.
fn compare(cpu: Avx2, key: &[u8; 32], nonce: &[u8; 24], text: &[u8], bit: usize) {
    let mut expected = vec![0; text.len()];
    let tag = rustcrypto::seal(key, nonce, InOutBuf::new(text, &mut expected).unwrap());
    let mut sealed = vec![0xa5; text.len()];
    assert_eq!(seal(cpu, key, nonce, InOutBuf::new(text, &mut sealed).unwrap()), tag, "{}", text.len());
    assert_eq!(sealed, expected);
    let mut in_place = text.to_vec();
    assert_eq!(seal(cpu, key, nonce, in_place.as_mut_slice().into()), tag);
    assert_eq!(in_place, expected);

    let mut out = vec![0xa5; text.len()];
    open(cpu, key, nonce, &sealed, &mut out, &tag).unwrap();
    assert_eq!(out, text);
    let mut wrong = tag;
    wrong[bit / 8 % 16] ^= 1 << (bit % 8);
    assert_eq!(open(cpu, key, nonce, &sealed, &mut out, &wrong), Err(Error::Open));
    assert_eq!(open_in_place(cpu, key, nonce, &mut in_place, &wrong), Err(Error::Open));
    assert_eq!(in_place, sealed);
    open_in_place(cpu, key, nonce, &mut in_place, &tag).unwrap();
    assert_eq!(in_place, text);

    out.fill(0xa5);
    let mut library = |tag| rustcrypto::open(key, nonce, InOutBuf::new(&sealed, &mut out).unwrap(), tag);
    assert_eq!(library(&wrong), Err(Error::Open));
    assert_eq!(library(&tag), Ok(()));
    assert_eq!(out, text);
}

#[test]
fn every_length_up_to_three_batches() {
    let Some(cpu) = cpu() else { return };
    let text: Vec<u8> = (0..=u8::MAX).cycle().take(3 * BATCH_LEN).collect();
    for len in (0..text.len()).step_by(if cfg!(miri) { 211 } else { 1 }) {
        compare(cpu, &[7; 32], &[9; 24], &text[..len], len);
    }
}

#[test]
fn random_inputs() {
    let Some(cpu) = cpu() else { return };
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let rounds = if cfg!(miri) {
        4
    } else if cfg!(debug_assertions) {
        2_000
    } else {
        1_000_000
    };
    for _ in 0..rounds {
        let (mut key, mut nonce) = ([0; 32], [0; 24]);
        rng.fill_bytes(&mut key);
        rng.fill_bytes(&mut nonce);
        let mut text = vec![0; usize::try_from(rng.next_u32() % 2000).unwrap()];
        rng.fill_bytes(&mut text);
        compare(cpu, &key, &nonce, &text, usize::try_from(rng.next_u32() % 128).unwrap());
    }
}

/// Sums next to the modulus, which random inputs never reach: keys of few bits, and blocks of ones.
#[test]
fn tags_at_the_edge_of_the_modulus() {
    use ::poly1305::universal_hash::KeyInit;
    let blocks = [[0xff; 16], [0; 16], [0xfb; 16], [0xfe; 16], core::array::from_fn(|i| if i == 0 { 5 } else { 0 })];
    let keys = [[0xff; 32], core::array::from_fn(|i| u8::from(i == 0) * 2), core::array::from_fn(|i| u8::from(i == 0))];
    for key in keys {
        for choice in (0..blocks.len().pow(5)).step_by(if cfg!(miri) { 1041 } else { 1 }) {
            let mut text = Vec::new();
            for place in 0..5 {
                text.extend_from_slice(&blocks[choice / blocks.len().pow(place) % blocks.len()]);
            }
            for len in [80, 79, 65, 64, 33, 16] {
                let expected: [u8; 16] = ::poly1305::Poly1305::new(&key.into()).compute_unpadded(&text[..len]).into();
                assert_eq!(Poly1305::new(&key).tag(&text[..len]), expected, "{choice} {len}");
                let mut mac = Poly1305::new(&key);
                let fours = text[..len].first_chunk::<64>();
                fours.inspect(|four| mac.update_four(four));
                assert_eq!(mac.tag(&text[if fours.is_some() { 64 } else { 0 }..len]), expected);
            }
        }
    }
}

#[test]
fn block_numbers_go_beyond_32_bits() {
    let Some(cpu) = cpu() else { return };
    use salsa20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
    let mut stream = Stream::new(cpu);
    fill(&mut stream.state, &[7; 32], &[9; 8]);
    for counter in [0, 5, (1 << 32) - 3, 1 << 32, u64::from(u32::MAX) << 8] {
        stream.counter = counter;
        stream.advance();
        let mut library = salsa20::Salsa20::new(&[7; 32].into(), &[9; 8].into());
        library.seek(u128::from(counter) * 64);
        let mut expected = [0; BATCH_LEN];
        library.apply_keystream(&mut expected);
        assert_eq!(stream.batch, expected, "{counter}");
    }
}
