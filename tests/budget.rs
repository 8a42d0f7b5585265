//! The budget of seals of an aesgcm key: who shares it, when it is taken, and that nothing gets past it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/doubles.rs"]
mod doubles;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Barrier;
use std::thread;

use atrest::{AesGcm, AesGcmKey, Error, NamedKey, Provider, Random, RandomError, Transformer};
use doubles::{Counter, Failing};

const PLAINTEXT: &[u8] = b"hunter2";

fn key(seals: u32) -> AesGcmKey {
    AesGcmKey::from_bytes(&[1; 32]).unwrap().with_seals_left(seals)
}

fn owned(key: &AesGcmKey) -> AesGcm<'static> {
    AesGcm::new([("k", key.clone())]).unwrap()
}

fn seal(provider: &dyn Provider, rng: &mut dyn Random) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; provider.sealed_len(PLAINTEXT.len()).unwrap()];
    provider.seal_into(rng, b"", PLAINTEXT, &mut out).map(|_| out)
}

#[test]
fn a_new_key_has_the_whole_budget() {
    let key = AesGcmKey::from_bytes(&[1; 16]).unwrap();
    assert_eq!(key.seals_left(), u32::MAX);
    assert_eq!(AesGcmKey::SEALS_MAX, u32::MAX);
    assert_eq!(AesGcmKey::SEALS_ADVISED, 200_000);
}

#[test]
fn exactly_the_budget_is_sealed() {
    let key = key(3);
    let provider = owned(&key);
    for left in [2, 1, 0] {
        assert!(seal(&provider, &mut Counter(0)).is_ok());
        assert_eq!(key.seals_left(), left);
    }
    for _ in 0..3 {
        assert_eq!(seal(&provider, &mut Counter(0)), Err(Error::SealsExhausted));
        assert_eq!(key.seals_left(), 0, "zero does not wrap around");
    }
}

#[test]
fn clones_and_lists_share_the_budget() {
    let key = key(5);
    let (first, second) = (owned(&key), owned(&key.clone()));
    let named = [NamedKey::new("other name", &key).unwrap()];
    let borrowed = AesGcm::borrowed(&named).unwrap();
    let transformer = Transformer::builder().provider(owned(&key)).build().unwrap();
    let providers: [&dyn Provider; 3] = [&first, &second, &borrowed];
    for provider in providers {
        assert!(seal(provider, &mut Counter(0)).is_ok());
    }
    assert!(transformer.seal_with(&mut Counter(0), b"", PLAINTEXT).is_ok());
    assert!(transformer.clone().seal_with(&mut Counter(0), b"", PLAINTEXT).is_ok());
    assert_eq!(key.seals_left(), 0);
    for provider in providers {
        assert_eq!(seal(provider, &mut Counter(0)), Err(Error::SealsExhausted));
    }
    assert_eq!(transformer.seal_with(&mut Counter(0), b"", PLAINTEXT), Err(Error::SealsExhausted));
}

#[test]
fn the_same_bytes_expanded_twice_have_two_budgets() {
    // The count is that of the object; whoever loads a key again has to carry the count over.
    let (first, second) = (key(1), key(1));
    assert!(seal(&owned(&first), &mut Counter(0)).is_ok());
    assert_eq!((first.seals_left(), second.seals_left()), (0, 1));
}

#[test]
fn only_the_key_that_seals_pays() {
    let (writer, reader) = (key(10), key(10));
    let provider = AesGcm::new([("new", writer.clone()), ("old", reader.clone())]).unwrap();
    seal(&provider, &mut Counter(0)).unwrap();
    assert_eq!((writer.seals_left(), reader.seals_left()), (9, 10));
}

/// Records what was left of the budget when the nonce was drawn.
struct Watching {
    key: AesGcmKey,
    seen: Vec<u32>,
}

impl Random for Watching {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.seen.push(self.key.seals_left());
        out.fill(7);
        Ok(())
    }
}

#[test]
fn a_seal_is_counted_before_its_nonce_is_drawn() {
    let key = key(2);
    let mut rng = Watching { key: key.clone(), seen: Vec::new() };
    seal(&owned(&key), &mut rng).unwrap();
    seal(&owned(&key), &mut rng).unwrap();
    assert_eq!(seal(&owned(&key), &mut rng), Err(Error::SealsExhausted));
    assert_eq!(rng.seen, [1, 0], "and without budget none is drawn");
}

#[test]
fn a_seal_that_fails_for_want_of_randomness_counts() {
    let key = key(2);
    let mut rng = Failing::default();
    for left in [1, 0] {
        assert_eq!(seal(&owned(&key), &mut rng), Err(Error::Random));
        assert_eq!(key.seals_left(), left);
    }
    assert_eq!(seal(&owned(&key), &mut rng), Err(Error::SealsExhausted));
    assert_eq!(rng.calls, 2);
}

#[test]
fn a_seal_that_cannot_fit_costs_nothing() {
    let key = key(2);
    let provider = owned(&key);
    let needed = provider.sealed_len(PLAINTEXT.len()).unwrap();
    let mut out = vec![0; needed - 1];
    let mut rng = Failing::default();
    let sealed = provider.seal_into(&mut rng, b"", PLAINTEXT, &mut out);
    assert_eq!(sealed, Err(Error::BufferTooSmall { needed }));
    let transformer = Transformer::builder().provider(owned(&key)).build().unwrap();
    assert_eq!(transformer.seal_in_place(&mut rng, b"", usize::MAX, &mut out), Err(Error::TooLong));
    assert_eq!((key.seals_left(), rng.calls), (2, 0));
}

#[test]
fn the_budget_can_be_set_at_any_time_from_any_handle() {
    let key = key(0);
    let provider = owned(&key);
    assert_eq!(seal(&provider, &mut Counter(0)), Err(Error::SealsExhausted));
    key.clone().set_seals_left(1);
    assert_eq!(key.seals_left(), 1);
    assert!(seal(&provider, &mut Counter(0)).is_ok());
    assert_eq!(seal(&provider, &mut Counter(0)), Err(Error::SealsExhausted));
    assert_eq!(key.clone().with_seals_left(7).seals_left(), 7);
    assert_eq!(key.seals_left(), 7);
}

#[test]
fn opening_takes_nothing() {
    let key = key(1);
    let provider = owned(&key);
    let transformer = Transformer::builder().provider(owned(&key)).build().unwrap();
    let stored = seal(&provider, &mut Counter(0)).unwrap();
    let mut out = vec![0; provider.open_len_max(&stored)];
    assert_eq!(provider.open_into(b"", &stored, &mut out).unwrap().plaintext(), PLAINTEXT);
    assert_eq!(provider.open_into(b"other", &stored, &mut out).unwrap_err(), Error::Open);
    assert_eq!(transformer.open(b"", &stored).unwrap().plaintext(), PLAINTEXT);
    assert_eq!(transformer.open_in_place(b"", &mut stored.clone()).unwrap().plaintext(), PLAINTEXT);
    assert_eq!(key.seals_left(), 0, "an exhausted key still opens");
    key.set_seals_left(9);
    transformer.open(b"", &stored).unwrap();
    assert_eq!(key.seals_left(), 9);
}

#[test]
fn threads_together_take_exactly_the_budget() {
    const SEALS: u32 = 300_000;
    let key = key(SEALS);
    let provider = owned(&key);
    let (taken, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // A source that fails leaves little but the counting, where the threads can collide.
                let (mut rng, mut out) = (Failing::default(), [0; 64]);
                start.wait();
                for _ in 0..50_000 {
                    match provider.seal_into(&mut rng, b"", b"", &mut out) {
                        Err(Error::Random) => taken.fetch_add(1, Ordering::Relaxed),
                        Err(Error::SealsExhausted) => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other:?}"),
                    };
                }
            });
        }
    });
    assert_eq!((taken.into_inner(), refused.into_inner()), (300_000, 100_000));
    assert_eq!(key.seals_left(), 0);
}

#[test]
fn threads_together_seal_exactly_the_budget() {
    let key = key(100);
    let provider = owned(&key);
    let sealed = thread::scope(|scope| {
        let seal = || (0..30).filter(|_| seal(&provider, &mut Counter(0)).is_ok()).count();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(seal)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(sealed, 100);
}
