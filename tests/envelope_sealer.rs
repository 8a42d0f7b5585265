//! One DEK for many values: the KEK is asked once, budgets make another DEK, and threads never mix two of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/faulty_kek.rs"]
mod faulty_kek;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Barrier, RwLock};
use std::thread;

use atrest::{
    DekLimits, Envelope, Error, Kek, KekError, LocalKek, OsRandom, Refusal, Secret, SecretVec, Wrapped, WrappedDek,
    inspect,
};
use faulty_kek::{Fault, Faulty};

/// The wrapped DEK of a value.
fn wrapped(stored: &[u8]) -> Vec<u8> {
    inspect(stored).candidates().next().unwrap().wrapped_dek().unwrap().to_vec()
}

/// How many values there are of each wrapped DEK, each of which opens to its own plaintext.
fn by_dek<K: Kek>(envelope: &Envelope<K>, values: &[(Vec<u8>, Vec<u8>)]) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for (plaintext, stored) in values {
        assert_eq!(envelope.open(b"c", stored).unwrap().expose(), plaintext);
        *counts.entry(wrapped(stored)).or_default() += 1;
    }
    counts
}

#[test]
fn the_kek_is_asked_once_for_many_values() {
    let envelope = Envelope::new(Faulty::new());
    let sealer = envelope.sealer(b"c");
    let values: Vec<_> = (0..100_u8).map(|i| (vec![i; 10], sealer.seal(&[i; 10]).unwrap())).collect();
    assert_eq!(envelope.kek().calls(), 1);
    // It goes on through an outage.
    envelope.kek().set(Fault::Refuse(Refusal::Unreachable));
    let stored = sealer.seal(b"during an outage").unwrap();
    sealer.renew();
    assert_eq!(sealer.seal(b"x").unwrap_err().error(), Error::KekUnreachable);
    envelope.kek().set(Fault::None);
    assert_eq!(envelope.open(b"c", &stored).unwrap().expose(), b"during an outage");
    assert_eq!(by_dek(&envelope, &values).len(), 1);
    assert_eq!(envelope.open(b"d", &stored).unwrap_err().error(), Error::KekNotMine);
    assert_ne!(wrapped(&sealer.seal(b"x").unwrap()), wrapped(&stored), "renewed");
}

#[test]
fn a_length_is_foretold_and_a_buffer_kept_to() {
    let envelope = Envelope::new(Faulty::new());
    let sealer = envelope.sealer(b"c");
    for len in [0, 1, 64, 1000] {
        let plaintext = vec![9; len];
        let needed = sealer.sealed_len(len).unwrap();
        let mut out = vec![0xa5; needed + 1];
        assert_eq!(sealer.seal_into(&mut OsRandom, &plaintext, &mut out).unwrap(), needed);
        assert_eq!(out.pop(), Some(0xa5));
        assert_eq!(envelope.open(b"c", &out).unwrap().expose(), plaintext);
        let mut out = vec![0xa5; needed - 1];
        let refused = sealer.seal_into(&mut OsRandom, &plaintext, &mut out).unwrap_err();
        assert_eq!(refused.error(), Error::BufferTooSmall { needed });
        assert!(out.iter().all(|&byte| byte == 0xa5));
    }
}

#[test]
fn a_used_up_budget_makes_another_dek() {
    let envelope = Envelope::new(Faulty::new()).with_limits(DekLimits::new(3, 100));
    let sealer = envelope.sealer(b"c");
    let seal = |len: usize, times: usize| -> Vec<_> {
        (0..times).map(|_| (vec![1; len], sealer.seal(&vec![1; len]).unwrap())).collect()
    };
    // Three seals a DEK.
    assert_eq!(by_dek(&envelope, &seal(1, 9)).into_values().collect::<Vec<_>>(), [3, 3, 3]);
    // A hundred bytes a DEK.
    sealer.renew();
    assert_eq!(by_dek(&envelope, &seal(50, 6)).into_values().collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(by_dek(&envelope, &seal(100, 3)).into_values().collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(sealer.seal(&[1; 101]).unwrap_err().error(), Error::SealsExhausted);
}

#[test]
fn threads_share_deks_and_never_mix_them() {
    const SEALS: u32 = 7;
    let envelope = Envelope::new(Faulty::new()).with_limits(DekLimits::new(SEALS, usize::MAX));
    let sealer = envelope.sealer(b"c");
    let values: Vec<_> = thread::scope(|scope| {
        let work = |thread: u16| {
            let sealer = &sealer;
            move || {
                let text = |i: u16| [thread.to_be_bytes(), i.to_be_bytes()].concat();
                (0..70).map(|i| (text(i), sealer.seal(&text(i)).unwrap())).collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..32).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let asked = envelope.kek().calls();
    let counts = by_dek(&envelope, &values);
    assert!(counts.values().all(|&count| count <= SEALS as usize), "{:?}", counts.values());
    // Every DEK was used up before the next was made, and none was made in vain.
    assert_eq!((values.len(), counts.len(), asked), (32 * 70, 32 * 10, 32 * 10));
}

#[test]
fn threads_that_begin_together_make_one_dek() {
    let envelope = Envelope::new(Faulty::new());
    envelope.kek().set(Fault::Slow(Duration::from_millis(50)));
    let (sealer, start) = (envelope.sealer(b"c"), Barrier::new(100));
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                start.wait();
                sealer.seal(b"x").unwrap()
            });
        }
    });
    assert_eq!(envelope.kek().calls(), 1);
}

#[test]
fn a_kek_behind_a_lock_is_rotated_while_threads_seal() {
    let envelope = Envelope::new(RwLock::new(LocalKek::generate_as("0").unwrap()));
    let values: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..50).map(|i| (vec![i], envelope.seal(b"c", &[i]).unwrap())).collect::<Vec<_>>()))
            .collect();
        for _ in 0..20 {
            envelope.kek().write().unwrap().rotate().unwrap();
        }
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(by_dek(&envelope, &values).len(), 200);
    assert!(envelope.is_stale(&envelope.seal(b"c", b"x").unwrap()).is_ok_and(|stale| !stale));
}

/// A KEK that has its sealer renewed while it wraps, as when it is rotated meanwhile.
struct Overtaken {
    kek: RwLock<LocalKek>,
    barrier: Barrier,
    waits: AtomicBool,
}

impl Kek for Overtaken {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(self.kek.key_id()?.into_owned().into())
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        let wrapped = self.kek.wrap_dek(dek, context)?;
        if self.waits.swap(false, Ordering::SeqCst) {
            self.barrier.wait();
            self.barrier.wait();
        }
        Ok(wrapped)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.kek.unwrap_dek(wrapped)
    }
}

#[test]
fn a_dek_that_was_begun_before_a_renewal_does_not_outlive_it() {
    let kek = Overtaken {
        kek: RwLock::new(LocalKek::generate_as("old").unwrap()),
        barrier: Barrier::new(2),
        waits: AtomicBool::new(true),
    };
    let envelope = Envelope::new(kek);
    let sealer = envelope.sealer(b"c");
    let key_id = |stored: &[u8]| inspect(stored).candidates().next().unwrap().key_id().unwrap().to_owned();
    thread::scope(|scope| {
        let first = scope.spawn(|| sealer.seal(b"x").unwrap());
        let kek = envelope.kek();
        kek.barrier.wait();
        kek.kek.write().unwrap().add_first("new", &Secret::generate().unwrap()).unwrap();
        sealer.renew();
        kek.barrier.wait();
        assert_eq!(key_id(&first.join().unwrap()), "old");
    });
    assert_eq!(key_id(&sealer.seal(b"x").unwrap()), "new");
}
