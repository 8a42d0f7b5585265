//! When the lock is taken, and when not.
#![allow(clippy::unwrap_used)]

use core::time::Duration;

use super::*;
use crate::dek::DekScheme;
use crate::kek::WrappedDek;

fn cache() -> (DekCache, [DekCacheKey; 2]) {
    let cache = DekCache::new(CacheLimits::KMS_V1);
    let keys = [b"1", b"2"].map(|bytes| DekCacheKey::of(DekScheme::AesGcm, &WrappedDek::new("id", bytes, b"")));
    for key in keys {
        cache.insert(key, RecoveredDek::from_bytes(DekScheme::AesGcm, &[7; 32]).unwrap(), Time::default());
    }
    (cache, keys)
}

fn is_latest(cache: &DekCache, key: &DekCacheKey) -> bool {
    matches!(cache.find(key, Time::default()).unwrap(), CachedDek::Latest(_))
}

#[test]
fn what_is_asked_for_again_and_again_needs_no_lock() {
    let (cache, [first, second]) = cache();
    assert!(is_latest(&cache, &second), "inserted last");
    let found = [(); 8].map(|()| is_latest(&cache, &first));
    assert_eq!(found, [false, false, false, false, false, true, true, true]);
    assert!(!is_latest(&cache, &second) && !is_latest(&cache, &first), "by turns");
    assert_eq!(cache.stats().hits, 11);
}

#[test]
fn what_is_not_there_is_dropped_without_a_change() {
    let (cache, [first, second]) = cache();
    cache.purge(Time::default());
    assert!(cache.remove(&first) && !cache.remove(&first));
    assert!(!is_latest(&cache, &second), "something was dropped");
    (0..4).for_each(|_| _ = is_latest(&cache, &second));
    assert!(is_latest(&cache, &second) && !cache.remove(&first) && cache.purge(Time::default()) == 0);
    assert!(is_latest(&cache, &second), "nothing was dropped");
}

#[test]
fn one_that_is_held_outlives_the_cache() {
    let (cache, [_, second]) = cache();
    let held = cache.find(&second, Time::default()).unwrap();
    assert!(cache.remove(&second) && cache.find(&second, Time::default()).is_none());
    cache.clear();
    drop(cache);
    assert!(held.get().is_some());
}

#[test]
fn more_hits_than_fit_are_counted_under_the_lock() {
    let (cache, [_, second]) = cache();
    let latest = &cache.parts.as_ref().unwrap().latest;
    latest.exhaust();
    // On 64 bits as many as can be told.
    let full = latest.hits();
    assert!(!is_latest(&cache, &second));
    assert_eq!(cache.lock().unwrap().stats.hits, 1);
    assert_eq!(cache.stats().hits, full.saturating_add(1));
    assert!(cache.find(&second, Time::new(Duration::MAX)).is_none(), "expired");
}
