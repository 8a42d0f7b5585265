//! A clock that jumps back, against its contract: no panic, nothing lost, and no key that lives longer than the furthest
//! that the clock ever showed allows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/masking_kek.rs"]
mod masking_kek;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use atrest::{
    BlockingTransformer, CacheLimits, CallError, Clock, DekCache, DekCacheKey, DekScheme, Error, Kek, KekError, KmsV1,
    KmsV2, RecoveredDek, SecretVec, Time, Wrapped, WrappedDek,
};
use masking_kek::Masking;

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// Shows what the test sets; clones are one clock.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::new(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }
}

/// Wraps under the key that the test names; clones are one KEK.
#[derive(Clone, Default)]
struct Named(Arc<Mutex<String>>);

impl Kek for Named {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(Cow::Owned(self.0.lock().unwrap().clone()))
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        Masking.wrap_dek(dek, context).map(|answer| Wrapped::new(self.0.lock().unwrap().clone(), answer.bytes()))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        Masking.unwrap_dek(wrapped)
    }
}

fn check(driver: &BlockingTransformer) -> Result<(), CallError> {
    driver.check().into_iter().try_for_each(|(_, checked)| checked)
}

#[test]
fn kms_v2() {
    let (clock, kek) = (Hand::default(), Named::default());
    *kek.0.lock().unwrap() = "id1".to_owned();
    clock.set(10_000);
    let builder = BlockingTransformer::builder().kms_v2(KmsV2::new("a").unwrap(), kek.clone());
    let driver = builder.clock(clock.clone()).build().unwrap();
    check(&driver).unwrap();
    let opens =
        |stored: &[u8]| driver.open(AAD, stored).map(|opened| (opened.plaintext() == b"text", opened.is_stale()));
    let before = driver.seal(AAD, b"text").unwrap();

    // Back by hours: seals and opens go on, and a check changes nothing, as it seems to be an old one.
    clock.set(100);
    check(&driver).unwrap();
    let meanwhile = driver.seal(AAD, b"text").unwrap();
    *kek.0.lock().unwrap() = "id2".to_owned();
    check(&driver).unwrap();
    for stored in [&before, &meanwhile] {
        assert_eq!(opens(stored).unwrap(), (true, false));
    }

    // What counts from the furthest moment ends where it did.
    clock.set(10_180);
    driver.seal(AAD, b"text").unwrap();
    clock.set(10_181);
    assert_eq!(driver.seal(AAD, b"text").unwrap_err().error(), Error::KmsExpired);
    check(&driver).unwrap();
    let after = driver.seal(AAD, b"text").unwrap();
    for (stored, stale) in [(&before, true), (&meanwhile, true), (&after, false)] {
        assert_eq!(opens(stored).unwrap(), (true, stale));
    }
}

#[test]
fn a_cache() {
    let limits = CacheLimits::new(2.try_into().unwrap(), Duration::from_secs(60));
    let cache = DekCache::new(limits);
    let at = |seconds| Time::new(Duration::from_secs(seconds));
    let key = |name: &str| DekCacheKey::of(DekScheme::AesGcm, &WrappedDek::new(name, b"wrapped", b""));
    let dek = || RecoveredDek::from_bytes(DekScheme::AesGcm, &[7; 32]).unwrap();
    cache.insert(key("a"), dek(), at(1000));
    assert!(cache.get(&key("a"), at(0)).is_some() && cache.contains(&key("a"), at(0)));
    assert_eq!(cache.purge(at(0)), 0);
    // One that was put in while the clock was behind goes by its own time, whichever is found first.
    cache.insert(key("b"), dek(), at(10));
    assert!(cache.get(&key("b"), at(71)).is_none());
    assert!(cache.get(&key("a"), at(1060)).is_some());
    assert!(cache.get(&key("a"), at(1061)).is_none());
    assert_eq!(cache.len(), 0);
    // The number holds whatever the time.
    for (place, name) in (0..).zip(["a", "b", "c", "d"]) {
        cache.insert(key(name), dek(), at(1000 - 10 * place));
        assert!(cache.len() <= 2);
    }
    assert!(cache.get(&key("d"), at(0)).is_some());
}

#[test]
fn kms_v1() {
    let clock = Hand::default();
    clock.set(1_000_000);
    let builder = BlockingTransformer::builder().kms_v1(KmsV1::new("a").unwrap(), Masking);
    let driver = builder.clock(clock.clone()).build().unwrap();
    let stored = driver.seal(AAD, b"text").unwrap();
    for seconds in [1_000_000, 0, 999_999, 10_000_000, 1] {
        clock.set(seconds);
        check(&driver).unwrap();
        assert_eq!(driver.open(AAD, &stored).unwrap().plaintext(), b"text", "{seconds}");
        driver.seal(AAD, b"text").unwrap();
    }
}
