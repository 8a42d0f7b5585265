//! The operating system's source.

use super::{KeySource, Random, RandomError};

/// The operating system's random source, through the `getrandom` crate.
///
/// On a target that `getrandom` does not know, its documentation says how to supply one.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(out).map_err(|_| RandomError)
    }
}

impl KeySource for OsRandom {}
