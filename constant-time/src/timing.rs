//! Whether the time of a call depends on a secret, on this very processor: statistics in the manner of dudect (Reparaz,
//! Balasch, Verbauwhede, "Dude, is my code constant time?", 2017). `.ci/ctgrind` builds and runs this.
//!
//! Two classes of inputs are measured in random order: in one the secret is always the same, in the other it differs each
//! time, or it is wrong in another place. Welch's t says how sure it is that their means differ: for classes of one
//! distribution it stays below 5. It is taken of all times and of those below several percentiles, which cuts off what
//! interrupts the program. The largest counts; a series above the threshold is measured anew, since other programs disturb
//! too, and only what is above it each time is a leak. Leaks that are planted have to be found.
//!
//! `timing [MEASUREMENTS]`, of each series.
#![allow(missing_docs, reason = "a program")]

#[path = "timing/classes.rs"]
mod classes;
#[path = "timing/planted.rs"]
mod planted;
#[path = "timing/series.rs"]
mod series;
#[path = "timing/subjects.rs"]
mod subjects;
#[path = "timing/welch.rs"]
mod welch;

use std::env::args;
use std::process::ExitCode;

use classes::Subject;

const MEASUREMENTS: usize = 100_000;

/// Beyond it the means differ, and not by chance. The field's usual 4.5 is for one test of much data; here are many, on a
/// machine that others use.
const THRESHOLD: f64 = 10.0;

/// How often a series may be measured.
const TRIES: usize = 5;

/// The smallest of the largest t, and the number of tries.
fn judged(subject: &mut Subject, measurements: usize, is_decided: impl Fn(f64) -> bool) -> (f64, usize) {
    let mut smallest = f64::INFINITY;
    for tries in 1..=TRIES {
        smallest = smallest.min(series::largest_t(subject, measurements));
        if is_decided(smallest) {
            return (smallest, tries);
        }
    }
    (smallest, TRIES)
}

fn main() -> ExitCode {
    let measurements = args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(MEASUREMENTS);
    println!("{measurements} measurements a series, threshold {THRESHOLD}, at most {TRIES} tries");
    let (mut leaks, mut missed, mut largest) = (0, 0, 0.0_f64);
    let mut subjects = subjects::all();
    for subject in &mut subjects {
        let (t, tries) = judged(subject, measurements, |t| t < THRESHOLD);
        println!("|t| {t:7.2}  tries {tries}  {}", subject.name);
        leaks += usize::from(t >= THRESHOLD);
        largest = largest.max(t);
    }
    let mut plants = planted::all();
    for plant in &mut plants {
        // A leak is above the threshold each time, and one try that is not would acquit it.
        let (t, _) = judged(plant, measurements, |t| t < THRESHOLD);
        println!("|t| {t:7.2}           {}", plant.name);
        missed += usize::from(t < THRESHOLD);
    }
    let (series, plants) = (subjects.len(), plants.len());
    println!(
        "timing: {leaks} leaks in {series} series, largest |t| {largest:.2}; {missed} of {plants} planted leaks missed"
    );
    if leaks + missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
