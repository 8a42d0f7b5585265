//! What a cache of DEKs did.

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

pub(super) fn count(counter: &mut u64, more: impl TryInto<u64>) {
    *counter = counter.saturating_add(more.try_into().unwrap_or(u64::MAX));
}
