//! Sealing many values: a few at a time, so that the memory does not grow with their number.

use alloc::vec;
use alloc::vec::Vec;

use super::{Transformer, zeroed};
use crate::error::{Error, Result};
use crate::provider::{ToSeal, Walk};
use crate::random::Random;

impl Transformer<'_> {
    /// Seals many values, each an AAD and a plaintext, with nonces from the default source; see
    /// [`seal_many_with`](Self::seal_many_with).
    #[cfg(feature = "getrandom")]
    pub fn seal_many<'v>(
        &self,
        values: impl IntoIterator<Item = (&'v [u8], &'v [u8])>,
    ) -> impl Iterator<Item = Result<Vec<u8>>> {
        self.sealed(crate::random::default_source(), values)
    }

    /// Seals many values, each an AAD and a plaintext, with nonces from `rng`: in their order and to the same bytes as
    /// [`seal_with`](Self::seal_with) does one after the other. What cannot be sealed is an error in its place; the
    /// others are sealed all the same.
    ///
    /// With `aescbc` up to 32 values are sealed when the first of them is asked for, and no more are held: that takes a
    /// fraction of the time, since the chains of several values do not wait for each other. With the others each is sealed when
    /// it is asked for, and takes the time of a single call.
    ///
    /// # Example
    /// ```
    /// use atrest::{AesCbc, AesCbcKey, Transformer};
    ///
    /// let provider = AesCbc::new([("2026-11", AesCbcKey::from_bytes(&[1; 32])?)])?;
    /// let transformer = Transformer::builder().provider(provider).build()?;
    /// let secrets: [(&[u8], &[u8]); 2] = [(b"/registry/secrets/a", b"hunter2"), (b"/registry/secrets/b", b"letmein")];
    /// for ((aad, plaintext), stored) in secrets.into_iter().zip(transformer.seal_many(secrets)) {
    ///     assert_eq!(transformer.open(aad, &stored?)?.plaintext(), plaintext);
    /// }
    /// # Ok::<(), atrest::Error>(())
    /// ```
    pub fn seal_many_with<'v>(
        &self,
        rng: &mut dyn Random,
        values: impl IntoIterator<Item = (&'v [u8], &'v [u8])>,
    ) -> impl Iterator<Item = Result<Vec<u8>>> {
        self.sealed(rng, values)
    }

    fn sealed<'v, R: Random>(
        &self,
        mut rng: R,
        values: impl IntoIterator<Item = (&'v [u8], &'v [u8])>,
    ) -> impl Iterator<Item = Result<Vec<u8>>> {
        let mut values = values.into_iter();
        let mut ready = Vec::new().into_iter();
        let at_once = self.first().map_or(1, Walk::batch);
        core::iter::from_fn(move || {
            if at_once == 1 {
                return values.next().map(|(aad, plaintext)| self.seal_with(&mut rng, aad, plaintext));
            }
            if ready.as_slice().is_empty() {
                let group: Vec<_> = values.by_ref().take(at_once).collect();
                ready = self.seal_group(&mut rng, &group).into_iter();
            }
            ready.next()
        })
    }

    fn seal_group(&self, rng: &mut dyn Random, group: &[(&[u8], &[u8])]) -> Vec<Result<Vec<u8>>> {
        let room = |&(_, plaintext): &(&[u8], &[u8])| self.sealed_len(plaintext.len()).and_then(zeroed);
        let mut outs: Vec<_> = group.iter().map(room).collect();
        let mut places = vec![];
        for ((aad, plaintext), out) in group.iter().zip(&mut outs) {
            if let Ok(out) = out {
                places.push(ToSeal { aad, plaintext, out, sealed: Err(Error::NoProvider) });
            }
        }
        if let Ok(first) = self.first() {
            first.seal_values(rng, &mut places);
        }
        let mut outcomes = places.into_iter().map(|place| place.sealed).collect::<Vec<_>>().into_iter();
        let sealed = group.iter().zip(outs).map(|(&(_, plaintext), out)| {
            let sealed = out.and_then(|out| outcomes.next().unwrap_or(Err(Error::NoProvider)).map(|_| out));
            self.told_seal(plaintext.len(), sealed)
        });
        sealed.collect()
    }
}

#[cfg(all(test, feature = "aesgcm", feature = "secretbox"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cipher::{AesGcmKey, SecretboxKey};
    use crate::provider::{AesGcm, Identity, Secretbox};
    use crate::random::RandomError;

    /// Draws other bytes each time.
    struct Counting(u8);

    impl Random for Counting {
        fn fill(&mut self, out: &mut [u8]) -> core::result::Result<(), RandomError> {
            self.0 += 1;
            out.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_group_is_sealed_as_its_values_are_where_that_saves_no_time() {
        let aesgcm = AesGcm::new([("key1", AesGcmKey::from_bytes(&[7; 32]).unwrap())]).unwrap();
        let secretbox = Secretbox::new([("key1", SecretboxKey::from_bytes(&[7; 32]).unwrap())]).unwrap();
        let group: [(&[u8], &[u8]); 3] = [(b"a", b"one"), (b"b", b""), (b"c", b"and a third")];
        for builder in [
            Transformer::builder().provider(aesgcm),
            Transformer::builder().provider(secretbox),
            Transformer::builder().provider(Identity::new()),
        ] {
            let transformer = builder.build().unwrap();
            let (mut one, mut many) = (Counting(0), Counting(0));
            let expected = group.map(|(aad, plaintext)| transformer.seal_with(&mut one, aad, plaintext));
            assert!(expected.iter().all(Result::is_ok));
            assert_eq!(transformer.seal_group(&mut many, &group), expected);
            assert_eq!(one.0, many.0);
        }
    }
}
