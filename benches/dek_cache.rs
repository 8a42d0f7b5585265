//! Asking the DEK cache by how many it holds: `dek_cache/call/entries`. The number must not matter.
//!
//! `get` asks for the same ten keys of however many; `get_any` for all in an order that jumps about, so that with many
//! entries main memory answers instead of the processor's cache.
//! `insert` is into a full cache and makes room each time; `key` is the digest alone.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;
use core::num::NonZeroUsize;
use core::time::Duration;

use atrest::{CacheLimits, DekCache, DekCacheKey, DekScheme, RecoveredDek, Time, WrappedDek};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("dek_cache");
    let now = Time::default();
    let dek = RecoveredDek::from_bytes(DekScheme::AesGcmXNonce, &[7; 32]).unwrap();
    for count in [10, 1_000, 100_000] {
        let cache = DekCache::new(CacheLimits::new(NonZeroUsize::new(count).unwrap(), Duration::from_secs(1)));
        let keys: Vec<_> = (0..count * 2).map(key).collect();
        keys[..count].iter().for_each(|&key| _ = cache.insert(key, dek.clone(), now));
        assert_eq!(cache.len(), count);
        let mut place = 0;
        for (name, asked) in [("get", 10), ("get_any", count)] {
            group.bench_function(format!("{name}/{count}"), |b| {
                b.iter(|| {
                    place = (place + 7919) % asked;
                    cache.get(black_box(&keys[place]), now).unwrap()
                });
            });
        }
        group.bench_function(format!("insert/{count}"), |b| {
            b.iter(|| {
                place = (place + 1) % keys.len();
                cache.insert(keys[place], dek.clone(), now)
            });
        });
    }
    let bytes = [9; 100];
    let wrapped = WrappedDek::new("key-1", &bytes, b"");
    group.bench_function("key", |b| b.iter(|| DekCacheKey::of(DekScheme::AesGcmXNonce, black_box(&wrapped))));
    group.finish();
    criterion.final_summary();
}

fn key(index: usize) -> DekCacheKey {
    DekCacheKey::of(DekScheme::AesGcmXNonce, &WrappedDek::new("key-1", &index.to_be_bytes(), b""))
}
