use atrest::{Random, RandomError};

/// NOT FOR USE: a generator of 32 bits of state that gives the same bytes after every reset.
///
/// It stands where firmware reads its hardware generator, and exists so that this program runs on any
/// chip. Nonces from it repeat, which destroys what aesgcm and secretbox promise. Real firmware implements
/// [`Random`] over the chip's own source and returns [`RandomError`] when that source reports a fault.
pub struct DemoRandom {
    state: u32,
}

impl DemoRandom {
    /// The one sequence there is.
    pub const fn new() -> Self {
        Self { state: 0x2545_f491 }
    }
}

impl Random for DemoRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for byte in out {
            // Marsaglia's xorshift with the triple 13, 17, 5.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            *byte = self.state.to_le_bytes()[0];
        }
        Ok(())
    }
}
