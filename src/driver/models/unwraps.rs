//! Who waits for the same DEK waits for the same call, also when whoever made it has gone.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::Pin;
use core::sync::atomic::Ordering;
use core::task::{Context, Poll, Waker};

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

type Open = Pin<Box<dyn Future<Output = bool> + Send>>;

/// An open that has begun, and says whether it comes to the plaintext.
fn begun(driver: &Arc<AsyncTransformer>, stored: &[u8]) -> Open {
    let (driver, stored) = (Arc::clone(driver), stored.to_vec());
    let mut open: Open =
        Box::pin(async move { driver.open(AAD, &stored).await.is_ok_and(|opened| opened.plaintext() == PLAINTEXT) });
    assert!(poll(&mut open).is_pending());
    open
}

fn poll(open: &mut Open) -> Poll<bool> {
    open.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn who_lets_go_of_a_refused_call_leaves_the_next_one_alone() {
    in_every_order(|| {
        let kek = Turning::default();
        let (driver, stored) = unseen(&kek);
        kek.0.refuses.store(true, Ordering::SeqCst);
        kek.0.waits.store(1, Ordering::SeqCst);
        let (mut first, second) = (begun(&driver, &stored), begun(&driver, &stored));
        assert_eq!(poll(&mut first), Poll::Ready(false));
        kek.0.refuses.store(false, Ordering::SeqCst);
        kek.0.waits.store(0, Ordering::SeqCst);
        // The second has not heard of the refusal yet, and never will.
        let other = spawn(move || drop(second));
        let third = begun(&driver, &stored);
        let fourth = spawn({
            let (driver, stored) = (Arc::clone(&driver), stored.clone());
            move || opens(&driver, &stored)
        });
        assert!(block_on(third));
        other.join().unwrap();
        fourth.join().unwrap();
        assert_eq!(kek.unwraps(), 2);
        no_call_is_left(&driver);
    });
}
