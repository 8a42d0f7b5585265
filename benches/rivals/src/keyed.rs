//! The providers with keys of their own: the library through a transformer, and everyone else.

use std::hint::black_box;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, PooledRandom, Provider, Secretbox, SecretboxKey, Transformer};

use crate::sampler::{Cell, Sampler};
use crate::{AAD, FAST, KEY, OURS, bare, by_hand};

/// Values that are sealed with one call.
const MANY: usize = 64;

const MANY_NAME: &str = if FAST { "atrest-fast-many" } else { "atrest-many" };

pub fn measure(sampler: &mut Sampler, size: usize) {
    ours(sampler, "aescbc", size, AesCbc::new([("key1", AesCbcKey::from_bytes(&KEY).unwrap())]).unwrap());
    ours(sampler, "aesgcm", size, AesGcm::new([("key1", AesGcmKey::from_bytes(&KEY).unwrap())]).unwrap());
    ours(sampler, "secretbox", size, Secretbox::new([("key1", SecretboxKey::from_bytes(&KEY).unwrap())]).unwrap());
    bare::measure(sampler, size);
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
    let mut text = plaintext.clone();
    sampler.time(cell, into, |_| {
        // As of the primitive, which see.
        if provider == "aescbc" {
            bare::follow(&mut text, &out);
        }
        transformer.seal_into(&mut PooledRandom, AAD, black_box(&text), &mut out).unwrap()
    });
    // Longer ones gain no more, and take their time.
    if size <= 16 << 10 {
        let group = vec![(AAD, &plaintext[..]); MANY];
        sampler.time_each(cell, MANY_NAME, MANY, |_| {
            transformer.seal_many(black_box(&group).iter().copied()).for_each(drop)
        });
    }
    let cell = Cell { provider, op: "open", size };
    sampler.time(cell, returning, |_| transformer.open(AAD, black_box(&stored)).unwrap());
    sampler.time(cell, into, |_| transformer.open_into(AAD, black_box(&stored), &mut out).unwrap().plaintext().len());
}
