//! One nonce from each source: `nonce/source/bytes`.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;

use atrest::{OsRandom, PooledRandom, Random};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    bench::<12>(&mut criterion, "os", OsRandom);
    bench::<12>(&mut criterion, "pool", PooledRandom);
    bench::<24>(&mut criterion, "pool", PooledRandom);
    criterion.final_summary();
}

fn bench<const N: usize>(criterion: &mut Criterion, name: &str, mut source: impl Random) {
    let mut nonce = [0; N];
    criterion.bench_function(&format!("nonce/{name}/{N}"), |b| {
        b.iter(|| source.fill(black_box(&mut nonce)).unwrap());
    });
}
