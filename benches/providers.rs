//! Seal and open with each provider, by size: `provider/operation/size`.
//!
//! `seal` and `open` return what they allocate, and freeing and wiping it is timed with them; `seal_into`
//! and `open_into` use one buffer of the caller.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Identity, PooledRandom, Provider, Secretbox, SecretboxKey, Transformer,
};
use criterion::{Criterion, Throughput};

const AAD: &[u8] = b"/registry/secrets/default/login1";

const SIZES: [(&str, usize); 4] = [("64B", 64), ("1KiB", 1 << 10), ("16KiB", 16 << 10), ("1MiB", 1 << 20)];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let key = [7; 32];
    bench(&mut criterion, "aescbc", AesCbc::new([("key1", AesCbcKey::from_bytes(&key).unwrap())]).unwrap());
    bench(&mut criterion, "aesgcm", AesGcm::new([("key1", AesGcmKey::from_bytes(&key).unwrap())]).unwrap());
    bench(&mut criterion, "secretbox", Secretbox::new([("key1", SecretboxKey::from_bytes(&key).unwrap())]).unwrap());
    bench(&mut criterion, "identity", Identity::new());
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, name: &str, provider: impl Provider) {
    let transformer = Transformer::builder().provider(provider).build().unwrap();
    for (size, len) in SIZES {
        let plaintext = vec![0x5a; len];
        let stored = transformer.seal(AAD, &plaintext).unwrap();
        let mut out = vec![0; stored.len()];

        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(len.try_into().unwrap()));
        group.bench_function(format!("seal/{size}"), |b| {
            b.iter(|| transformer.seal(AAD, black_box(&plaintext)).unwrap());
        });
        group.bench_function(format!("seal_into/{size}"), |b| {
            b.iter(|| transformer.seal_into(&mut PooledRandom, AAD, black_box(&plaintext), &mut out).unwrap());
        });
        group.bench_function(format!("open/{size}"), |b| {
            b.iter(|| transformer.open(AAD, black_box(&stored)).unwrap());
        });
        group.bench_function(format!("open_into/{size}"), |b| {
            b.iter(|| transformer.open_into(AAD, black_box(&stored), &mut out).unwrap().plaintext().len());
        });
        group.finish();
    }
}
