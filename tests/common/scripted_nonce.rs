//! A source of randomness that hands out one nonce that the test chose.

use atrest::{Random, RandomError};

/// Hands out its nonce once, whole. Asked for another amount, or again, it fails.
pub(crate) struct ScriptedNonce<'n> {
    nonce: Option<&'n [u8]>,
}

impl<'n> ScriptedNonce<'n> {
    /// `None` where no nonce may be asked for.
    pub(crate) fn new(nonce: Option<&'n [u8]>) -> Self {
        Self { nonce }
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.nonce.is_none()
    }
}

impl Random for ScriptedNonce<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        let nonce = self.nonce.take().filter(|nonce| nonce.len() == out.len()).ok_or(RandomError)?;
        out.copy_from_slice(nonce);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_followed_or_fails() {
        let mut nonce = [0; 2];
        let mut rng = ScriptedNonce::new(Some(&[1, 2]));
        assert!(!rng.is_used_up());
        assert_eq!(rng.fill(&mut nonce), Ok(()));
        assert_eq!(nonce, [1, 2]);
        assert!(rng.is_used_up());
        assert_eq!(rng.fill(&mut nonce), Err(RandomError));

        assert_eq!(ScriptedNonce::new(Some(&[1, 2])).fill(&mut nonce[..1]), Err(RandomError));
        assert_eq!(ScriptedNonce::new(Some(&[1])).fill(&mut nonce), Err(RandomError));
        assert_eq!(ScriptedNonce::new(None).fill(&mut []), Err(RandomError));
    }
}
