//! Time as a value. The core reads no clock; the drivers read the one they are given.

use core::time::Duration;
use std::sync::LazyLock;
use std::time::Instant;

/// A moment on a clock that never goes back, counted from any moment that its owner chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(Duration);

impl Time {
    /// The moment `since_start` after the clock's start.
    #[must_use]
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// The moment so much later; the last one there is, if there is none so late.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How much time passed since an earlier moment; none, if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where a driver reads the time.
pub trait Clock: Send + Sync {
    /// The time now, never before an earlier answer.
    fn now(&self) -> Time;
}

/// The operating system's monotonic clock, counted from when the process first made one: all of a process are the same.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SystemClock;

/// When the first was made.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Default for SystemClock {
    fn default() -> Self {
        LazyLock::force(&START);
        Self
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time(START.elapsed())
    }
}
