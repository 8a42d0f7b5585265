//! The providers with keys of their own: the library through a transformer, and everyone else.

use std::hint::black_box;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, PooledRandom, Provider, Secretbox, SecretboxKey, Transformer};

use crate::sampler::{Cell, Sampler};
use crate::texts::Texts;
use crate::{AAD, FAST, KEY, OURS, bare, by_hand};

/// Values that are sealed with one call.
const MANY: usize = 64;

const MANY_NAME: &str = if FAST { "atrest-fast-many" } else { "atrest-many" };

pub fn measure(sampler: &mut Sampler, size: usize) {
    let mut texts =
        ours(sampler, "aescbc", size, AesCbc::new([("key1", AesCbcKey::from_bytes(&KEY).unwrap())]).unwrap());
    bare::cbc(sampler, &mut texts);
    let mut texts =
        ours(sampler, "aesgcm", size, AesGcm::new([("key1", AesGcmKey::from_bytes(&KEY).unwrap())]).unwrap());
    bare::gcm(sampler, &mut texts);
    let secretbox = Secretbox::new([("key1", SecretboxKey::from_bytes(&KEY).unwrap())]).unwrap();
    let mut texts = ours(sampler, "secretbox", size, secretbox);
    bare::secretbox(sampler, &mut texts);
    if !FAST {
        by_hand::measure(sampler, size);
    }
}

fn ours(sampler: &mut Sampler, provider: &'static str, size: usize, built: impl Provider) -> Texts {
    let transformer = Transformer::builder().provider(built).build().unwrap();
    let mut texts = Texts::new(provider, size, |text| transformer.seal(AAD, text).unwrap());
    let [returning, into, _] = OURS;

    let cell = Cell { provider, op: "seal", size };
    sampler.time(cell, returning, |_| transformer.seal(AAD, black_box(texts.plaintext())).unwrap());
    sampler.time(cell, into, |_| {
        let (text, out) = texts.to_seal();
        // As of the primitive, which see.
        if provider == "aescbc" {
            bare::follow(text, out);
        }
        transformer.seal_into(&mut PooledRandom, AAD, black_box(text), out).unwrap()
    });
    // Longer ones gain no more, and take their time.
    if size <= 16 << 10 {
        let group = vec![(AAD, &*texts.plaintext()); MANY];
        sampler.time_each(cell, MANY_NAME, MANY, |_| {
            transformer.seal_many(black_box(&group).iter().copied()).for_each(drop)
        });
    }
    let cell = Cell { provider, op: "open", size };
    let Texts { stored, out, .. } = &mut texts;
    sampler.time(cell, returning, |_| transformer.open(AAD, black_box(&*stored)).unwrap());
    sampler.time(cell, into, |_| transformer.open_into(AAD, black_box(&*stored), out).unwrap().plaintext().len());
    texts
}
