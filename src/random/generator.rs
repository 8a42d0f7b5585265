//! The operating system's source as a `rand_core` 0.10 generator. The pooled source is none: it is for nonces,
//! and as a generator it could come to make keys.

use rand_core::{TryCryptoRng, TryRng};

use super::{OsRandom, Random, RandomError};

impl TryRng for OsRandom {
    type Error = RandomError;

    fn try_next_u32(&mut self) -> Result<u32, RandomError> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RandomError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.fill(out)
    }
}

impl TryCryptoRng for OsRandom {}
