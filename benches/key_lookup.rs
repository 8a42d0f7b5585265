//! Opening 1 KiB under the last of many keys: `aesgcm/open_1KiB/names/keys`. The number of keys must not matter.
//!
//! Names are `alike`, of about the same length, or `mixed`, of up to 100 different lengths.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;

use atrest::{AesGcm, AesGcmKey, Transformer};
use criterion::{Criterion, Throughput};

const AAD: &[u8] = b"/registry/secrets/default/login1";

const PLAINTEXT_LEN: usize = 1024;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("aesgcm/open_1KiB");
    group.throughput(Throughput::Bytes(PLAINTEXT_LEN.try_into().unwrap()));
    let alike = |index: u32| format!("key-{index}");
    let mixed = |index: u32| format!("key-{index}-{}", "x".repeat((index % 100).try_into().unwrap()));
    let names: [(&str, &dyn Fn(u32) -> String); 2] = [("alike", &alike), ("mixed", &mixed)];
    for (count, (names, name)) in [1, 10, 100, 1000].into_iter().flat_map(|count| names.map(|names| (count, names))) {
        let keys: Vec<_> = (0..count).map(|index| (name(index), key(index))).collect();
        let (last_name, last_key) = keys.last().cloned().unwrap();
        let sealer = transformer([(last_name.clone(), last_key)]);
        let stored = sealer.seal(AAD, &[0x5a; PLAINTEXT_LEN]).unwrap();

        let opener = transformer(keys);
        let mut out = [0; PLAINTEXT_LEN];
        assert_eq!(opener.open(AAD, &stored).unwrap().key_name(), Some(last_name.as_str()));
        group.bench_function(format!("{names}/{count}"), |b| {
            b.iter(|| opener.open_into(AAD, black_box(&stored), &mut out).unwrap().plaintext().len());
        });
    }
    group.finish();
    criterion.final_summary();
}

/// A key of its own for each index.
fn key(index: u32) -> AesGcmKey {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&index.to_be_bytes());
    AesGcmKey::from_bytes(&bytes).unwrap()
}

fn transformer(keys: impl IntoIterator<Item = (String, AesGcmKey)>) -> Transformer<'static> {
    Transformer::builder().provider(AesGcm::new(keys).unwrap()).build().unwrap()
}
