//! Seal and open with each provider, by size: `provider/operation/size`.
//!
//! `seal` and `open` return what they allocate, and freeing and wiping it is timed with them; `seal_into`
//! and `open_into` use one buffer of the caller. `aesgcm/bare_seal` and `aesgcm/bare_open` are the cipher's own
//! crate, key prepared, nonce given, into a buffer: what there is to compare with.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, KeyInit};
use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Identity, PooledRandom, Provider, Secretbox, SecretboxKey, Transformer,
};
use criterion::{Criterion, Throughput};
use inout::InOutBuf;

/// As the provider has it: the schedule of one direction.
type AesGcmCipher = aes_gcm::AesGcm<aes::Aes256Enc, U12>;

const AAD: &[u8] = b"/registry/secrets/default/login1";

const SIZES: [(&str, usize); 6] =
    [("64B", 64), ("256B", 256), ("1KiB", 1 << 10), ("4KiB", 4 << 10), ("16KiB", 16 << 10), ("1MiB", 1 << 20)];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let key = [7; 32];
    bench(&mut criterion, "aescbc", AesCbc::new([("key1", AesCbcKey::from_bytes(&key).unwrap())]).unwrap());
    bench(&mut criterion, "aesgcm", AesGcm::new([("key1", AesGcmKey::from_bytes(&key).unwrap())]).unwrap());
    bench(&mut criterion, "secretbox", Secretbox::new([("key1", SecretboxKey::from_bytes(&key).unwrap())]).unwrap());
    bench(&mut criterion, "identity", Identity::new());
    bench_bare(&mut criterion, &key);
    criterion.final_summary();
}

fn bench_bare(criterion: &mut Criterion, key: &[u8; 32]) {
    let cipher = AesGcmCipher::new(key.into());
    let nonce = [9; 12].into();
    for (size, len) in SIZES {
        let plaintext = vec![0x5a; len];
        let (mut sealed, mut out) = (vec![0; len], vec![0; len]);
        let seal = |out: &mut [u8]| {
            let text = InOutBuf::new(black_box(&plaintext), out).unwrap();
            cipher.encrypt_inout_detached(&nonce, AAD, text).unwrap()
        };
        let tag = seal(&mut sealed);
        let mut group = criterion.benchmark_group("aesgcm");
        group.throughput(Throughput::Bytes(len.try_into().unwrap()));
        group.bench_function(format!("bare_seal/{size}"), |b| b.iter(|| seal(&mut out)));
        group.bench_function(format!("bare_open/{size}"), |b| {
            b.iter(|| {
                let text = InOutBuf::new(black_box(&sealed), &mut out).unwrap();
                cipher.decrypt_inout_detached(&nonce, AAD, text, &tag).unwrap();
            });
        });
        group.finish();
    }
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
