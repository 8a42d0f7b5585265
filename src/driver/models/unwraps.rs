//! Who waits for the same DEK waits for the same call, also when whoever made it has gone.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::{Context, Waker};

use loom::future::block_on;

use super::super::AsyncTransformer;
use super::{AAD, PLAINTEXT, Turning};
use crate::provider::KmsV1;
use crate::sync::{in_every_order, spawn};

/// A value, and a driver that has never seen it.
fn unseen(kek: &Turning) -> (Arc<AsyncTransformer>, Vec<u8>) {
    let driver = || {
        let vault = KmsV1::new("vault").unwrap();
        Arc::new(AsyncTransformer::builder().kms_v1(vault, kek.clone()).build().unwrap())
    };
    let stored = block_on(driver().seal(AAD, PLAINTEXT)).unwrap();
    (driver(), stored)
}

fn opens(driver: &AsyncTransformer, stored: &[u8]) {
    assert_eq!(block_on(driver.open(AAD, stored)).unwrap().plaintext(), PLAINTEXT);
}

/// Begins to open, and gives up after so many polls.
fn gives_up(driver: &AsyncTransformer, stored: &[u8], polls: usize) {
    let mut open = Box::pin(driver.open(AAD, stored));
    for _ in 0..polls {
        if open.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
    }
}

fn no_call_is_left(driver: &AsyncTransformer) {
    assert!(format!("{driver:?}").contains("flights: Flights(0)"), "{driver:?}");
}

#[test]
fn two_opens_make_one_call() {
    in_every_order(|| {
        let kek = Turning::default();
        let (driver, stored) = unseen(&kek);
        let other = spawn({
            let (driver, stored) = (Arc::clone(&driver), stored.clone());
            move || opens(&driver, &stored)
        });
        opens(&driver, &stored);
        other.join().unwrap();
        assert_eq!(kek.unwraps(), 1);
        no_call_is_left(&driver);
    });
}

#[test]
fn whoever_gives_up_leaves_the_call_to_the_other() {
    in_every_order(|| {
        let kek = Turning::default();
        let (driver, stored) = unseen(&kek);
        let other = spawn({
            let (driver, stored) = (Arc::clone(&driver), stored.clone());
            move || gives_up(&driver, &stored, 1)
        });
        opens(&driver, &stored);
        other.join().unwrap();
        // A second call, if the first was given up before this open came.
        assert!((1..=2).contains(&kek.unwraps()), "{}", kek.unwraps());
        no_call_is_left(&driver);
    });
}

#[test]
fn a_call_that_all_gave_up_is_gone() {
    in_every_order(|| {
        let kek = Turning::default();
        let (driver, stored) = unseen(&kek);
        let other = spawn({
            let (driver, stored) = (Arc::clone(&driver), stored.clone());
            move || gives_up(&driver, &stored, 1)
        });
        gives_up(&driver, &stored, 1);
        other.join().unwrap();
        no_call_is_left(&driver);
        let before = kek.unwraps();
        opens(&driver, &stored);
        assert!(kek.unwraps() <= before + 1);
        no_call_is_left(&driver);
    });
}
