//! No block of the heap is freed with a part of a DEK, a key of the embedded KEK or an opened plaintext in it, on
//! succeeding and on failing paths. Each test first shows that it finds what it looks for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/search.rs"]
mod search;

use core::hint::black_box;
use core::panic::AssertUnwindSafe;
use std::borrow::Cow;
use std::panic::catch_unwind;

use atrest::{
    Algorithm, DekLimits, DekScheme, Envelope, FreshDek, Kek, KekError, KeySource, LocalKek, OpenDek, OsRandom, Random,
    RandomError, RecoveredDek, Refusal, SealDek, Secret, SecretVec, Wrapped, WrappedDek,
};
use search::{Searching, block_of, freed_with, keylike};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// Static, so that the tests themselves put no copy into the heap.
static DEK: [u8; 32] = *b"\x03The-quick[brown]fox|jumps=over!";
static KEY: [u8; 32] = *b"Pack~my*box(with)five_dozen^jugs";
static PLAINTEXT: [u8; 32] = *b"plain-Text*08/15&some+more>of_it";

const ALGORITHMS: [Algorithm; 2] = [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm];

/// Makes the same DEK, and after that salts that are not looked for.
#[derive(Default)]
struct Same {
    made: bool,
}

impl Random for Same {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if core::mem::replace(&mut self.made, true) {
            out.fill(7);
        } else {
            out.copy_from_slice(&DEK);
        }
        Ok(())
    }
}

impl KeySource for Same {}

fn secret() -> Secret<32> {
    Secret::from_slice(&KEY).unwrap()
}

fn keks() -> [LocalKek; 2] {
    [LocalKek::new([("k", &secret())]).unwrap(), LocalKek::aes256gcm([("k", &secret())]).unwrap()]
}

/// How often either half of a secret lies in a block that `run` frees.
fn freed_halves(secret: &'static [u8; 32], run: impl Fn()) -> [usize; 2] {
    let (first, second) = secret.split_at(16);
    [freed_with(first, &run), freed_with(second, &run)]
}

#[test]
fn what_is_looked_for_is_found() {
    for secret in [&DEK, &KEY, &PLAINTEXT] {
        assert_eq!(freed_halves(secret, || drop(black_box(secret.to_vec()))), [1, 1]);
        assert_eq!(freed_halves(secret, || drop(black_box(vec![0_u8; 32]))), [0, 0]);
    }
}

#[test]
fn deks_are_wiped_whole() {
    for algorithm in ALGORITHMS {
        let scheme = DekScheme::Committing(algorithm);
        // HKDF keeps two states of SHA-256 and not the DEK.
        let (alive, freed) = block_of(|| RecoveredDek::from_bytes(scheme, &DEK).unwrap());
        assert!(keylike(&alive).len() >= 32, "the block of the key was found");
        assert_eq!(keylike(&freed).len(), 0);
        let fresh = || FreshDek::generate_with(scheme, DekLimits::NIST, &mut Same::default()).unwrap();
        assert_eq!(fresh().expose(), &DEK);
        assert_eq!(freed_halves(&DEK, || drop(black_box(fresh()))), [0, 0]);
        // The block that it is moved out of is freed as it is left.
        assert_eq!(freed_halves(&DEK, || drop(*black_box(Box::new(fresh())))), [0, 0]);
        // The second handle keeps the key, and is the last one.
        let fresh = fresh();
        let recovered = fresh.to_recovered();
        assert_eq!(freed_halves(&DEK, || drop(black_box(fresh.to_recovered()))), [0, 0]);
        drop(fresh);
        assert!(recovered.open_into(b"", &[0; 80], &mut []).is_err());
    }
}

#[test]
fn sealing_and_opening_under_a_dek_leave_nothing() {
    for algorithm in ALGORITHMS {
        let scheme = DekScheme::Committing(algorithm);
        let run = || {
            let dek = Box::new(FreshDek::generate_with(scheme, DekLimits::new(1, 100), &mut Same::default()).unwrap());
            let mut sealed = vec![0; dek.sealed_len(PLAINTEXT.len()).unwrap()];
            dek.seal_into(&mut OsRandom, b"", &PLAINTEXT, &mut sealed).unwrap();
            assert!(dek.seal_into(&mut OsRandom, b"", &PLAINTEXT, &mut sealed).is_err());
            let mut opened = SecretVec::from_slice(&[0; 32]).unwrap().expose_into_vec();
            assert_eq!(dek.open_into(b"", &sealed, &mut opened), Ok(32));
            assert_eq!(opened, PLAINTEXT);
            // A failing open zeroes what an earlier one had left.
            assert!(dek.open_into(b"another", &sealed, &mut opened).is_err());
        };
        assert_eq!((freed_halves(&DEK, run), freed_halves(&PLAINTEXT, run)), ([0, 0], [0, 0]));
    }
}

#[test]
fn keys_of_the_kek_are_wiped_however_they_end() {
    let (alive, freed) = block_of(|| LocalKek::aes256gcm([("k", &secret())]).unwrap());
    assert!(keylike(&alive).len() >= 16 && keylike(&freed).is_empty(), "the round keys");
    for make in [|| keks().into_iter().next().unwrap(), || keks().into_iter().next_back().unwrap()] {
        assert_eq!(freed_halves(&KEY, || drop(black_box(make()))), [0, 0], "dropped");
        let destroyed = || {
            let mut kek = make();
            assert!(kek.destroy("k"));
            black_box(&kek);
        };
        assert_eq!(freed_halves(&KEY, destroyed), [0, 0], "destroyed");
        // The list grows again and again, and every old block of it is freed.
        let rotated = || {
            let mut kek = make();
            for i in 0..40 {
                kek.add_first(format!("{i}"), &secret()).unwrap();
                kek.rotate().unwrap();
            }
            assert!(kek.destroy("k"));
            assert!(kek.destroy("7"));
            black_box(&kek);
        };
        assert_eq!(freed_halves(&KEY, rotated), [0, 0], "rotated");
        let joined = || drop(LocalKek::generate().unwrap().followed_by(make()).unwrap());
        assert_eq!(freed_halves(&KEY, joined), [0, 0], "behind another");
        let refused = || assert!(LocalKek::new([("k", &secret()), ("k", &secret())]).is_err());
        assert_eq!(freed_halves(&KEY, refused), [0, 0], "refused");
    }
}

/// An embedded KEK that wraps as long as it is told to.
struct Stubborn(LocalKek, bool);

impl Kek for Stubborn {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.0.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        if self.1 { self.0.wrap_dek(dek, context) } else { Err(Refusal::Unreachable.into()) }
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.0.unwrap_dek(wrapped)
    }
}

#[test]
fn no_call_of_the_envelope_leaves_a_dek_or_a_plaintext() {
    for (kek, algorithm) in keks().into_iter().zip(ALGORITHMS) {
        let mut envelope = Envelope::new(Stubborn(kek, true)).with_algorithm(algorithm);
        let sealed = envelope.seal_with(&mut Same::default(), b"c", &PLAINTEXT).unwrap();
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let mut uncommitted = sealed.clone();
        let commitment_at = sealed.len() - 32 - 16 - 1;
        uncommitted[commitment_at] ^= 1;

        let copied = || drop(black_box(envelope.open(b"c", &sealed).unwrap().expose().to_vec()));
        assert_eq!(freed_halves(&PLAINTEXT, copied), [1, 1], "an ordinary copy is found");
        let run = |envelope: &Envelope<Stubborn>| {
            drop(envelope.seal_with(&mut Same::default(), b"c", &PLAINTEXT));
            assert_eq!(envelope.open(b"c", &sealed).unwrap().expose(), PLAINTEXT);
            drop(envelope.rewrap(b"c", &sealed));
            drop(envelope.reseal(b"c", &sealed));
            for value in [&damaged, &uncommitted, &sealed[..100].to_vec()] {
                assert!(envelope.open(b"c", value).is_err() && envelope.reseal(b"c", value).is_err());
                drop(envelope.rewrap(b"c", value));
            }
            let sealer = envelope.sealer(b"c");
            drop(sealer.seal(&PLAINTEXT));
            sealer.renew();
            drop(sealer.seal(&PLAINTEXT));
        };
        for wraps in [true, false] {
            envelope.kek_mut().1 = wraps;
            assert_eq!(freed_halves(&DEK, || run(&envelope)), [0, 0], "DEK, wraps: {wraps}");
            assert_eq!(freed_halves(&PLAINTEXT, || run(&envelope)), [0, 0], "plaintext, wraps: {wraps}");
            assert_eq!(freed_halves(&KEY, || run(&envelope)), [0, 0], "KEK, wraps: {wraps}");
        }
    }
}

/// An embedded KEK that panics once it has heard of a DEK.
struct Panicking(LocalKek);

impl Kek for Panicking {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.0.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], _context: &[u8]) -> Result<Wrapped, KekError> {
        panic!("a KEK that panics over {} bytes", dek.len())
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        let dek = self.0.unwrap_dek(wrapped)?;
        panic!("a KEK that panics over {} bytes", dek.len())
    }
}

#[test]
fn a_panic_of_a_kek_or_of_a_source_leaves_nothing() {
    /// Makes the DEK, and panics over the salt; or over the DEK itself, which it has written.
    struct Panics(bool);
    impl Random for Panics {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
            if core::mem::replace(&mut self.0, true) {
                panic!("a source that panics");
            }
            out.copy_from_slice(&DEK);
            Ok(())
        }
    }
    impl KeySource for Panics {}

    for (kek, algorithm) in keks().into_iter().zip(ALGORITHMS) {
        let envelope = Envelope::new(kek).with_algorithm(algorithm);
        let sealed = envelope.seal_with(&mut Same::default(), b"c", &PLAINTEXT).unwrap();
        let [xchacha, aesgcm] = keks();
        let panicking = Envelope::new(Panicking(if sealed[14] == 1 { xchacha } else { aesgcm }));
        let panics = |call: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        let run = || {
            panics(&|| drop(envelope.seal_with(&mut Panics(false), b"c", &PLAINTEXT)));
            panics(&|| drop(envelope.seal_with(&mut Panics(true), b"c", &PLAINTEXT)));
            panics(&|| drop(panicking.seal_with(&mut Same::default(), b"c", &PLAINTEXT)));
            panics(&|| drop(panicking.open(b"c", &sealed)));
            panics(&|| drop(panicking.rewrap(b"c", &sealed)));
            panics(&|| drop(panicking.sealer(b"c").seal(&PLAINTEXT)));
        };
        assert_eq!((freed_halves(&DEK, run), freed_halves(&PLAINTEXT, run)), ([0, 0], [0, 0]));
    }
}

#[test]
fn a_source_that_fails_leaves_nothing() {
    /// Fails when it has written all.
    struct Fails;
    impl Random for Fails {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
            out.copy_from_slice(&DEK[..out.len()]);
            Err(RandomError)
        }
    }
    impl KeySource for Fails {}

    let run = || {
        for algorithm in ALGORITHMS {
            let scheme = DekScheme::Committing(algorithm);
            assert!(FreshDek::generate_with(scheme, DekLimits::NIST, &mut Fails).is_err());
            assert!(Envelope::new(LocalKek::generate().unwrap()).seal_with(&mut Fails, b"c", &PLAINTEXT).is_err());
        }
        assert!(Secret::<32>::generate_with(&mut Fails).map(Box::new).is_err());
    };
    assert_eq!(freed_halves(&DEK, run), [0, 0]);
}
