//! The mechanisms that values are written by, and how their values begin.

use core::fmt;

/// What every encrypted value of Kubernetes begins with.
pub(crate) const KUBERNETES_PREFIX: &[u8] = b"k8s:enc:";

/// The mechanism that a value was written by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProviderKind {
    /// No encryption: the stored value is the plaintext.
    Identity,
    /// AES-CBC, prefix `k8s:enc:aescbc:v1:`.
    AesCbc,
    /// AES-GCM, prefix `k8s:enc:aesgcm:v1:`.
    AesGcm,
    /// XSalsa20-Poly1305, prefix `k8s:enc:secretbox:v1:`.
    Secretbox,
    /// A KMS plugin of API version v1, prefix `k8s:enc:kms:v1:`.
    KmsV1,
    /// A KMS plugin of API version v2, prefix `k8s:enc:kms:v2:`.
    KmsV2,
    /// The crate's own envelope, prefix `atrest:env:v1:`.
    Envelope,
}

impl ProviderKind {
    /// All kinds that have a prefix.
    pub(crate) const PREFIXED: [Self; 6] =
        [Self::AesCbc, Self::AesGcm, Self::Secretbox, Self::KmsV1, Self::KmsV2, Self::Envelope];

    /// What a stored value of this kind begins with; empty for identity.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::AesCbc => "k8s:enc:aescbc:v1:",
            Self::AesGcm => "k8s:enc:aesgcm:v1:",
            Self::Secretbox => "k8s:enc:secretbox:v1:",
            Self::KmsV1 => "k8s:enc:kms:v1:",
            Self::KmsV2 => "k8s:enc:kms:v2:",
            Self::Envelope => "atrest:env:v1:",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity",
            Self::AesCbc => "aescbc",
            Self::AesGcm => "aesgcm",
            Self::Secretbox => "secretbox",
            Self::KmsV1 => "kms v1",
            Self::KmsV2 => "kms v2",
            Self::Envelope => "envelope",
        })
    }
}
