//! A KMS at fault, by both drivers: what still works, what is reported, and that nothing is lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::error::Error as _;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::Arc;

use atrest::{
    AsyncTransformer, BlockingTransformer, CacheLimits, CallError, DekCache, DekLimits, DekSourceKind,
    EnvelopeProvider, Error, KmsState, KmsV1, KmsV2, Refusal,
};
use by_hand::{AAD, Seen, TEXT};
use pollster::block_on;
use table_kek::{CAUSE, TableKek, TestClock};

enum Driver {
    Blocking(BlockingTransformer),
    Async(AsyncTransformer),
}

impl Driver {
    fn check(&self) -> Result<(), CallError> {
        let checked = match self {
            Self::Blocking(driver) => driver.check(),
            Self::Async(driver) => block_on(driver.check()),
        };
        checked.into_iter().try_for_each(|(_, checked)| checked)
    }

    fn seal(&self) -> Result<Vec<u8>, CallError> {
        self.seal_text(TEXT)
    }

    fn seal_text(&self, text: &[u8]) -> Result<Vec<u8>, CallError> {
        match self {
            Self::Blocking(driver) => driver.seal(AAD, text),
            Self::Async(driver) => block_on(driver.seal(AAD, text)),
        }
    }

    /// In both ways, which agree once the first has what it needs at hand; a failed open leaves zeros.
    fn open(&self, stored: &[u8]) -> Result<Seen, CallError> {
        let mut out = vec![0xee; stored.len()];
        let into = match self {
            Self::Blocking(driver) => driver.open_into(AAD, stored, &mut out),
            Self::Async(driver) => block_on(driver.open_into(AAD, stored, &mut out)),
        };
        let into = into.map(|opened| Seen::of(&opened, opened.plaintext()));
        let opened = match self {
            Self::Blocking(driver) => driver.open(AAD, stored),
            Self::Async(driver) => block_on(driver.open(AAD, stored)),
        };
        let opened = opened.map(|opened| Seen::of(&opened, opened.plaintext()));
        assert_eq!(into.as_ref().map_err(CallError::error), opened.as_ref().map_err(CallError::error));
        assert!(into.is_ok() || out.iter().all(|&byte| byte == 0));
        opened
    }
}

/// What a driver is built of.
struct Setup {
    kek: TableKek,
    clock: TestClock,
    cache: CacheLimits,
    limits: DekLimits,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    V1,
    V2,
    Own,
}

const KINDS: [Kind; 3] = [Kind::V1, Kind::V2, Kind::Own];

impl Setup {
    fn new() -> Self {
        let (kek, clock) = (TableKek::new("id1"), TestClock::default());
        Self { kek, clock, cache: CacheLimits::KMS_V2, limits: DekLimits::NIST }
    }

    fn v2(&self) -> KmsV2 {
        let state = KmsState::new(DekSourceKind::Seed, self.limits);
        KmsV2::with_state("a", state).unwrap().with_cache(DekCache::new(self.cache))
    }

    fn drivers(&self, kind: Kind) -> [Driver; 2] {
        let cache = || DekCache::new(self.cache);
        let v1 = || KmsV1::new("a").unwrap().with_cache(cache());
        let own = || EnvelopeProvider::new().with_cache(cache());
        let kek = || self.kek.clone();
        let (blocking, async_) = (BlockingTransformer::builder(), AsyncTransformer::builder());
        let (blocking, async_) = match kind {
            Kind::V1 => (blocking.kms_v1(v1(), kek()), async_.kms_v1(v1(), kek())),
            Kind::V2 => (blocking.kms_v2(self.v2(), kek()), async_.kms_v2(self.v2(), kek())),
            Kind::Own => (blocking.envelope(own(), kek()), async_.envelope(own(), kek())),
        };
        let blocking = blocking.clock(self.clock.clone()).build().unwrap();
        let async_ = async_.clock(self.clock.clone()).build().unwrap();
        [Driver::Blocking(blocking), Driver::Async(async_)]
    }

    /// Drivers that have heard of their KMS.
    fn checked(&self, kind: Kind) -> [Driver; 2] {
        let drivers = self.drivers(kind);
        drivers.iter().for_each(|driver| driver.check().unwrap());
        drivers
    }
}

/// The error, and that what the KEK said of it is kept.
fn refused<T: core::fmt::Debug>(result: Result<T, CallError>) -> Error {
    let error = result.unwrap_err();
    let cause = error.cause().unwrap();
    assert_eq!(cause.refusal().error(), error.error());
    assert_eq!(cause.source().unwrap().to_string(), CAUSE);
    assert_eq!(error.is_retryable(), error.error().is_retryable());
    error.error()
}

fn core_error<T: core::fmt::Debug>(result: Result<T, CallError>) -> Error {
    let error = result.unwrap_err();
    assert!(error.cause().is_none(), "{error:?}");
    error.error()
}

fn assert_opens(driver: &Driver, stored: &[u8], stale: bool) {
    let seen = driver.open(stored).unwrap();
    assert_eq!((seen.text.as_slice(), seen.stale), (TEXT, stale));
}

#[test]
fn a_kek_that_is_down_at_start_is_not_damage() {
    let setup = Setup::new();
    for kind in KINDS {
        for writer in setup.checked(kind) {
            let stored = writer.seal().unwrap();
            setup.kek.refuse(Refusal::Unreachable);
            for driver in setup.drivers(kind) {
                if kind == Kind::V2 {
                    assert_eq!(refused(driver.check()), Error::KekUnreachable);
                    assert_eq!(core_error(driver.open(&stored)), Error::KmsNotReady);
                    assert_eq!(core_error(driver.seal()), Error::KmsNotReady);
                } else {
                    assert_eq!(refused(driver.open(&stored)), Error::KekUnreachable);
                    assert_eq!(refused(driver.seal()), Error::KekUnreachable);
                }
                setup.kek.refuse(None);
                driver.check().unwrap();
                assert_opens(&driver, &stored, false);
                driver.seal().unwrap();
                setup.kek.refuse(Refusal::Unreachable);
            }
            setup.kek.refuse(None);
        }
    }
}

#[test]
fn every_refusal_is_reported_as_what_it_is() {
    let setup = Setup::new();
    for kind in KINDS {
        let [writer, _] = setup.checked(kind);
        let stored = writer.seal().unwrap();
        for driver in setup.checked(kind) {
            for refusal in [Refusal::NotMine, Refusal::Gone, Refusal::Denied, Refusal::Unreachable] {
                setup.kek.refuse(refusal);
                assert_eq!(refused(driver.open(&stored)), refusal.error());
                if kind != Kind::V2 {
                    assert_eq!(refused(driver.seal()), refusal.error());
                }
                assert_eq!(driver.check().is_ok(), kind != Kind::V2);
                setup.kek.refuse(None);
            }
            assert_opens(&driver, &stored, false);
        }
    }
}

#[test]
fn an_outage_stops_neither_cached_reads_nor_for_three_minutes_writes() {
    let setup = Setup::new();
    let [elsewhere, _] = setup.checked(Kind::V2);
    let foreign = elsewhere.seal().unwrap();
    for driver in setup.checked(Kind::V2) {
        let own = driver.seal().unwrap();
        setup.kek.refuse(Refusal::Unreachable);
        setup.clock.pass(180);
        let last = driver.seal().unwrap();
        setup.clock.pass(1);
        let down = driver.check();
        assert_eq!(refused(down), Error::KekUnreachable);
        assert_eq!(core_error(driver.seal()), Error::KmsExpired);
        assert_opens(&driver, &own, false);
        assert_opens(&driver, &last, false);
        assert_eq!(refused(driver.open(&foreign)), Error::KekUnreachable);
        // Reading does not expire, whatever the time.
        setup.clock.pass(1_000_000);
        assert_opens(&driver, &own, false);
        setup.kek.refuse(None);
        driver.check().unwrap();
        for stored in [&own, &last, &foreign, &driver.seal().unwrap()] {
            assert_opens(&driver, stored, false);
        }
    }
}

#[test]
fn an_outage_stops_no_cached_reads_of_v1_and_of_own_envelopes() {
    let setup = Setup::new();
    for kind in [Kind::V1, Kind::Own] {
        let [writer, _] = setup.drivers(kind);
        let stored = [writer.seal().unwrap(), writer.seal().unwrap()];
        for driver in setup.drivers(kind) {
            assert_opens(&driver, &stored[0], false);
            setup.kek.refuse(Refusal::Unreachable);
            assert_opens(&driver, &stored[0], false);
            assert_eq!(refused(driver.open(&stored[1])), Error::KekUnreachable);
            setup.clock.pass(24 * 3600 + 1);
            assert_eq!(refused(driver.open(&stored[0])), Error::KekUnreachable, "the cache's time is over");
            setup.kek.refuse(None);
            stored.iter().for_each(|stored| assert_opens(&driver, stored, false));
        }
    }
}

#[test]
fn a_slow_kms_does_not_make_a_seed_live_longer() {
    for which in 0..2 {
        let setup = Setup::new();
        let driver = &setup.drivers(Kind::V2)[which];
        // 100 seconds to name the key, 100 to wrap.
        setup.kek.set(|script| script.takes = Some((setup.clock.clone(), 100)));
        driver.check().unwrap();
        assert_eq!(core_error(driver.seal()), Error::KmsExpired);
        setup.kek.set(|script| script.takes = Some((setup.clock.clone(), 60)));
        driver.check().unwrap();
        setup.clock.pass(120);
        let stored = driver.seal().unwrap();
        setup.clock.pass(1);
        assert_eq!(core_error(driver.seal()), Error::KmsExpired);
        assert_opens(driver, &stored, false);
    }
}

#[test]
fn an_answer_that_cannot_be_right_changes_nothing() {
    type Fault = fn(&mut table_kek::Script);
    let faults: [Fault; 7] = [
        |script| script.wraps_as = Some("id3".into()),
        |script| script.wrapped_len = Some(0),
        |script| script.wrapped_len = Some(1025),
        |script| script.annotations = [("no-domain".to_owned(), vec![])].into(),
        |script| script.annotations = [("a.b".to_owned(), vec![0; 32 * 1024])].into(),
        |script| script.key_id = "k".repeat(1025),
        |script| script.key_id = String::new(),
    ];
    for fault in faults {
        let setup = Setup::new();
        for driver in setup.checked(Kind::V2) {
            let stored = driver.seal().unwrap();
            setup.clock.pass(60);
            setup.kek.set(|script| script.key_id = "id2".into());
            setup.kek.set(fault);
            assert_eq!(core_error(driver.check()), Error::KekAnswer);
            let [at_fault, _] = setup.drivers(Kind::V2);
            assert_eq!(core_error(at_fault.check()), Error::KekAnswer);
            assert_eq!(core_error(at_fault.seal()), Error::KmsNotReady);
            assert_opens(&driver, &stored, false);
            setup.clock.pass(120);
            assert_opens(&driver, &driver.seal().unwrap(), false);
            setup.clock.pass(1);
            assert_eq!(core_error(driver.seal()), Error::KmsExpired);
            setup.kek.set(|script| *script = table_kek::Script { key_id: "id2".into(), ..Default::default() });
            driver.check().unwrap();
            assert_opens(&driver, &stored, true);
            assert_opens(&driver, &driver.seal().unwrap(), false);
            setup.kek.set(|script| script.key_id = "id1".into());
        }
    }
}

#[test]
fn an_answer_that_a_value_cannot_hold_is_refused() {
    let setup = Setup::new();
    for (kind, len, fits) in [
        (Kind::V1, 0, true),
        (Kind::V1, 65_535, true),
        (Kind::V1, 65_536, false),
        (Kind::Own, 0, false),
        (Kind::Own, 65_535, true),
        (Kind::Own, 65_536, false),
    ] {
        setup.kek.set(|script| script.wrapped_len = Some(len));
        for driver in setup.drivers(kind) {
            match driver.seal() {
                Ok(stored) if fits => assert_opens(&driver, &stored, false),
                refused => assert_eq!((core_error(refused), fits), (Error::KekAnswer, false), "{kind:?} {len}"),
            }
        }
    }
    setup.kek.set(|script| script.wrapped_len = None);
    setup.kek.set(|script| script.annotations = [("a.b".to_owned(), vec![])].into());
    for driver in setup.drivers(Kind::V1).into_iter().chain(setup.drivers(Kind::Own)) {
        assert_eq!(core_error(driver.seal()), Error::KekAnswer);
    }
}

/// As in Kubernetes, a DEK is kept even if the value does not open under it. A KEK that gave a wrong one is only asked
/// again when that is gone from the cache.
#[test]
fn a_wrong_dek_stays_until_its_time_is_over() {
    let setup = Setup::new();
    for kind in KINDS {
        for entry in 0..2 {
            let [writer, _] = setup.checked(kind);
            let stored = writer.seal().unwrap();
            let driver = &setup.checked(kind)[entry];
            setup.kek.set(|script| script.wrong_dek = true);
            assert_eq!(core_error(driver.open(&stored)), Error::Open);
            setup.kek.set(|script| script.wrong_dek = false);
            let asked = setup.kek.unwraps();
            assert_eq!((core_error(driver.open(&stored)), setup.kek.unwraps()), (Error::Open, asked));
            setup.clock.pass(24 * 3600 + 1);
            assert_opens(driver, &stored, false);
        }
    }
}

#[test]
fn a_dek_of_another_length_is_not_kept() {
    let setup = Setup::new();
    for kind in KINDS {
        let [writer, _] = setup.checked(kind);
        let stored = writer.seal().unwrap();
        for driver in setup.checked(kind) {
            for len in [0, 1, 15, 31] {
                setup.kek.set(|script| script.dek_len = Some(len));
                assert_eq!(core_error(driver.open(&stored)), Error::KekAnswer);
            }
            setup.kek.set(|script| script.dek_len = None);
            assert_opens(&driver, &stored, false);
        }
    }
}

#[test]
fn a_refused_entry_is_no_hindrance_for_the_next() {
    let (old, new) = (Setup::new(), Setup::new());
    new.kek.set(|script| script.key_id = "id2".into());
    let [writer, _] = old.checked(Kind::V2);
    let stored = writer.seal().unwrap();
    let both = BlockingTransformer::builder().kms_v2(new.v2(), new.kek.clone()).kms_v2(old.v2(), old.kek.clone());
    let driver = Driver::Blocking(both.build().unwrap());
    driver.check().unwrap();
    for (in_new, in_old) in [(Refusal::NotMine, Refusal::Unreachable), (Refusal::Unreachable, Refusal::Gone)] {
        new.kek.refuse(in_new);
        old.kek.refuse(in_old);
        assert_eq!(refused(driver.open(&stored)), Error::KekUnreachable);
    }
    old.kek.refuse(None);
    assert_opens(&driver, &stored, true);
}
