//! What an observer costs: `observer/operation/way`, 64 bytes under aesgcm into a buffer of the caller.
//!
//! `provider` is the provider without a list, `none` a transformer without an observer, `idle` one whose observer
//! does nothing. The first two must not differ by more than the list costs.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;

use atrest::{AesGcm, AesGcmKey, Event, NamedKey, Observer, PooledRandom, Provider, Transformer};
use criterion::Criterion;

const AAD: &[u8] = b"/registry/secrets/default/login1";

struct Idle;

impl Observer for Idle {
    fn observe(&self, event: &Event<'_>) {
        black_box(event);
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("observer");
    let key = AesGcmKey::from_bytes(&[7; 32]).unwrap();
    let keys = [NamedKey::new("key1", &key).unwrap()];
    let provider = AesGcm::borrowed(&keys).unwrap();
    let providers: [&dyn Provider; 1] = [&provider];
    let none = Transformer::borrowed(&providers).unwrap();
    let idle = Transformer::borrowed(&providers).unwrap().with_observer(&Idle);

    let plaintext = [0x5a; 64];
    let mut out = [0; 256];
    let mut seal = |seal: &dyn Fn(&[u8], &mut [u8]) -> usize| seal(black_box(&plaintext), &mut out);
    group.bench_function("seal/provider", |b| {
        b.iter(|| seal(&|text, out| provider.seal_into(&mut PooledRandom, AAD, text, out).unwrap()));
    });
    group.bench_function("seal/none", |b| {
        b.iter(|| seal(&|text, out| none.seal_into(&mut PooledRandom, AAD, text, out).unwrap()));
    });
    group.bench_function("seal/idle", |b| {
        b.iter(|| seal(&|text, out| idle.seal_into(&mut PooledRandom, AAD, text, out).unwrap()));
    });

    let stored = none.seal(AAD, &plaintext).unwrap();
    let mut out = [0; 256];
    let mut open = |open: &dyn Fn(&[u8], &mut [u8]) -> usize| open(black_box(&stored), &mut out);
    group.bench_function("open/provider", |b| {
        b.iter(|| open(&|stored, out| provider.open_into(AAD, stored, out).unwrap().plaintext().len()));
    });
    group.bench_function("open/none", |b| {
        b.iter(|| open(&|stored, out| none.open_into(AAD, stored, out).unwrap().plaintext().len()));
    });
    group.bench_function("open/idle", |b| {
        b.iter(|| open(&|stored, out| idle.open_into(AAD, stored, out).unwrap().plaintext().len()));
    });
    group.finish();
    criterion.final_summary();
}
