//! This backend against the library's code: the same bytes for every length around the ends of blocks, for many random
//! inputs, and for batches in which chains end one after the other.
#![allow(clippy::unwrap_used)]

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

fn schedule(key: &[u8]) -> Schedule {
    let schedule = Schedule::expand(key).unwrap();
    assert!(schedule.fast.is_some() || !std::is_x86_feature_detected!("aes"));
    assert!(!schedule.wide.is_none() || !std::is_x86_feature_detected!("vaes"));
    schedule
}

fn random(rng: &mut ChaCha20Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Up to `most`, without a preference.
fn up_to(rng: &mut ChaCha20Rng, most: usize) -> usize {
    usize::try_from(rng.next_u32()).unwrap() % (most + 1)
}

/// Of whole blocks, by the library.
fn by_library(schedule: &Schedule, iv: &[u8; 16], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    schedule.portable.encrypt_batch(&mut [(*iv, &mut text)]);
    text
}

/// Both ways to encrypt one text, in place and not.
fn compare(schedule: &Schedule, iv: &[u8; 16], text: &[u8]) {
    let expected = by_library(schedule, iv, text);
    let (blocks, last) = text.split_last_chunk::<16>().unwrap();
    let (mut out, mut end) = (vec![0xa5; blocks.len()], *last);
    schedule.encrypt(iv, InOutBuf::new(blocks, &mut out).unwrap(), &mut end);
    out.extend_from_slice(&end);
    assert_eq!(out, expected);

    let mut in_place = text.to_vec();
    let (blocks, last) = in_place.split_last_chunk_mut::<16>().unwrap();
    schedule.encrypt(iv, blocks.into(), last);
    assert_eq!(in_place, expected);
    let (blocks, last) = out.split_last_chunk_mut::<16>().unwrap();
    blocks.copy_from_slice(&text[..blocks.len()]);
    *last = *text.last_chunk().unwrap();
    schedule.encrypt_by_library(iv, blocks.into(), last);
    assert_eq!(out, expected);
    let mut decrypted = vec![0xa5; text.len()];
    schedule.decrypt(iv, InOutBuf::new(&in_place, &mut decrypted).unwrap());
    assert_eq!(decrypted, text);
    decrypted.fill(0xa5);
    schedule.decrypt_by_library(iv, InOutBuf::new(&in_place, &mut decrypted).unwrap());
    assert_eq!(decrypted, text);
    schedule.decrypt(iv, in_place.as_mut_slice().into());
    assert_eq!(in_place, text);
}

#[test]
fn every_length_and_key_length() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for key_len in [16, 24, 32] {
        let schedule = schedule(&random(&mut rng, key_len));
        for blocks in 1..if cfg!(miri) { 4 } else { 100 } {
            let iv = random(&mut rng, 16).try_into().unwrap();
            compare(&schedule, &iv, &random(&mut rng, 16 * blocks));
        }
    }
}

#[test]
fn what_is_no_whole_block_stays_as_it_is() {
    let (schedule, iv) = (schedule(&[7; 32]), [9; 16]);
    let sealed = by_library(&schedule, &iv, &[5; 32]);
    for len in [0, 1, 15, 16, 17, 31, 40] {
        let mut text = [&sealed[..], &[0xa5; 8]].concat();
        schedule.decrypt(&iv, (&mut text[..len]).into());
        let whole = len - len % 16;
        assert_eq!(text, [&[5; 32][..whole], &sealed[whole..], &[0xa5; 8]].concat(), "{len}");
    }
}

#[test]
fn random_inputs() {
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    let rounds = if cfg!(miri) {
        5
    } else if cfg!(debug_assertions) {
        300
    } else {
        1_000_000
    };
    for _ in 0..rounds {
        let key_len = 16 + 8 * up_to(&mut rng, 2);
        let schedule = schedule(&random(&mut rng, key_len));
        let iv = random(&mut rng, 16).try_into().unwrap();
        let len = 16 * (1 + up_to(&mut rng, 40));
        compare(&schedule, &iv, &random(&mut rng, len));
    }
}

#[test]
fn batches_of_any_lengths() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let rounds = if cfg!(miri) {
        2
    } else if cfg!(debug_assertions) {
        100
    } else {
        100_000
    };
    for round in 0..rounds {
        let key_len = 16 + 8 * up_to(&mut rng, 2);
        let schedule = schedule(&random(&mut rng, key_len));
        let count = if cfg!(miri) { round * (LANES + 3) } else { round % (3 * LANES) };
        let texts: Vec<([u8; 16], Vec<u8>)> = (0..count)
            .map(|_| {
                let len = 16 * (1 + up_to(&mut rng, 12));
                (random(&mut rng, 16).try_into().unwrap(), random(&mut rng, len))
            })
            .collect();
        let expected: Vec<_> = texts.iter().map(|(iv, text)| by_library(&schedule, iv, text)).collect();
        let mut sealed: Vec<_> = texts.iter().map(|(_, text)| text.clone()).collect();
        let ivs = texts.iter().map(|(iv, _)| *iv);
        let mut batch: Vec<_> = ivs.zip(sealed.iter_mut().map(Vec::as_mut_slice)).collect();
        schedule.encrypt_batch(&mut batch);
        assert_eq!(sealed, expected, "{count}");
    }
}
