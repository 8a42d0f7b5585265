//! The KMS service as data: what it is asked and answers, with the time passed in. Nothing here does I/O.

mod cache;
mod clock;

pub use cache::{CacheLimits, CacheStats, DekCache, DekCacheKey, Evicted};
pub use clock::{Clock, SystemClock, Time};
