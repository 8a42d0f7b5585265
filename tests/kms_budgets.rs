//! Seeds whose budget is used up: a seal with a driver has another one wrapped, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/both_drivers.rs"]
mod both_drivers;
#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use std::sync::Arc;

use atrest::{BlockingTransformer, DekLimits, Error, Refusal};
use both_drivers::{Driver, Kind, Setup, assert_opens, core_error, refused};
use by_hand::TEXT;

/// Enough seals to use up the budget many times; whatever was sealed opens, even when the KMS is gone.
#[test]
fn a_budget_that_is_used_up_brings_another_seed() {
    for (limits, wraps) in [(DekLimits::new(4, usize::MAX), 10), (DekLimits::new(u32::MAX, TEXT.len() * 4 + 1), 10)] {
        for which in 0..2 {
            let setup = Setup { limits, ..Setup::new() };
            let driver = &setup.drivers(Kind::V2)[which];
            driver.check().unwrap();
            let stored: Vec<_> = (0..40).map(|_| driver.seal().unwrap()).collect();
            assert_eq!(setup.kek.wraps(), wraps);
            setup.kek.refuse(Refusal::Unreachable);
            // The last seed is used up: the next one has to wait for the KMS.
            assert_eq!(refused(driver.seal()), Error::KekUnreachable);
            stored.iter().for_each(|stored| assert_opens(driver, stored, false));
            setup.kek.refuse(None);
            assert_opens(driver, &driver.seal().unwrap(), false);
            assert_eq!(setup.kek.wraps(), wraps + 1);
        }
    }
}

#[test]
fn a_value_that_the_rest_of_a_budget_does_not_hold_brings_another_seed() {
    for which in 0..2 {
        let setup = Setup { limits: DekLimits::new(u32::MAX, 100), ..Setup::new() };
        let driver = &setup.drivers(Kind::V2)[which];
        driver.check().unwrap();
        for seals in 1..4 {
            driver.seal_text(&[7; 60]).unwrap();
            assert_eq!(setup.kek.wraps(), seals);
        }
        // No seed ever holds this one, so that no other is asked for.
        for _ in 0..3 {
            assert_eq!(core_error(driver.seal_text(&[7; 101])), Error::TooLong);
            driver.check().unwrap();
        }
        assert_eq!(setup.kek.wraps(), 3);
    }
}

#[test]
fn threads_that_use_up_budgets_together_are_not_refused() {
    for which in 0..2 {
        let setup = Setup { limits: DekLimits::new(16, usize::MAX), ..Setup::new() };
        let driver = &setup.drivers(Kind::V2)[which];
        driver.check().unwrap();
        setup.kek.set(|script| script.takes = Some((setup.clock.clone(), 1)));
        let sealed = std::thread::scope(|scope| {
            let seal_many = || (0..200).map(|_| driver.seal().unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(seal_many)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(setup.kek.wraps(), 8 * 200 / 16, "no seed was made in vain");
        setup.kek.refuse(Refusal::Unreachable);
        sealed.iter().for_each(|stored| assert_opens(driver, stored, false));
    }
}

/// Their checks do not take turns: an answer that comes too late for one driver is of no matter, as the other has
/// brought a seed.
#[test]
fn drivers_that_share_a_provider_are_not_refused() {
    let setup = Setup { limits: DekLimits::new(64, usize::MAX), ..Setup::new() };
    let kms = Arc::new(setup.v2());
    let drivers = [(); 2].map(|()| {
        let driver = BlockingTransformer::builder().kms_v2(Arc::clone(&kms), setup.kek.clone());
        Driver::Blocking(driver.clock(setup.clock.clone()).build().unwrap())
    });
    drivers[0].check().unwrap();
    setup.kek.set(|script| script.takes = Some((setup.clock.clone(), 1)));
    let sealed = std::thread::scope(|scope| {
        let threads =
            drivers.each_ref().map(|driver| scope.spawn(|| (0..2000).map(|_| driver.seal().unwrap()).collect()));
        threads.map(|thread| -> Vec<_> { thread.join().unwrap() })
    });
    assert!(setup.kek.wraps() >= 4000 / 64);
    setup.kek.refuse(Refusal::Unreachable);
    sealed.iter().flatten().for_each(|stored| assert_opens(&drivers[0], stored, false));
}
