//! A KMS at fault, by both drivers: what still works, what is reported, and that nothing is lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/both_drivers.rs"]
mod both_drivers;
#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::error::Error as _;

use atrest::{BlockingTransformer, CallError, Error, Refusal};
use both_drivers::{Driver, KINDS, Kind, Setup, assert_opens, core_error, refused};

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
                assert_eq!(driver.check().is_ok(), kind == Kind::V1, "KMS v1 is not asked");
                setup.kek.refuse(None);
            }
            assert_opens(&driver, &stored, false);
        }
    }
}

#[test]
fn an_outage_stops_neither_cached_reads_nor_for_three_minutes_writes() {
    for which in 0..2 {
        let setup = Setup::new();
        let [elsewhere, _] = setup.checked(Kind::V2);
        let foreign = elsewhere.seal().unwrap();
        let driver = &setup.checked(Kind::V2)[which];
        let own = driver.seal().unwrap();
        setup.kek.refuse(Refusal::Unreachable);
        setup.clock.pass(180);
        let last = driver.seal().unwrap();
        setup.clock.pass(1);
        let down = driver.check();
        assert_eq!(refused(down), Error::KekUnreachable);
        assert_eq!(core_error(driver.seal()), Error::KmsExpired);
        assert_opens(driver, &own, false);
        assert_opens(driver, &last, false);
        assert_eq!(refused(driver.open(&foreign)), Error::KekUnreachable);
        // Reading does not expire, whatever the time.
        setup.clock.pass(1_000_000);
        assert_opens(driver, &own, false);
        setup.kek.refuse(None);
        driver.check().unwrap();
        for stored in [&own, &last, &foreign, &driver.seal().unwrap()] {
            assert_opens(driver, stored, false);
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
        for which in 0..2 {
            let setup = Setup::new();
            let driver = &setup.checked(Kind::V2)[which];
            let stored = driver.seal().unwrap();
            setup.clock.pass(60);
            setup.kek.set(|script| script.key_id = "id2".into());
            setup.kek.set(fault);
            assert_eq!(core_error(driver.check()), Error::KekAnswer);
            let [at_fault, _] = setup.drivers(Kind::V2);
            assert_eq!(core_error(at_fault.check()), Error::KekAnswer);
            assert_eq!(core_error(at_fault.seal()), Error::KmsNotReady);
            assert_opens(driver, &stored, false);
            setup.clock.pass(120);
            assert_opens(driver, &driver.seal().unwrap(), false);
            setup.clock.pass(1);
            assert_eq!(core_error(driver.seal()), Error::KmsExpired);
            setup.kek.set(|script| *script = table_kek::Script { key_id: "id2".into(), ..Default::default() });
            driver.check().unwrap();
            assert_opens(driver, &stored, true);
            assert_opens(driver, &driver.seal().unwrap(), false);
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
            if kind == Kind::Own {
                // The value's commitment tells that it was another.
                assert_opens(driver, &stored, false);
                continue;
            }
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
fn a_kek_that_panics_has_refused_for_now() {
    for kind in KINDS {
        for which in 0..2 {
            let setup = Setup::new();
            let driver = &setup.checked(kind)[which];
            let stored = driver.seal().unwrap();
            let unreachable = |failed: Result<(), CallError>| {
                let error = failed.unwrap_err();
                assert_eq!((error.error(), error.is_retryable()), (Error::KekUnreachable, true));
                assert_eq!(error.cause().unwrap().source().unwrap().to_string(), "the KEK panicked");
            };
            setup.kek.set(|script| script.panics_naming = true);
            match kind {
                Kind::V1 => driver.check().unwrap(),
                _ => unreachable(driver.check()),
            }
            setup.kek.set(|script| {
                (script.panics_naming, script.panics, script.key_id) = (false, true, "id2".to_owned());
            });
            match kind {
                // The key that is named is another, so that a seed has to be wrapped.
                Kind::V2 => unreachable(driver.check()),
                _ => unreachable(driver.seal().map(drop)),
            }
            if kind == Kind::Own {
                unreachable(driver.rewrap(&stored).map(drop));
            }
            let [reader, _] = setup.drivers(kind);
            setup.kek.set(|script| (script.panics, script.key_id) = (false, "id1".to_owned()));
            reader.check().unwrap();
            setup.kek.set(|script| script.panics = true);
            if kind != Kind::V2 {
                unreachable(reader.open(&stored).map(drop));
            }
            setup.kek.set(|script| script.panics = false);
            assert_opens(&reader, &stored, false);
            assert_opens(driver, &driver.seal().unwrap(), false);
            driver.check().unwrap();
            assert_opens(driver, &stored, false);
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
