//! Secrets by their digest: whether two are the same is asked of digests, never of the secrets.

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// The SHA-256 of a secret, wiped on drop: a secret that can be guessed can be guessed from it.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct SecretDigest([u8; 32]);

impl SecretDigest {
    pub(super) fn of(secret: &[u8]) -> Self {
        let mut digest = Self([0; 32]);
        Sha256::new_with_prefix(secret).finalize_into((&mut digest.0).into());
        digest
    }
}

impl Drop for SecretDigest {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
