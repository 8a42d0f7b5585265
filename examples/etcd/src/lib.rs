//! Counts what the values in an etcd are sealed with, and seals stale ones again, as one swap for each value: whoever
//! writes in the meantime loses nothing, and a run that was interrupted at any point is finished by the next one.
//!
//! [`Pages`] reads the values, [`Resource`] judges them by an API server's configuration, [`settle`] writes one of them
//! again, and [`run`] does that with all of them and counts.

mod error;
mod pages;
mod plugins;
mod report;
mod resource;
mod run;
mod settle;

pub use error::Stop;
pub use pages::{MESSAGE_MAX, Pages};
pub use report::{Report, Verdicts};
pub use resource::{Judgement, Resource};
pub use run::{Mode, Run, count_keys, run};
pub use settle::{Outcome, Settled, settle};
