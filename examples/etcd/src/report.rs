//! What a run has counted.

use core::fmt;

use atrest::Inventory;

use crate::resource::Resource;
use crate::settle::{Outcome, Settled};

/// How many values became what. Together with [`conflicts`](Self::conflicts), the exact story of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Needed nothing.
    pub fresh: u64,
    /// Are stale, and were only looked at.
    pub stale: u64,
    /// Were stale, and are sealed with today's key.
    pub rewritten: u64,
    /// Were deleted in the meantime.
    pub gone: u64,
    /// Do not open.
    pub unreadable: u64,
    /// Are stale and could not be written.
    pub left: u64,
    /// Swaps that were not made, because another came first.
    pub conflicts: u64,
}

/// What a run has seen and left.
#[derive(Clone, Debug)]
pub struct Report {
    /// The values as the run left them.
    pub inventory: Inventory,
    /// What became of them.
    pub verdicts: Verdicts,
}

impl Verdicts {
    /// All values.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.fresh + self.stale + self.rewritten + self.gone + self.unreadable + self.left
    }

    /// The exit status: 0 if every value that is there opens and is fresh, 3 if some do not open or could not be written,
    /// else 4.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match (self.unreadable + self.left, self.stale) {
            (0, 0) => 0,
            (0, _) => 4,
            _ => 3,
        }
    }
}

impl Report {
    /// Of nothing so far.
    #[must_use]
    pub fn new(resource: &Resource) -> Self {
        Self { inventory: resource.inventory(), verdicts: Verdicts::default() }
    }

    /// Counts a value.
    pub fn add(&mut self, settled: &Settled) {
        let counts = &mut self.verdicts;
        counts.conflicts += u64::from(settled.conflicts);
        *match &settled.outcome {
            Outcome::Fresh => &mut counts.fresh,
            Outcome::Stale => &mut counts.stale,
            Outcome::Rewritten { .. } => &mut counts.rewritten,
            Outcome::Gone => &mut counts.gone,
            Outcome::Unreadable(_) => &mut counts.unreadable,
            Outcome::Left(_) => &mut counts.left,
        } += 1;
        match &settled.outcome {
            Outcome::Gone => {}
            Outcome::Rewritten { stored } => self.inventory.add(stored),
            _ => self.inventory.add(settled.read.value()),
        }
    }
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} fresh, {} stale, {} rewritten, {} unreadable, {} left, {} gone; {} conflicts",
            self.fresh, self.stale, self.rewritten, self.unreadable, self.left, self.gone, self.conflicts
        )
    }
}
