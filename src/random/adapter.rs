//! Generators of `rand_core` 0.10 as sources.

use core::fmt;

use rand_core::TryCryptoRng;

use super::{KeySource, Random, RandomError};

/// Makes a [`Random`] and [`KeySource`] of any `rand_core` 0.10 generator that is marked as secure.
///
/// # Security
/// A generator kept in user space repeats itself in the child of a fork and after a virtual machine is
/// restored from a snapshot, unless its documentation says otherwise.
///
/// # Example
/// ```
/// use atrest::{RandCore, Secret};
/// # struct Rng;
/// # impl rand_core::TryRng for Rng {
/// #     type Error = core::convert::Infallible;
/// #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(7) }
/// #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(7) }
/// #     fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> { out.fill(7); Ok(()) }
/// # }
/// # impl rand_core::TryCryptoRng for Rng {}
/// # let your_rng = Rng;
/// let secret = Secret::<32>::generate_with(&mut RandCore(your_rng))?;
/// # assert_eq!(secret.expose(), &[7; 32]);
/// # Ok::<(), atrest::Error>(())
/// ```
pub struct RandCore<R>(pub R);

impl<R: TryCryptoRng> Random for RandCore<R> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.0.try_fill_bytes(out).map_err(|_| RandomError)
    }
}

impl<R: TryCryptoRng> KeySource for RandCore<R> {}

impl<R> fmt::Debug for RandCore<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandCore(..)")
    }
}
