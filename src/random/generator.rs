//! The sources of this crate as `rand_core` 0.10 generators.

use rand_core::{TryCryptoRng, TryRng};

use super::{Random, RandomError};

macro_rules! try_crypto_rng {
    ($source:ty) => {
        impl TryRng for $source {
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

        impl TryCryptoRng for $source {}
    };
}

try_crypto_rng!(super::OsRandom);
#[cfg(feature = "pool")]
try_crypto_rng!(super::PooledRandom);
