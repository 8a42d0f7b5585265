//! The seed that KMS v2 values are written with, while another takes its place.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;

use loom::future::block_on;

use super::super::AsyncTransformer;
use super::{AAD, PLAINTEXT, Turning};
use crate::kek::Wrapped;
use crate::kms::Time;
use crate::provider::KmsV2;
use crate::random::OsRandom;
use crate::sync::{in_every_order, spawn};

fn driver(kek: &Turning) -> (Arc<KmsV2>, Arc<AsyncTransformer>) {
    let kms = Arc::new(KmsV2::new("vault").unwrap());
    let driver = AsyncTransformer::builder().kms_v2(Arc::clone(&kms), kek.clone()).build().unwrap();
    (kms, Arc::new(driver))
}

fn seals(driver: &AsyncTransformer) -> Vec<u8> {
    block_on(driver.seal(AAD, PLAINTEXT)).unwrap()
}

/// Opens, and says whether the value is stale.
fn opens(driver: &AsyncTransformer, stored: &[u8]) -> bool {
    let opened = block_on(driver.open(AAD, stored)).unwrap();
    assert_eq!(opened.plaintext(), PLAINTEXT);
    opened.is_stale()
}

#[test]
fn a_seed_that_is_replaced_is_at_hand_throughout() {
    in_every_order(|| {
        let kek = Turning::default();
        let (_, driver) = driver(&kek);
        block_on(driver.check_provider(0)).unwrap();
        let old = seals(&driver);
        kek.0.key.store(1, Ordering::SeqCst);
        let other = spawn({
            let driver = Arc::clone(&driver);
            move || block_on(driver.check_provider(0)).unwrap()
        });
        let between = seals(&driver);
        opens(&driver, &old);
        other.join().unwrap();
        assert!(opens(&driver, &old));
        opens(&driver, &between);
        assert!(!opens(&driver, &seals(&driver)));
        assert_eq!(kek.unwraps(), 0, "a seed was in neither place");
    });
}

/// Asks for a seed at that second and installs it; then seals, if that was possible.
fn rotates(kms: &KmsV2, driver: &AsyncTransformer, second: u64) -> Option<Vec<u8>> {
    let asked_at = Time::new(Duration::from_secs(second));
    let rotation = kms.check(&mut OsRandom, asked_at, "key0").unwrap()?;
    let answer = Wrapped::new("key0", super::turned(rotation.expose_dek()));
    kms.complete(asked_at, rotation, answer).unwrap().then(|| seals(driver))
}

#[test]
fn of_two_first_seeds_none_is_lost() {
    in_every_order(|| {
        let kek = Turning::default();
        let (kms, driver) = driver(&kek);
        let other = spawn({
            let (kms, driver) = (Arc::clone(&kms), Arc::clone(&driver));
            move || rotates(&kms, &driver, 1)
        });
        let sealed = rotates(&kms, &driver, 2);
        let sealed: Vec<_> = [sealed, other.join().unwrap()].into_iter().flatten().collect();
        assert!(!sealed.is_empty());
        for stored in sealed {
            assert!(!opens(&driver, &stored));
        }
        assert_eq!(kek.unwraps(), 0, "a seed was in neither place");
    });
}
