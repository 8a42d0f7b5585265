//! The providers with keys of their own: the library through a transformer, and everyone else.

use std::hint::black_box;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, PooledRandom, Provider, Secretbox, SecretboxKey, Transformer};

use crate::sampler::{Cell, Sampler};
use crate::{AAD, FAST, KEY, OURS, bare, by_hand};

pub fn measure(sampler: &mut Sampler, size: usize) {
    ours(sampler, "aescbc", size, AesCbc::new([("key1", AesCbcKey::from_bytes(&KEY).unwrap())]).unwrap());
    bare::aescbc(sampler, size);
    ours(sampler, "aesgcm", size, AesGcm::new([("key1", AesGcmKey::from_bytes(&KEY).unwrap())]).unwrap());
    bare::aesgcm(sampler, size);
    ours(sampler, "secretbox", size, Secretbox::new([("key1", SecretboxKey::from_bytes(&KEY).unwrap())]).unwrap());
    bare::secretbox(sampler, size);
    if !FAST {
        by_hand::measure(sampler, size);
    }
}

fn ours(sampler: &mut Sampler, provider: &'static str, size: usize, built: impl Provider) {
    let transformer = Transformer::builder().provider(built).build().unwrap();
    let plaintext = vec![0x5a; size];
    let stored = transformer.seal(AAD, &plaintext).unwrap();
    let mut out = vec![0; stored.len()];
    let [returning, into, _] = OURS;

    let cell = Cell { provider, op: "seal", size };
    sampler.time(cell, returning, |_| transformer.seal(AAD, black_box(&plaintext)).unwrap());
    sampler
        .time(cell, into, |_| transformer.seal_into(&mut PooledRandom, AAD, black_box(&plaintext), &mut out).unwrap());
    let cell = Cell { provider, op: "open", size };
    sampler.time(cell, returning, |_| transformer.open(AAD, black_box(&stored)).unwrap());
    sampler.time(cell, into, |_| transformer.open_into(AAD, black_box(&stored), &mut out).unwrap().plaintext().len());
}
