//! This backend against the libraries' code: the same bytes for every length around the ends of blocks, groups and passes, and
//! for many random inputs.
#![allow(clippy::unwrap_used)]

use alloc::vec;
use alloc::vec::Vec;

use super::super::rustcrypto;
use super::*;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

fn cpu() -> Option<Quads> {
    let cpu = Quads::detect(0);
    let is_there = std::is_x86_feature_detected!("avx512ifma") && std::is_x86_feature_detected!("avx512bw");
    assert!(cpu.is_some() || !is_there || cfg!(any(miri, atrest_no_quads)));
    cpu
}

/// Seals and opens by both ways, in place and not, and with a tag of which one bit is wrong.
fn compare(cpu: Quads, key: &[u8; 32], nonce: &[u8; 24], text: &[u8], bit: usize) {
    let mut expected = vec![0; text.len()];
    let expected_tag = rustcrypto::seal(key, nonce, InOutBuf::new(text, &mut expected).unwrap());
    let (mut sealed, mut tag) = (vec![0xa5; text.len()], [0; 16]);
    seal(cpu, key, nonce, InOutBuf::new(text, &mut sealed).unwrap(), &mut tag);
    assert_eq!(sealed, expected, "{}", text.len());
    assert_eq!(tag, expected_tag, "{}", text.len());
    let mut in_place = text.to_vec();
    seal(cpu, key, nonce, in_place.as_mut_slice().into(), &mut tag);
    assert_eq!((&in_place, tag), (&expected, expected_tag));

    let mut wrong = tag;
    wrong[bit / 8 % 16] ^= 1 << (bit % 8);
    let mut out = vec![0xa5; text.len()];
    let mut open = |tag| open(cpu, key, nonce, InOutBuf::new(&sealed, &mut out).unwrap(), tag);
    assert_eq!(open(&wrong), Err(Error::Open));
    open(&tag).unwrap();
    assert_eq!(out, text);
    assert_eq!(open_in_place(cpu, key, nonce, &mut in_place, &wrong), Err(Error::Open));
    assert_eq!(in_place, sealed);
    open_in_place(cpu, key, nonce, &mut in_place, &tag).unwrap();
    assert_eq!(in_place, text);
}

#[test]
fn every_length_up_to_three_passes() {
    let Some(cpu) = cpu() else { return };
    let text: Vec<u8> = (0..=u8::MAX).cycle().take(3 * 1280).collect();
    for len in 0..text.len() {
        compare(cpu, &[7; 32], &[9; 24], &text[..len], len);
    }
}

#[test]
fn random_inputs() {
    let Some(cpu) = cpu() else { return };
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    for _ in 0..if cfg!(debug_assertions) { 2_000 } else { 1_000_000 } {
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
    if cpu().is_none() {
        return;
    }
    let blocks = [[0xff; 16], [0; 16], [0xfb; 16], [0xfe; 16], core::array::from_fn(|i| if i == 0 { 5 } else { 0 })];
    let keys = [[0xff; 32], core::array::from_fn(|i| u8::from(i == 0) * 2), core::array::from_fn(|i| u8::from(i == 0))];
    for key in keys {
        for choice in 0..blocks.len().pow(5) {
            let mut text = Vec::new();
            for place in 0..5 {
                text.extend_from_slice(&blocks[choice / blocks.len().pow(place) % blocks.len()]);
            }
            // More than a group, and more than two.
            let longer = [text.repeat(2), text.repeat(4)];
            for text in
                [80, 79, 65, 64, 33, 16].map(|len| &text[..len]).into_iter().chain(longer.iter().map(|text| &**text))
            {
                let expected: [u8; 16] = ::poly1305::Poly1305::new(&key.into()).compute_unpadded(text).into();
                let mut tag = [0; 16];
                // SAFETY: the instructions were detected.
                unsafe { poly1305::tag(&key, text, &mut tag) };
                assert_eq!(tag, expected, "{choice} {}", text.len());
            }
        }
    }
}

#[test]
fn blocks_have_numbers_of_32_bits() {
    use ::salsa20::XSalsa20;
    use ::salsa20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
    let Some(cpu) = cpu() else { return };
    let mut kept = Kept::new();
    let nonce = [[3; 16].as_slice(), &[9; 8]].concat();
    kept.expand(cpu, &[7; 32], nonce.as_slice().try_into().unwrap());
    for number in [0, 1, 5, 0x1234_5678, u32::MAX - 48] {
        for len in [100, 300, 600, 1000, 2048, 2600] {
            let mut library = XSalsa20::new(&[7; 32].into(), nonce.as_slice().try_into().unwrap());
            library.seek(u64::from(number) * 64);
            let mut expected = vec![0; len];
            library.apply_keystream(&mut expected);
            let mut stream = vec![0; len];
            let to = stream.as_mut_ptr();
            let mut left = salsa20::Left { from: to, to, len, number, head: u64::MAX };
            // SAFETY: the instructions were detected, and as many bytes are there.
            unsafe { salsa20::turn_left(&kept.rows, &mut kept.starts[1], &mut left) };
            assert_eq!(stream, expected, "{number} {len}");
        }
    }
}
