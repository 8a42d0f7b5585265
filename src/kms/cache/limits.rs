//! How much a cache of DEKs holds.

use core::num::NonZeroUsize;
use core::time::Duration;

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
