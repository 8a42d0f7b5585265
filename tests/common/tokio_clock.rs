//! The clock of tokio, which tests stop and turn.

use atrest::{Clock, Time};
use tokio::time::Instant;

#[derive(Clone, Copy)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Time {
        Time::new(self.0.elapsed())
    }
}
