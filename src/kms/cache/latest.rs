//! The DEK that was used last, found without a lock: values that are opened one after the other are mostly of one DEK.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwapOption, Guard};

use super::{DekCacheKey, Entry, Time};
use crate::dek::RecoveredDek;

/// Places that hits are counted in, so that few threads write to one.
const STRIPES: usize = 8;

/// A DEK that was found.
#[derive(Debug)]
pub enum CachedDek {
    /// Held without being counted, so that threads that open at the same time do not write to its count.
    Latest(Guard<Option<Arc<Entry>>>),
    /// A handle of its own.
    Entry(Arc<Entry>),
}

/// The last entry in the order of use, while it is known: finding it changes no order.
///
/// It is changed under the lock of the cache only.
#[derive(Default)]
pub(super) struct Latest {
    entry: ArcSwapOption<Entry>,
    hits: Box<[Stripe; STRIPES]>,
}

/// A count in cache lines of its own, two of which some processors fetch at once.
#[derive(Default)]
#[repr(align(128))]
struct Stripe(AtomicUsize);

std::thread_local! {
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
    };
}

impl CachedDek {
    pub(crate) fn get(&self) -> Option<&RecoveredDek> {
        let entry = match self {
            Self::Latest(latest) => latest.as_ref(),
            Self::Entry(entry) => Some(entry),
        };
        entry.map(|entry| &entry.dek)
    }
}

impl Latest {
    /// The entry of that key, if it is this one and `is_fresh` says so of the time it was inserted; it counts as a hit.
    pub(super) fn find(&self, key: &DekCacheKey, is_fresh: impl FnOnce(Time) -> bool) -> Option<CachedDek> {
        let found = self.entry.load();
        found.as_ref().filter(|entry| entry.key == *key && is_fresh(entry.inserted))?;
        let Stripe(hits) = self.hits.get(STRIPE.try_with(|&stripe| stripe).unwrap_or(0))?;
        // Hits beyond what fits are found, and counted, under the lock.
        hits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |hits| hits.checked_add(1)).ok()?;
        Some(CachedDek::Latest(found))
    }

    pub(super) fn set(&self, entry: Option<Arc<Entry>>) {
        self.entry.store(entry);
    }

    /// How often it was found.
    pub(super) fn hits(&self) -> u64 {
        let count = |Stripe(hits): &Stripe| u64::try_from(hits.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        self.hits.iter().map(count).fold(0, u64::saturating_add)
    }

    /// Leaves no room for another hit.
    #[cfg(all(test, not(atrest_loom)))]
    pub(super) fn exhaust(&self) {
        self.hits.iter().for_each(|Stripe(hits)| hits.store(usize::MAX, Ordering::Relaxed));
    }
}
