//! What became public and for which reason, how many cases ran, and which of them were reported.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::valgrind::{self, Public};

static PUBLISHED: Mutex<BTreeMap<Public, usize>> = Mutex::new(BTreeMap::new());

pub fn count(why: Public) {
    *PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_default() += 1;
}

/// Cases by name, each with the number of reports while it ran.
#[derive(Default)]
pub struct Tally {
    ran: Vec<(String, usize)>,
}

impl Tally {
    pub fn run(&mut self, name: impl Into<String>, case: impl FnOnce()) {
        let before = valgrind::reports();
        case();
        let reports = valgrind::reports() - before;
        let name = name.into();
        if reports > 0 {
            // Beside valgrind's own words on them, which it has just written there.
            eprintln!("{reports} reports: {name}");
        }
        self.ran.push((name, reports));
    }

    pub fn cases(&self) -> usize {
        self.ran.len()
    }

    /// Cases with a report, and the number of all reports.
    pub fn reported(&self) -> (usize, usize) {
        let reported = self.ran.iter().filter(|(_, reports)| *reports > 0);
        (reported.count(), self.ran.iter().map(|(_, reports)| reports).sum())
    }

    pub fn print_published(&self) {
        for (why, count) in PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            println!("made public by the test: {count} as {why:?}");
        }
    }
}
