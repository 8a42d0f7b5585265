//! Lists with a KEK: `provider/operation/size`, and opening with a cache of recovered DEKs by their number.
//!
//! `seal` and `open` have the DEK at hand; what they return is allocated, and freeing and wiping it is timed too.
//! `open_among` opens values whose DEKs are all in the cache, each another one.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;
use core::num::NonZeroUsize;
use core::time::Duration;

use atrest::{
    BlockingTransformer, BlockingTransformerBuilder, CacheLimits, DekCache, EnvelopeProvider, KmsV1, KmsV2, LocalKek,
};
use criterion::{Criterion, Throughput};

const AAD: &[u8] = b"/registry/secrets/default/login1";

const SIZES: [(&str, usize); 3] = [("64B", 64), ("1KiB", 1 << 10), ("1MiB", 1 << 20)];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let kek = || LocalKek::generate().unwrap();
    let builder = BlockingTransformer::builder;
    bench(&mut criterion, "kms_v1", builder().kms_v1(KmsV1::new("vault").unwrap(), kek()));
    bench(&mut criterion, "kms_v2", builder().kms_v2(KmsV2::new("vault").unwrap(), kek()));
    bench(&mut criterion, "envelope_provider", builder().envelope(EnvelopeProvider::new(), kek()));
    for deks in [10, 1000, 100_000] {
        bench_cache(&mut criterion, deks);
    }
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, name: &str, builder: BlockingTransformerBuilder) {
    let transformer = builder.build().unwrap();
    transformer.check().into_iter().for_each(|(_, checked)| checked.unwrap());
    for (size, len) in SIZES {
        let plaintext = vec![0x5a; len];
        let stored = transformer.seal(AAD, &plaintext).unwrap();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(len.try_into().unwrap()));
        group.bench_function(format!("seal/{size}"), |b| {
            b.iter(|| transformer.seal(AAD, black_box(&plaintext)).unwrap());
        });
        group.bench_function(format!("open/{size}"), |b| {
            b.iter(|| transformer.open(AAD, black_box(&stored)).unwrap());
        });
        group.finish();
    }
}

/// KMS v1 has a DEK for each value, so that as many values fill the cache.
fn bench_cache(criterion: &mut Criterion, deks: usize) {
    let limits = CacheLimits::new(NonZeroUsize::new(deks).unwrap(), Duration::MAX);
    let provider = KmsV1::new("vault").unwrap().with_cache(DekCache::new(limits));
    let transformer = BlockingTransformer::builder().kms_v1(provider, LocalKek::generate().unwrap()).build().unwrap();
    let stored: Vec<_> = (0..deks).map(|_| transformer.seal(AAD, &[0x5a; 1024]).unwrap()).collect();
    // Far apart, so that no DEK is in the processor's cache because its neighbour was.
    let mut turns = stored.iter().cycle().step_by(7919);
    criterion.bench_function(&format!("kms_v1/open_among/{deks}"), |b| {
        b.iter(|| transformer.open(AAD, black_box(turns.next().unwrap())).unwrap());
    });
}
