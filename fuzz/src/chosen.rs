//! Randomness of the fuzzer's choice.

use atrest::{Random, RandomError};

/// The nonce that the fuzzer chose, or the beginning of it that a cipher takes.
#[derive(Debug)]
pub struct Chosen<'a>(pub &'a [u8; 24]);

impl Random for Chosen<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.copy_from_slice(&self.0[..out.len()]);
        Ok(())
    }
}
