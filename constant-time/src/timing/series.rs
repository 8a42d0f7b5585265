//! One series of measurements of a subject.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86")]
use core::arch::x86::{__rdtscp, _mm_lfence, _rdtsc};
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__rdtscp, _mm_lfence, _rdtsc};
use core::hint::black_box;

use super::classes::{Random, Subject};
use super::welch;

/// The time, once all that stands before is done.
fn start() -> u64 {
    // SAFETY: every x86-64 has both instructions.
    unsafe {
        _mm_lfence();
        let time = _rdtsc();
        _mm_lfence();
        time
    }
}

/// The time when all that stands before is done.
fn end() -> u64 {
    let mut processor = 0;
    // SAFETY: every x86-64 that runs this has both instructions; the number of the processor has a place.
    unsafe {
        let time = __rdtscp(&mut processor);
        _mm_lfence();
        time
    }
}

/// Both classes in random order; each input is copied to one and the same place before it is measured, so that the place
/// where it waited does not matter.
pub fn largest_t(subject: &mut Subject, measurements: usize) -> f64 {
    let mut random = Random::seeded();
    let mut times = Vec::with_capacity(measurements);
    let mut input = vec![0; subject.inputs.len()];
    for _ in 0..measurements / 50 {
        // Warm caches and clocks.
        input.copy_from_slice(subject.inputs.draw(&mut random).1);
        (subject.call)(black_box(&input));
    }
    while times.len() < measurements {
        let (class, drawn) = subject.inputs.draw(&mut random);
        input.copy_from_slice(drawn);
        let before = start();
        (subject.call)(black_box(&input));
        times.push((class, end() - before));
    }
    welch::largest_t(&times)
}
