//! Key ids as labels have them. Kubernetes: `GetHashIfNotEmpty` of `kmsv2/metrics`.

use core::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a key id: ids can name accounts and hosts, and can be long. Displayed as `sha256:` and 64 hex digits,
/// as in Kubernetes' labels and logs.
///
/// # Security
/// A hash hides no id that can be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashedKeyId([u8; 32]);

impl HashedKeyId {
    /// Hashes a key id.
    #[must_use]
    pub fn of(key_id: &str) -> Self {
        Self(Sha256::digest(key_id.as_bytes()).into())
    }
}

impl fmt::Display for HashedKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for HashedKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
