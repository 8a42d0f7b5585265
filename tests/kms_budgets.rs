//! Seeds whose budget is used up: a seal with a driver has another one wrapped, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/both_drivers.rs"]
mod both_drivers;
#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use atrest::{BlockingTransformer, DekLimits, Error, Event, Observer, Operation, Refusal};
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

/// How many rotations have been told of.
#[derive(Clone, Default)]
struct Rotations(Arc<AtomicUsize>);

impl Observer for Rotations {
    fn observe(&self, event: &Event<'_>) {
        let is_rotation = event.operation() == Operation::Rotate && event.error().is_none();
        self.0.fetch_add(is_rotation.into(), Ordering::Relaxed);
    }
}

fn drivers_of_one_provider(setup: &Setup, rotations: &Rotations) -> [Driver; 2] {
    let kms = Arc::new(setup.v2());
    let drivers = [(); 2].map(|()| {
        let driver = BlockingTransformer::builder().kms_v2(Arc::clone(&kms), setup.kek.clone());
        let driver = driver.observer(rotations.clone());
        Driver::Blocking(driver.clock(setup.clock.clone()).build().unwrap())
    });
    drivers[0].check().unwrap();
    drivers
}

/// Their checks do not take turns: an answer that comes too late for one driver is of no matter, as the other has
/// brought a seed.
#[test]
fn drivers_that_share_a_provider_are_not_refused() {
    let setup = Setup { limits: DekLimits::new(64, usize::MAX), ..Setup::new() };
    let drivers = drivers_of_one_provider(&setup, &Rotations::default());
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

/// While one driver waits for its seed, the other one brings another and uses it up, time and again.
#[test]
fn a_driver_whose_seeds_others_bring_and_use_up_is_not_refused() {
    const SEALS: u32 = 4;
    for times in [1, 2, 3, 10] {
        let setup = Setup { limits: DekLimits::new(SEALS, usize::MAX), ..Setup::new() };
        let rotations = Rotations::default();
        let drivers = Arc::new(drivers_of_one_provider(&setup, &rotations));
        (0..SEALS).for_each(|_| drop(drivers[0].seal().unwrap()));
        let (overtaken, is_nested) = (AtomicUsize::new(0), AtomicBool::new(false));
        let others = Arc::downgrade(&drivers);
        let overtakes = move |_: &'static [u8]| {
            if is_nested.swap(true, Ordering::Relaxed) {
                return;
            }
            if overtaken.fetch_add(1, Ordering::Relaxed) < times {
                let drivers = others.upgrade().unwrap();
                (0..SEALS).for_each(|_| drop(drivers[1].seal().unwrap()));
            }
            is_nested.store(false, Ordering::Relaxed);
        };
        let clock = setup.clock.clone();
        setup.kek.set(|script| {
            script.takes = Some((clock, 1));
            script.on_wrap = Some(Arc::new(overtakes));
        });
        assert_opens(&drivers[1], &drivers[0].seal().unwrap(), false);
        assert_eq!(setup.kek.wraps(), 1 + 2 * times + 1);
        // Seeds that were not installed are none.
        assert_eq!(rotations.0.load(Ordering::Relaxed), 1 + times + 1);
    }
}
