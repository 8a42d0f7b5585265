//! No block of the heap is freed with a part of a DEK, of what is expanded from it, or of a plaintext in it: by steps
//! and by drivers, whether they come to an end, fail, are given up or unwind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/both_drivers.rs"]
mod both_drivers;
#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/round_keys.rs"]
mod round_keys;
#[path = "common/search.rs"]
mod search;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::hint::black_box;
use core::num::NonZeroUsize;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;
use std::sync::Arc;

use atrest::{
    CacheLimits, CallError, DekLimits, DekScheme, DekSourceKind, EnvelopeProvider, EnvelopeTransformer, Error, Kek,
    KmsAction, KmsRotation, KmsState, KmsV1, OsRandom, PendingSeal, RecoveredDek, Refusal, Rewrap, SealPlan, SealStep,
    SecretVec, Step, Wrapped,
};
use both_drivers::{Driver, KINDS, Kind, Setup};
use by_hand::{AAD, NOW, TEXT};
use pollster::block_on;
use search::{Searching, block_of, freed_while, freed_with, look_for};
use sha2::block_api::compress256;
use table_kek::{TableKek, leaked};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

type Needle = fn(&[u8]) -> &'static [u8];

/// What may not be left of a DEK.
const NEEDLES: [(&str, Needle); 4] = [
    ("its first half", |dek| leaked(&dek[..16])),
    ("its second half", |dek| leaked(&dek[16..])),
    ("its last round key", |dek| leaked(&round_keys::expand_aes256(dek.try_into().unwrap())[14])),
    ("its HMAC state", |dek| leaked(&hmac_state(dek))),
];

/// What SHA-256 holds once it has taken in the inner padding of HMAC (RFC 2104) with this key.
fn hmac_state(dek: &[u8]) -> Vec<u8> {
    let mut block = [0x36; 64];
    block.iter_mut().zip(dek).for_each(|(pad, byte)| *pad ^= byte);
    // The initial value of FIPS 180-4, 5.3.3.
    let mut state =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    compress256(&mut state, &[block]);
    state.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect()
}

#[test]
fn what_is_looked_for_is_there_while_a_dek_lives() {
    let dek: [u8; 32] = core::array::from_fn(|i| u8::try_from(i * 7 + 3).unwrap());
    let holds = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let [first, second, round_key, state] = NEEDLES.map(|(_, needle)| needle(&dek));
    for half in [first, second] {
        assert_eq!(freed_with(half, || drop(black_box(dek.to_vec()))), 1);
    }
    let (alive, freed) = block_of(|| RecoveredDek::from_bytes(DekScheme::AesGcmXNonce, &dek).unwrap());
    assert!(holds(&alive, state) && !holds(&freed, state));
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("aes") {
        let (alive, freed) = block_of(|| RecoveredDek::from_bytes(DekScheme::AesGcm, &dek).unwrap());
        assert!(holds(&alive, round_key) && !holds(&freed, round_key));
    }
}

/// Runs it with a KEK of its own for each thing that may not be left, of the first DEK and of the last.
fn assert_clean(name: &str, run: impl Fn(&Setup)) {
    for (last, (part, needle)) in [false, true].into_iter().flat_map(|last| NEEDLES.map(|part| (last, part))) {
        let setup = Setup::new();
        setup.kek.set(|script| script.on_wrap = Some(Arc::new(move |dek| look_for(|| needle(dek), last))));
        let found = freed_while(|| {
            run(&setup);
            setup.kek.set(|script| script.on_wrap = None);
        });
        assert!(setup.kek.wraps() > 0, "{name}: a DEK was made");
        assert_eq!(found, 0, "{name}: {part}, of the last: {last}");
    }
    let setup = Setup::new();
    assert_eq!(freed_with(TEXT, || run(&setup)), 0, "{name}: the plaintext");
}

/// Opens without a copy of the plaintext.
fn open(driver: &Driver, stored: &[u8]) -> Result<(), CallError> {
    let is_text = match driver {
        Driver::Blocking(driver) => driver.open(AAD, stored)?.plaintext() == TEXT,
        Driver::Async(driver) => block_on(Box::pin(driver.open(AAD, stored)))?.plaintext() == TEXT,
    };
    assert!(is_text);
    Ok(())
}

fn seal(driver: &Driver) -> Result<Vec<u8>, CallError> {
    match driver {
        Driver::Blocking(driver) => driver.seal(AAD, TEXT),
        Driver::Async(driver) => block_on(Box::pin(driver.seal(AAD, TEXT))),
    }
}

/// A check on the heap.
fn check(driver: &Driver) -> Result<(), CallError> {
    match driver {
        Driver::Blocking(_) => driver.check(),
        Driver::Async(driver) => block_on(Box::pin(driver.check())).into_iter().try_for_each(|(_, checked)| checked),
    }
}

fn by_both(name: &str, run: impl Fn(Kind, &Setup, &Driver)) {
    for kind in KINDS {
        for which in 0..2 {
            assert_clean(&format!("{name} {kind:?} {which}"), |setup| {
                let driver = &setup.drivers(kind)[which];
                check(driver).unwrap();
                run(kind, setup, driver);
            });
        }
    }
}

#[test]
fn drivers_that_seal_and_open() {
    by_both("seal and open", |kind, setup, driver| {
        let stored = seal(driver).unwrap();
        open(driver, &stored).unwrap();
        for other in setup.drivers(kind) {
            check(&other).unwrap();
            open(&other, &stored).unwrap();
            open(&other, &stored).unwrap();
        }
    });
}

#[expect(clippy::boxed_local, reason = "the block that it is moved out of is looked into")]
fn answered<'t>(kek: &TableKek, pending: Box<PendingSeal<'t, 'static>>) -> Box<SealPlan<'t, 'static>> {
    let answer = kek.wrap_dek(pending.expose_dek(), pending.context()).unwrap();
    Box::new(pending.answer(NOW, answer).unwrap())
}

#[test]
fn steps_that_seal_and_open_or_are_dropped() {
    for own in [false, true] {
        assert_clean(&format!("steps {own}"), |setup| {
            let list = || match own {
                false => EnvelopeTransformer::builder().wrapped(KmsV1::new("a").unwrap()).build().unwrap(),
                true => EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap(),
            };
            let writer = list();
            let pending = || match writer.seal(&mut OsRandom, NOW, AAD, TEXT.len()).map(Box::new).map(|step| *step) {
                Ok(SealStep::Wrap(pending)) => Box::new(pending),
                other => panic!("{other:?}"),
            };
            let answered = |pending| answered(&setup.kek, pending);
            let stored = answered(pending()).seal_to_vec(&mut OsRandom, TEXT).unwrap();
            drop(answered(pending()));
            let _ = pending().refuse(Refusal::Denied);
            let small = answered(pending()).seal_into(&mut OsRandom, TEXT, &mut vec![0; TEXT.len() + 40]);
            assert!(matches!(small, Err(Error::BufferTooSmall { .. })));

            let (reader, mut out) = (list(), vec![0; stored.len()]);
            let Step::Unwrap(pending) = reader.open_into(NOW, AAD, &stored, &mut out).unwrap() else { panic!() };
            let dek = setup.kek.unwrap_dek(&pending.request()).unwrap();
            let step = Box::new(pending).answer(NOW, &dek, &mut out).unwrap();
            let Step::Ready(opened) = step else { panic!() };
            assert!(opened.plaintext_in(&out) == TEXT);
            out.fill(0);
        });
    }
}

#[test]
fn evicted_and_rotated_deks() {
    by_both("rotation", |kind, setup, driver| {
        let stored: Vec<_> = (0..4)
            .map(|round| {
                setup.kek.set(|script| script.key_id = format!("id{round}"));
                check(driver).unwrap();
                seal(driver).unwrap()
            })
            .collect();
        let cache = CacheLimits::new(NonZeroUsize::MIN, Duration::from_secs(9));
        let limits = DekLimits::new(1, usize::MAX);
        let narrow = Setup { kek: setup.kek.clone(), clock: setup.clock.clone(), cache, limits };
        for driver in narrow.drivers(kind) {
            check(&driver).unwrap();
            stored.iter().for_each(|stored| open(&driver, stored).unwrap());
            setup.clock.pass(10);
            stored.iter().rev().for_each(|stored| open(&driver, stored).unwrap());
            drop([seal(&driver).unwrap(), seal(&driver).unwrap()]);
        }
    });
}

#[test]
fn opens_that_fail() {
    by_both("failing open", |kind, setup, driver| {
        let stored = seal(driver).unwrap();
        let mut damaged = stored.clone();
        *damaged.iter_mut().rev().nth(50).unwrap() ^= 1;
        // Of v2 the data stands in front.
        let place = stored.len() - if kind == Kind::V2 { 100 } else { 1 };
        damaged[place] ^= 1;
        assert!(open(driver, &damaged).is_err());
        for other in setup.drivers(kind) {
            check(&other).unwrap();
            for dek_len in [Some(31), Some(200), Some(0)] {
                setup.kek.set(|script| script.dek_len = dek_len);
                assert!(open(&other, &damaged).is_err());
            }
            setup.kek.set(|script| (script.dek_len, script.wrong_dek) = (None, true));
            assert!(open(&other, &stored).is_err());
            setup.kek.set(|script| script.wrong_dek = false);
        }
    });
}

#[test]
fn seals_and_checks_that_are_refused() {
    by_both("refused", |kind, setup, driver| {
        setup.kek.set(|script| script.key_id = "id2".into());
        setup.kek.set(|script| script.refuses_to_wrap = Some(Refusal::Unreachable));
        assert!(if kind == Kind::V2 { check(driver).is_err() } else { seal(driver).is_err() });
        setup.kek.set(|script| (script.refuses_to_wrap, script.wrapped_len) = (None, Some(65_536)));
        assert!(if kind == Kind::V2 { check(driver).is_err() } else { seal(driver).is_err() });
    });
}

/// Polls a future so many times and drops it.
fn poll<F: Future>(future: F, times: usize) -> bool {
    let mut future = pin!(future);
    (0..times).any(|_| future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready())
}

#[test]
fn futures_that_are_dropped_on_the_way() {
    for kind in KINDS {
        for polls in 1..8 {
            assert_clean(&format!("{kind:?} dropped after {polls}"), |setup| {
                let [_, Driver::Async(driver)] = setup.drivers(kind) else { panic!() };
                let [writer, _] = setup.drivers(kind);
                check(&writer).unwrap();
                let stored = seal(&writer).unwrap();
                setup.kek.set(|script| script.polls = 2);
                let checked = poll(Box::pin(driver.check()), polls);
                let sealed = poll(Box::pin(driver.seal(AAD, TEXT)), polls);
                let opened = poll(Box::pin(driver.open(AAD, &stored)), polls);
                assert_eq!(checked && sealed && opened, polls > if kind == Kind::V2 { 4 } else { 2 });
                check(&Driver::Async(driver)).unwrap();
            });
        }
    }
}

#[test]
fn a_leader_that_is_dropped_and_one_that_follows() {
    for kind in KINDS {
        for polls in 1..4 {
            assert_clean(&format!("{kind:?}, the leader is dropped after {polls}"), |setup| {
                let [writer, Driver::Async(driver)] = setup.drivers(kind) else { panic!() };
                check(&writer).unwrap();
                let stored = seal(&writer).unwrap();
                assert!(poll(Box::pin(driver.check()), 1));
                setup.kek.set(|script| script.polls = 4);
                let mut leader = Box::pin(driver.open(AAD, &stored));
                let mut follower = Box::pin(driver.open(AAD, &stored));
                let mut context = Context::from_waker(Waker::noop());
                for _ in 0..polls {
                    assert!(leader.as_mut().poll(&mut context).is_pending());
                }
                assert!(follower.as_mut().poll(&mut context).is_pending());
                let asked = setup.kek.unwraps();
                drop(leader);
                assert!(block_on(follower).unwrap().plaintext() == TEXT);
                assert_eq!(setup.kek.unwraps(), asked, "the follower took the call over");
            });
        }
    }
}

#[test]
fn rewraps_that_end_or_do_not() {
    for which in 0..2 {
        assert_clean(&format!("rewrap {which}"), |setup| {
            let [writer, _] = setup.drivers(Kind::Own);
            let stored = seal(&writer).unwrap();
            let driver = &setup.drivers(Kind::Own)[which];
            drop(driver.rewrap(&stored).unwrap());
            let faults: [fn(&mut table_kek::Script); 5] = [
                |script| script.refuses_to_wrap = Some(Refusal::Denied),
                |script| script.wrapped_len = Some(65_536),
                |script| script.wrong_dek = true,
                |script| script.dek_len = Some(31),
                |script| script.panics = true,
            ];
            for fault in faults {
                setup.kek.set(fault);
                assert!(driver.rewrap(&stored).is_err());
                setup.kek.set(|script| {
                    (script.refuses_to_wrap, script.wrapped_len, script.dek_len) = (None, None, None);
                    (script.wrong_dek, script.panics) = (false, false);
                });
            }
            let rewrap = Rewrap::begin(AAD, &stored).unwrap();
            let answered = rewrap.answer(setup.kek.unwrap_dek(&rewrap.request()).unwrap()).unwrap();
            assert!(answered.answer(&Wrapped::new("", [7])).is_err());
            drop(Box::new(answered));
            assert!(rewrap.answer(SecretVec::from_slice(&[7; 32]).unwrap()).is_err());
        });
    }
    for polls in 1..7 {
        assert_clean(&format!("a rewrap that is dropped after {polls}"), |setup| {
            let [writer, Driver::Async(driver)] = setup.drivers(Kind::Own) else { panic!() };
            let stored = seal(&writer).unwrap();
            setup.kek.set(|script| script.polls = 2);
            assert_eq!(poll(Box::pin(driver.rewrap(AAD, &stored)), polls), polls > 4);
        });
    }
}

#[test]
fn states_and_their_rotations() {
    assert_clean("states", |setup| {
        let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::NIST);
        let rotation = |state: &mut KmsState, key_id: &str| match state.on_status(NOW, key_id).unwrap() {
            KmsAction::Wrap(rotation) => Box::new(rotation),
            other => panic!("{other:?}"),
        };
        let wrap = |rotation: &KmsRotation| setup.kek.wrap_dek(rotation.expose_dek(), &[]).unwrap();
        let given_up = rotation(&mut state, "id1");
        wrap(&given_up);
        drop(given_up);
        let refused = rotation(&mut state, "id1");
        wrap(&refused);
        assert!(state.install(*refused, Wrapped::new("id2", [7])).is_err());
        // One that another one overtakes is refused, and one that is replaced is held on to.
        let [first, second] = [(); 2].map(|()| rotation(&mut state, "id1"));
        let answer = wrap(&first);
        state.install(*first, answer).unwrap();
        let replaced = state.write(NOW).unwrap();
        setup.kek.set(|script| script.key_id = "id2".into());
        let third = rotation(&mut state, "id2");
        let answer = wrap(&third);
        state.install(*third, answer).unwrap();
        wrap(&second);
        drop(second);
        drop(state);
        drop(replaced);
    });
}

#[test]
fn a_kek_that_panics() {
    by_both("panic", |kind, setup, driver| {
        let [writer, _] = setup.checked(kind);
        let stored = seal(&writer).unwrap();
        setup.kek.set(|script| (script.panics, script.key_id) = (true, "id2".into()));
        let sealed = if kind == Kind::V2 { check(driver) } else { seal(driver).map(drop) };
        assert_eq!(sealed.unwrap_err().error(), Error::KekUnreachable);
        assert_eq!(open(driver, &stored).unwrap_err().error(), Error::KekUnreachable);
        setup.kek.set(|script| script.panics = false);
        open(driver, &stored).unwrap();
        // Whoever is refused or dropped gives its turn to ask the KMS back.
        check(driver).unwrap();
    });
}
