//! What must not grow: with the number of keys, of cached DEKs, of values in a list; and what must, with the number of cores.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use atrest::{
    AesGcm, AesGcmKey, BlockingTransformer, CacheLimits, DekCache, EnvelopeTransformer, KmsV2, OsRandom, PooledRandom,
    Random, SealStep, Time, Transformer, Wrapped,
};
use std::sync::Arc;

use crate::kms::{Stub, masked};
use crate::sampler::{Cell, Sampler};
use crate::{AAD, KEY};

pub const PROVIDER: &str = "growth";

const LEN: usize = 1024;

const LIST: usize = 10_000;

/// Values of the measurements with many DEKs, the same number whatever the number of DEKs.
const AMONG: usize = 100_000;

/// Far from place to place, so that no value is in the processor's cache because its neighbour was.
const STRIDE: usize = 7919;

const NAME: &str = "atrest";

pub fn measure(sampler: &mut Sampler, quick: bool) {
    keys(sampler);
    for deks in [10, AMONG] {
        among_deks(sampler, deks);
    }
    list(sampler, quick);
}

const fn cell(op: &'static str, size: usize) -> Cell {
    Cell { provider: PROVIDER, op, size }
}

/// In one cache line: in two it takes twice as long.
#[repr(align(16))]
struct Nonce([u8; 12]);

pub fn nonce(sampler: &mut Sampler) {
    let mut nonce = Nonce([0; 12]);
    sampler.time(cell("nonce", 12), NAME, |_| PooledRandom.fill(black_box(&mut nonce.0)).unwrap());
}

/// Opens under the last of that many keys.
fn keys(sampler: &mut Sampler) {
    for count in [1, 1000_u32] {
        let key = |index: u32| {
            let mut bytes = KEY;
            bytes[..4].copy_from_slice(&index.to_be_bytes());
            (format!("key-{index}"), AesGcmKey::from_bytes(&bytes).unwrap())
        };
        let of = |keys: Vec<_>| Transformer::builder().provider(AesGcm::new(keys).unwrap()).build().unwrap();
        let stored = of(vec![key(count - 1)]).seal(AAD, &[0x5a; LEN]).unwrap();
        let transformer = of((0..count).map(key).collect());
        let mut out = [0; LEN];
        sampler.time(cell("keys", count as usize), NAME, |_| {
            transformer.open_into(AAD, black_box(&stored), &mut out).unwrap().plaintext().len()
        });
    }
}

/// Has another seed wrapped, under another key id than the one before.
fn rotate(provider: &KmsV2, turn: usize) {
    let now = Time::default();
    let id = ["1", "2"][turn % 2];
    let rotation = provider.check(&mut OsRandom, now, id).unwrap().expect("the key id is another one");
    let wrapped = masked(rotation.expose_dek());
    provider.complete(now, rotation, Wrapped::new(id, wrapped)).unwrap();
}

fn transformer_of(provider: &Arc<KmsV2>) -> BlockingTransformer {
    BlockingTransformer::builder().kms_v2(Arc::clone(provider), Stub).build().unwrap()
}

/// Values of that many seeds, none of which is written with any more: their DEKs are in the cache.
fn of_seeds(values: usize, seeds: usize) -> (BlockingTransformer, Vec<Vec<u8>>) {
    let limits = CacheLimits::new(NonZeroUsize::new(seeds + 1).unwrap(), Duration::MAX);
    let provider = Arc::new(KmsV2::new("vault").unwrap().with_cache(DekCache::new(limits)));
    let steps = EnvelopeTransformer::builder().shared_wrapped(provider.clone()).build().unwrap();
    let mut stored = Vec::with_capacity(values);
    for turn in 0..seeds {
        rotate(&provider, turn);
        for _ in 0..values / seeds {
            let step = steps.seal(&mut OsRandom, Time::default(), AAD, LEN).unwrap();
            let SealStep::Ready(plan) = step else { panic!("a seed is at hand") };
            stored.push(plan.seal_to_vec(&mut PooledRandom, &[0x5a; LEN]).unwrap());
        }
    }
    rotate(&provider, seeds);
    (transformer_of(&provider), stored)
}

fn among_deks(sampler: &mut Sampler, deks: usize) {
    if !sampler.wants(cell("deks", deks), NAME) {
        return;
    }
    let (transformer, stored) = of_seeds(AMONG, deks);
    let mut out = vec![0; stored[0].len()];
    let mut place = 0;
    sampler.time(cell("deks", deks), NAME, |_| {
        place = (place + STRIDE) % AMONG;
        transformer.open_into(AAD, black_box(&stored[place]), &mut out).unwrap().plaintext().len()
    });
}

/// A list into one buffer, beside single opens of its values, in the same order, to a vector each; and on two threads at once.
fn list(sampler: &mut Sampler, quick: bool) {
    let provider = Arc::new(KmsV2::new("vault").unwrap());
    rotate(&provider, 0);
    let transformer = transformer_of(&provider);
    let stored: Vec<_> = (0..LIST).map(|_| transformer.seal(AAD, &[0x5a; LEN]).unwrap()).collect();
    let mut out = vec![0; stored[0].len()];
    let mut place = 0;
    sampler.time(cell("list", 1), NAME, |_| {
        place = (place + 1) % LIST;
        transformer.open(AAD, black_box(&stored[place])).unwrap()
    });
    sampler.time(cell("list", LIST), NAME, |_| {
        place = (place + 1) % LIST;
        transformer.open_into(AAD, black_box(&stored[place]), &mut out).unwrap().plaintext().len()
    });
    threads(sampler, quick, "threads", &transformer, &stored);
    let (transformer, stored) = of_seeds(LIST, 10);
    threads(sampler, quick, "threads-cached", &transformer, &stored);
}

/// The shortest time of many rounds, since threads that share the machine with others are only ever slower.
fn threads(
    sampler: &mut Sampler,
    quick: bool,
    op: &'static str,
    transformer: &BlockingTransformer,
    stored: &[Vec<u8>],
) {
    if !sampler.wants(cell(op, 2), NAME) {
        return;
    }
    let open_all = || {
        let mut out = vec![0; stored[0].len()];
        for stored in stored {
            black_box(transformer.open_into(AAD, stored, &mut out).unwrap().plaintext());
        }
    };
    let took = |threads: usize| {
        let start = Instant::now();
        thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(open_all)));
        start.elapsed().as_secs_f64() * 1e9 / (threads * stored.len()) as f64
    };
    let rounds = if quick { 60 } else { 300 };
    let mut best = [f64::MAX; 2];
    for _ in 0..rounds {
        for (threads, best) in [1, 2].into_iter().zip(&mut best) {
            *best = best.min(took(threads));
        }
    }
    for (threads, best) in [1, 2].into_iter().zip(best) {
        sampler.note(cell(op, threads), NAME, best);
    }
}
