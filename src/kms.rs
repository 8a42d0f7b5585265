//! The KMS service as data: what it is asked and answers, with the time passed in. Nothing here does I/O.

mod clock;

pub use clock::{Clock, SystemClock, Time};
