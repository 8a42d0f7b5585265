//! What a cached DEK is found by. Kubernetes: `generateCacheKey` of `kmsv2/envelope.go`.

use sha2::{Digest, Sha256};

use crate::dek::DekScheme;
use crate::kek::WrappedDek;

/// A digest of everything that decides which DEK a KEK unwraps, and how it is used. It holds no secret.
///
/// Two wrapped DEKs that differ in anything have two keys: the scheme, the wrapped bytes, the key id, the context, or
/// an annotation's name or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DekCacheKey([u8; 32]);

impl DekCacheKey {
    /// The key of a wrapped DEK whose DEK is used by this scheme.
    ///
    /// ```text
    /// SHA-256(scheme(1) ++ field(bytes) ++ field(key id) ++ field(context)
    ///         ++ for each annotation: field(name) ++ field(value))
    /// field(x) = big-endian length(8) ++ x
    /// ```
    #[must_use]
    pub fn of(scheme: DekScheme, wrapped: &WrappedDek<'_>) -> Self {
        let mut digest = Sha256::new_with_prefix([scheme.id()]);
        for bytes in [wrapped.bytes(), wrapped.key_id().as_bytes(), wrapped.context()] {
            field(&mut digest, bytes);
        }
        for (name, value) in wrapped.annotations() {
            field(&mut digest, name.as_bytes());
            field(&mut digest, value);
        }
        Self(digest.finalize().into())
    }
}

fn field(digest: &mut Sha256, bytes: &[u8]) {
    // No length is beyond 64 bits.
    digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    digest.update(bytes);
}
