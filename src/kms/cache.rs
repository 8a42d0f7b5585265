//! Recovered DEKs at hand: bounded in number and in time. Kubernetes: `kmsv2/cache.go` and the LRU of `envelope.go`.

mod entries;
mod key;
mod latest;
mod limits;
mod stats;

pub use key::DekCacheKey;
pub(crate) use latest::CachedDek;
pub use limits::CacheLimits;
pub use stats::{CacheStats, Evicted};

use alloc::sync::Arc;
use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::PoisonError;

use super::clock::Time;
use crate::dek::RecoveredDek;
use crate::sync::{Mutex, MutexGuard};
use entries::Entries;
use latest::Latest;
use stats::count;

/// How many of the oldest entries an insertion looks at, so that its cost has a bound. More than one, so that
/// expired entries go faster than new ones come.
const PURGED_AT_ONCE: usize = 16;

/// How often the same DEK is found again before it is found without the lock: setting it costs more than finding a few.
const IN_A_ROW: u8 = 4;

/// Recovered DEKs by everything that decides the key, of one KEK: two KEKs need two caches.
///
/// It holds only DEKs that cannot seal. Past its number of entries it drops the one that was not asked for the longest,
/// and past its time any; getting a DEK does not extend its time, inserting it again does. A DEK that is dropped is
/// wiped, together with the last handle that a caller still opens with. What [`get`](Self::get),
/// [`insert`](Self::insert) and [`remove`](Self::remove) cost does not depend on how many DEKs there are, but where room is
/// made for more than ever before.
///
/// The API server serves an expired DEK until the next one is inserted, and never looks at the number of v2's. Here an
/// expired one is not served: the call that finds it drops it, every insertion drops up to 16 others, and
/// [`purge`](Self::purge) drops all of them.
///
/// # Security
/// Whoever reads the memory of the process reads the DEKs: the time is how long a leak reaches back, and how long a KEK
/// that was taken away is not missed.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use atrest::{CacheLimits, DekCache, DekCacheKey, DekScheme, RecoveredDek, Time, WrappedDek};
///
/// let cache = DekCache::new(CacheLimits::KMS_V2);
/// let key = DekCacheKey::of(DekScheme::AesGcm, &WrappedDek::new("key-1", b"wrapped", b""));
/// let start = Time::default();
/// cache.insert(key, RecoveredDek::from_bytes(DekScheme::AesGcm, &[7; 32])?, start);
/// assert!(cache.get(&key, start.after(Duration::from_secs(3600))).is_some());
/// assert!(cache.get(&key, start.after(Duration::from_secs(25 * 3600))).is_none());
/// assert_eq!(cache.stats().evicted_by_age, 1);
/// # Ok::<(), atrest::Error>(())
/// ```
pub struct DekCache {
    /// `None` holds nothing.
    parts: Option<Parts>,
    limits: CacheLimits,
    /// How often everything was dropped, also where there is nothing; changed, and compared, under the lock where there is one.
    clears: AtomicUsize,
}

/// A DEK that is held.
#[derive(Debug)]
pub struct Entry {
    key: DekCacheKey,
    dek: RecoveredDek,
    inserted: Time,
}

struct Parts {
    latest: Latest,
    shared: Mutex<Shared>,
}

/// What needs the lock.
struct Shared {
    entries: Entries,
    /// Without the hits of the latest entry.
    stats: CacheStats,
    /// Whether there is a latest entry, which is then the last in the order of use.
    has_latest: bool,
    /// How often the last entry was found again since another was.
    in_a_row: u8,
}

impl Parts {
    /// A call that panicked left nothing half done that could serve a wrong DEK: the lock is taken all the same.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where entries were dropped, of which the latest may be one, or where another became the last.
    fn forget_latest(&self, shared: &mut Shared) {
        shared.in_a_row = 0;
        if shared.has_latest {
            shared.has_latest = false;
            self.latest.set(None);
        }
    }

    fn set_latest(&self, shared: &mut Shared, entry: Arc<Entry>) {
        shared.has_latest = true;
        self.latest.set(Some(entry));
    }
}

impl DekCache {
    /// An empty cache.
    #[must_use]
    pub fn new(limits: CacheLimits) -> Self {
        let shared =
            Shared { entries: Entries::default(), stats: CacheStats::default(), has_latest: false, in_a_row: 0 };
        let parts = Parts { latest: Latest::default(), shared: Mutex::new(shared) };
        Self { parts: Some(parts), limits, clears: AtomicUsize::new(0) }
    }

    /// A cache that holds nothing and counts nothing: every open asks the KEK.
    #[must_use]
    pub const fn disabled() -> Self {
        let limits = CacheLimits::new(NonZeroUsize::MIN, Duration::ZERO);
        Self { parts: None, limits, clears: AtomicUsize::new(0) }
    }

    fn lock(&self) -> Option<MutexGuard<'_, Shared>> {
        self.parts.as_ref().map(Parts::lock)
    }

    fn is_expired(&self, inserted: Time, now: Time) -> bool {
        now.since(inserted) > self.limits.ttl()
    }

    /// The DEK, if it is at hand and its time is not over; it is then the last that makes room. Nothing is allocated, but for
    /// what `arc-swap` keeps of each thread, once.
    #[must_use]
    pub fn get(&self, key: &DekCacheKey, now: Time) -> Option<RecoveredDek> {
        self.find(key, now)?.get().cloned()
    }

    /// As [`get`](Self::get). A DEK that is asked for again and again is found without the lock.
    pub(crate) fn find(&self, key: &DekCacheKey, now: Time) -> Option<CachedDek> {
        let parts = self.parts.as_ref()?;
        if let Some(latest) = parts.latest.find(key, |inserted| !self.is_expired(inserted, now)) {
            return Some(latest);
        }
        let mut shared = parts.lock();
        if shared.entries.inserted(key).is_some_and(|inserted| self.is_expired(inserted, now)) {
            shared.entries.remove(key);
            parts.forget_latest(&mut shared);
            count(&mut shared.stats.evicted_by_age, 1);
        }
        let Some((entry, was_last)) = shared.entries.touch(key) else {
            count(&mut shared.stats.misses, 1);
            return None;
        };
        let entry = Arc::clone(entry);
        count(&mut shared.stats.hits, 1);
        if !was_last {
            parts.forget_latest(&mut shared);
        } else if !shared.has_latest {
            shared.in_a_row += 1;
            if shared.in_a_row == IN_A_ROW {
                parts.set_latest(&mut shared, Arc::clone(&entry));
            }
        }
        Some(CachedDek::Entry(entry))
    }

    /// Whether [`get`](Self::get) would find a DEK. It counts neither as hit nor as miss, and changes no order.
    #[must_use]
    pub fn contains(&self, key: &DekCacheKey, now: Time) -> bool {
        let inserted = self.lock().and_then(|shared| shared.entries.inserted(key));
        inserted.is_some_and(|inserted| !self.is_expired(inserted, now))
    }

    /// Holds a DEK from now on, in place of any under the same key, and says what was dropped for it.
    pub fn insert(&self, key: DekCacheKey, dek: RecoveredDek, now: Time) -> Evicted {
        let Some(parts) = &self.parts else { return Evicted::default() };
        self.hold(parts, &mut parts.lock(), key, dek, now)
    }

    /// How often everything was dropped: before a KEK is asked, for [`insert_of`](Self::insert_of).
    pub(crate) fn generation(&self) -> usize {
        self.clears.load(Ordering::Acquire)
    }

    /// As [`insert`](Self::insert), unless everything was dropped since: what a KEK answered that was asked before may be what it would
    /// not answer any more.
    pub(crate) fn insert_of(&self, generation: usize, key: DekCacheKey, dek: RecoveredDek, now: Time) {
        let Some(parts) = &self.parts else { return };
        let mut shared = parts.lock();
        if self.generation() == generation {
            self.hold(parts, &mut shared, key, dek, now);
        }
    }

    fn hold(&self, parts: &Parts, shared: &mut Shared, key: DekCacheKey, dek: RecoveredDek, now: Time) -> Evicted {
        let mut evicted = Evicted::default();
        parts.forget_latest(shared);
        // First, so that it neither makes room nor counts as evicted.
        shared.entries.remove(&key);
        evicted.by_age = self.purge_some(shared, now);
        while shared.entries.len() >= self.limits.entries().get() && shared.entries.remove_least_used() {
            evicted.by_size += 1;
        }
        count(&mut shared.stats.evicted_by_size, evicted.by_size);
        let entry = Arc::new(Entry { key, dek, inserted: now });
        if shared.entries.insert(Arc::clone(&entry)) {
            parts.set_latest(shared, entry);
        }
        evicted
    }

    /// Drops a DEK, as when its KEK refuses it now, and tells whether it was there.
    pub fn remove(&self, key: &DekCacheKey) -> bool {
        let Some(parts) = &self.parts else { return false };
        let mut shared = parts.lock();
        let removed = shared.entries.remove(key);
        if removed {
            parts.forget_latest(&mut shared);
        }
        removed
    }

    /// Drops every DEK whose time is over, and tells how many. For owners with a timer: without insertions nothing else
    /// drops a DEK that no one asks for.
    pub fn purge(&self, now: Time) -> usize {
        let Some(parts) = &self.parts else { return 0 };
        let mut purged = 0;
        loop {
            // The lock is given back in between, so that others do not wait for all of it.
            let mut shared = parts.lock();
            let more = self.purge_some(&mut shared, now);
            if more > 0 {
                parts.forget_latest(&mut shared);
            }
            purged += more;
            if more < PURGED_AT_ONCE {
                return purged;
            }
        }
    }

    fn purge_some(&self, shared: &mut Shared, now: Time) -> usize {
        let mut purged = 0;
        while purged < PURGED_AT_ONCE && shared.entries.oldest().is_some_and(|inserted| self.is_expired(inserted, now))
        {
            shared.entries.remove_oldest();
            purged += 1;
        }
        count(&mut shared.stats.evicted_by_age, purged);
        purged
    }

    /// Drops every DEK; the counts stay.
    pub fn clear(&self) {
        let mut shared = self.lock();
        self.clears.fetch_add(1, Ordering::AcqRel);
        if let Some((parts, shared)) = self.parts.as_ref().zip(shared.as_mut()) {
            shared.entries = Entries::default();
            parts.forget_latest(shared);
        }
    }

    /// How many DEKs are held, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().map_or(0, |shared| shared.entries.len())
    }

    /// Whether no DEK is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the cache did so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.parts.as_ref().map_or_else(CacheStats::default, |parts| {
            let shared = parts.lock();
            let hits = shared.stats.hits.saturating_add(parts.latest.hits());
            CacheStats { hits, entries: shared.entries.len(), ..shared.stats }
        })
    }
}

impl fmt::Debug for DekCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = self.parts.as_ref().map(|_| self.limits);
        f.debug_struct("DekCache").field("limits", &limits).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(atrest_loom)))]
mod tests;
