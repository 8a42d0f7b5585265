//! The crate's own envelope over the embedded KEK: `envelope/operation/size`.
//!
//! `seal` makes and wraps a DEK for each value, `sealer` has one; `rewrap` leaves the payload as it is, `reseal` opens
//! and seals it. What is returned is allocated, and freeing and wiping it is timed too.
#![allow(clippy::unwrap_used)]

use core::hint::black_box;

use atrest::{Algorithm, Envelope, LocalKek};
use criterion::{Criterion, Throughput};

const CONTEXT: &[u8] = b"tenant 7, table secrets, row 42";

const SIZES: [(&str, usize); 2] = [("1KiB", 1 << 10), ("1MiB", 1 << 20)];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, algorithm) in
        [("envelope_xchacha", Algorithm::XChaCha20Poly1305), ("envelope_aesgcm", Algorithm::Aes256Gcm)]
    {
        bench(&mut criterion, name, algorithm);
    }
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, name: &str, algorithm: Algorithm) {
    let envelope = Envelope::new(LocalKek::generate().unwrap()).with_algorithm(algorithm);
    let sealer = envelope.sealer(CONTEXT);
    for (size, len) in SIZES {
        let plaintext = vec![0x5a; len];
        let stored = envelope.seal(CONTEXT, &plaintext).unwrap();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(len.try_into().unwrap()));
        group.bench_function(format!("seal/{size}"), |b| {
            b.iter(|| envelope.seal(CONTEXT, black_box(&plaintext)).unwrap());
        });
        group.bench_function(format!("sealer/{size}"), |b| b.iter(|| sealer.seal(black_box(&plaintext)).unwrap()));
        group.bench_function(format!("open/{size}"), |b| {
            b.iter(|| envelope.open(CONTEXT, black_box(&stored)).unwrap());
        });
        group.bench_function(format!("rewrap/{size}"), |b| {
            b.iter(|| envelope.rewrap(CONTEXT, black_box(&stored)).unwrap());
        });
        group.bench_function(format!("reseal/{size}"), |b| {
            b.iter(|| envelope.reseal(CONTEXT, black_box(&stored)).unwrap());
        });
        group.finish();
    }
}
