//! Recovered DEKs at hand: bounded in number and in time. Kubernetes: `kmsv2/cache.go` and the LRU of `envelope.go`.

mod entries;
mod key;

pub use key::DekCacheKey;

use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::PoisonError;

use super::clock::Time;
use crate::dek::RecoveredDek;
use crate::sync::{Mutex, MutexGuard};
use entries::Entries;

/// How many of the oldest entries an insertion looks at, so that its cost has a bound. More than one, so that
/// expired entries go faster than new ones come.
const PURGED_AT_ONCE: usize = 16;

/// How many DEKs a cache holds, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    entries: NonZeroUsize,
    ttl: Duration,
}

impl CacheLimits {
    /// A day.
    const TTL: Duration = Duration::from_secs(86_400);

    /// 1,000 DEKs, as the API server's `cachesize` has it by default, for 24 hours; the API server sets no time here.
    pub const KMS_V1: Self = Self::new(NonZeroUsize::MIN.saturating_add(999), Self::TTL);

    /// 10,000 DEKs for 24 hours, the time of the API server, which sets no number here. A DEK serves every value that
    /// one run of one server wrote under one key, so that a store needs few.
    pub const KMS_V2: Self = Self::new(NonZeroUsize::MIN.saturating_add(9_999), Self::TTL);

    /// At most that many DEKs, each at most for that time since it was last inserted; [`Duration::MAX`] is forever.
    #[must_use]
    pub const fn new(entries: NonZeroUsize, ttl: Duration) -> Self {
        Self { entries, ttl }
    }

    /// How many DEKs are held at most.
    #[must_use]
    pub const fn entries(self) -> NonZeroUsize {
        self.entries
    }

    /// How long a DEK is held at most, since it was last inserted.
    #[must_use]
    pub const fn ttl(self) -> Duration {
        self.ttl
    }
}

/// Recovered DEKs by everything that decides the key, of one KEK: two KEKs need two caches.
///
/// It holds only DEKs that cannot seal. Past its number of entries it drops the one that was not asked for the longest,
/// and past its time any; getting a DEK does not extend its time, inserting it again does. A DEK that is dropped is
/// wiped, together with the last handle that a caller still opens with. The cost of a call does not depend on how many
/// DEKs there are.
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
    shared: Option<Mutex<Shared>>,
    limits: CacheLimits,
}

struct Shared {
    entries: Entries,
    stats: CacheStats,
}

/// What a cache did so far. Counts stay at the last number there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// How often a DEK was asked for and at hand.
    pub hits: u64,
    /// How often a DEK was asked for and not at hand, an expired one included.
    pub misses: u64,
    /// How many DEKs were dropped to make room.
    pub evicted_by_size: u64,
    /// How many DEKs were dropped since their time was over.
    pub evicted_by_age: u64,
    /// How many DEKs are held now.
    pub entries: usize,
}

/// What an insertion dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evicted {
    /// How many DEKs made room.
    pub by_size: usize,
    /// How many DEKs had been held for their whole time.
    pub by_age: usize,
}

impl DekCache {
    /// An empty cache.
    #[must_use]
    pub fn new(limits: CacheLimits) -> Self {
        let shared = Shared { entries: Entries::default(), stats: CacheStats::default() };
        Self { shared: Some(Mutex::new(shared)), limits }
    }

    /// A cache that holds nothing and counts nothing: every open asks the KEK.
    #[must_use]
    pub const fn disabled() -> Self {
        Self { shared: None, limits: CacheLimits::new(NonZeroUsize::MIN, Duration::ZERO) }
    }

    /// A call that panicked left nothing half done that could serve a wrong DEK: the lock is taken all the same.
    fn lock(&self) -> Option<MutexGuard<'_, Shared>> {
        self.shared.as_ref().map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_expired(&self, inserted: Time, now: Time) -> bool {
        now.since(inserted) > self.limits.ttl
    }

    /// The DEK, if it is at hand and its time is not over; it is then the last that makes room. Nothing is allocated.
    #[must_use]
    pub fn get(&self, key: &DekCacheKey, now: Time) -> Option<RecoveredDek> {
        let mut shared = self.lock()?;
        let inserted = shared.entries.inserted(key);
        if inserted.is_some_and(|inserted| self.is_expired(inserted, now)) {
            shared.entries.remove(key);
            count(&mut shared.stats.evicted_by_age, 1);
        }
        let dek = shared.entries.touch(key).cloned();
        let counter = if dek.is_some() { &mut shared.stats.hits } else { &mut shared.stats.misses };
        count(counter, 1);
        dek
    }

    /// Whether [`get`](Self::get) would find a DEK. It counts neither as hit nor as miss, and changes no order.
    #[must_use]
    pub fn contains(&self, key: &DekCacheKey, now: Time) -> bool {
        let inserted = self.lock().and_then(|shared| shared.entries.inserted(key));
        inserted.is_some_and(|inserted| !self.is_expired(inserted, now))
    }

    /// Holds a DEK from now on, in place of any under the same key, and says what was dropped for it.
    pub fn insert(&self, key: DekCacheKey, dek: RecoveredDek, now: Time) -> Evicted {
        let mut evicted = Evicted::default();
        let Some(mut shared) = self.lock() else { return evicted };
        // First, so that it neither makes room nor counts as evicted.
        shared.entries.remove(&key);
        evicted.by_age = self.purge_some(&mut shared, now);
        while shared.entries.len() >= self.limits.entries.get() && shared.entries.remove_least_used() {
            evicted.by_size += 1;
        }
        count(&mut shared.stats.evicted_by_size, evicted.by_size);
        shared.entries.insert(key, dek, now);
        evicted
    }

    /// Drops a DEK, as when its KEK refuses it now, and tells whether it was there.
    pub fn remove(&self, key: &DekCacheKey) -> bool {
        self.lock().is_some_and(|mut shared| shared.entries.remove(key))
    }

    /// Drops every DEK whose time is over, and tells how many. For owners with a timer: without insertions nothing else
    /// drops a DEK that no one asks for.
    pub fn purge(&self, now: Time) -> usize {
        let mut purged = 0;
        // The lock is given back in between, so that others do not wait for all of it.
        while let Some(more) = self.lock().map(|mut shared| self.purge_some(&mut shared, now)) {
            purged += more;
            if more < PURGED_AT_ONCE {
                break;
            }
        }
        purged
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
        if let Some(mut shared) = self.lock() {
            shared.entries = Entries::default();
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
        self.lock().map_or_else(CacheStats::default, |shared| {
            let entries = shared.entries.len();
            CacheStats { entries, ..shared.stats }
        })
    }
}

fn count(counter: &mut u64, more: impl TryInto<u64>) {
    *counter = counter.saturating_add(more.try_into().unwrap_or(u64::MAX));
}

impl CacheStats {
    /// The share of hits in all that was asked for, from 0 to 1; `None` before the first.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let rate = |part: u64, rest: u64| {
            #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
            let (part, rest) = (part as f64, rest as f64);
            part / (part + rest)
        };
        (self.hits > 0 || self.misses > 0).then(|| rate(self.hits, self.misses))
    }
}

impl fmt::Debug for DekCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = self.shared.as_ref().map(|_| self.limits);
        f.debug_struct("DekCache").field("limits", &limits).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
