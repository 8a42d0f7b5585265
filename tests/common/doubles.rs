//! Sources of randomness that a test controls.
#![allow(dead_code, reason = "each test crate uses a part")]

use atrest::{Random, RandomError};

/// Hands out the same nonce bytes again and again, cut or repeated to the length asked for.
pub(crate) struct Repeating(pub(crate) Vec<u8>);

impl Random for Repeating {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for (byte, script) in out.iter_mut().zip(self.0.iter().cycle()) {
            *byte = *script;
        }
        Ok(())
    }
}

/// Hands out the scripted fills in order and fails after the last one.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) fills: Vec<Vec<u8>>,
    pub(crate) calls: usize,
}

impl Scripted {
    pub(crate) fn new(fills: &[&[u8]]) -> Self {
        Self { fills: fills.iter().map(|fill| fill.to_vec()).collect(), calls: 0 }
    }
}

impl Random for Scripted {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        let fill = self.fills.get(self.calls).ok_or(RandomError)?;
        self.calls += 1;
        assert_eq!(fill.len(), out.len(), "the script has a fill of another length");
        out.copy_from_slice(fill);
        Ok(())
    }
}

/// Never the same bytes twice, and the same sequence in every run.
#[derive(Default)]
pub(crate) struct Counter(pub(crate) u64);

impl Random for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0 += 1;
        out.fill(0x5c);
        for (byte, count) in out.iter_mut().zip(self.0.to_le_bytes()) {
            *byte = count;
        }
        Ok(())
    }
}

/// Writes rubbish and then fails, as the contract of `Random` allows.
#[derive(Default)]
pub(crate) struct Failing {
    pub(crate) calls: usize,
}

impl Random for Failing {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.calls += 1;
        out.fill(0xee);
        Err(RandomError)
    }
}
