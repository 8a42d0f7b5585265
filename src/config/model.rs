//! A configuration whose every value is valid.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::fault::Place;
use crate::kind::ProviderKind;
use crate::secret::SecretVec;

/// One element of a configuration: resources, and the providers that encrypt them.
#[derive(Clone, Debug)]
pub struct ResourceEntry {
    pub(super) resources: Vec<String>,
    pub(super) providers: Vec<ProviderEntry>,
    /// Where the resources stand in the file, if they come from one.
    pub(super) places: Vec<Option<Place>>,
}

impl ResourceEntry {
    /// The names of the resources as the file has them, such as `secrets`, `deployments.apps` or `*.*`.
    #[must_use]
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// The providers: the first one seals.
    #[must_use]
    pub fn providers(&self) -> &[ProviderEntry] {
        &self.providers
    }
}

/// One configured provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProviderEntry {
    /// No encryption.
    Identity,
    /// AES-CBC with these keys, the first one to seal.
    AesCbc(Vec<KeyEntry>),
    /// AES-GCM with these keys, the first one to seal.
    AesGcm(Vec<KeyEntry>),
    /// XSalsa20-Poly1305 with these keys, the first one to seal.
    Secretbox(Vec<KeyEntry>),
    /// A KMS plugin.
    Kms(KmsEntry),
}

impl ProviderEntry {
    /// The mechanism.
    #[must_use]
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Identity => ProviderKind::Identity,
            Self::AesCbc(_) => ProviderKind::AesCbc,
            Self::AesGcm(_) => ProviderKind::AesGcm,
            Self::Secretbox(_) => ProviderKind::Secretbox,
            Self::Kms(kms) => match kms.api_version {
                KmsApiVersion::V1 => ProviderKind::KmsV1,
                KmsApiVersion::V2 => ProviderKind::KmsV2,
            },
        }
    }

    /// The keys, none for identity and KMS.
    #[must_use]
    pub fn keys(&self) -> &[KeyEntry] {
        match self {
            Self::AesCbc(keys) | Self::AesGcm(keys) | Self::Secretbox(keys) => keys,
            Self::Identity | Self::Kms(_) => &[],
        }
    }

    pub(super) fn keys_mut(&mut self) -> Option<&mut Vec<KeyEntry>> {
        match self {
            Self::AesCbc(keys) | Self::AesGcm(keys) | Self::Secretbox(keys) => Some(keys),
            Self::Identity | Self::Kms(_) => None,
        }
    }
}

/// A named key. Clones share the secret, which is wiped with the last of them.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    pub(super) name: String,
    pub(super) secret: Arc<SecretVec>,
}

impl KeyEntry {
    /// The name, which stands in front of every value sealed with the key. It can hold any character.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret: 16, 24 or 32 bytes.
    #[must_use]
    pub fn secret(&self) -> &SecretVec {
        &self.secret
    }
}

/// The API of a KMS plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KmsApiVersion {
    /// `v1`: one call to the plugin for each write.
    V1,
    /// `v2`.
    V2,
}

/// The settings of a KMS plugin, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsEntry {
    pub(super) api_version: KmsApiVersion,
    pub(super) name: String,
    pub(super) cachesize: Option<i32>,
    pub(super) endpoint: String,
    pub(super) timeout: Duration,
}

impl KmsEntry {
    /// The API that the plugin speaks.
    #[must_use]
    pub const fn api_version(&self) -> KmsApiVersion {
        self.api_version
    }

    /// The name, which stands in front of every value sealed with the plugin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many DEKs of v1 are kept at most; negative for none, and `None` for v2, which has no such setting.
    #[must_use]
    pub const fn cachesize(&self) -> Option<i32> {
        self.cachesize
    }

    /// The URL of the plugin's socket, whose scheme is `unix` in whatever letters.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How long one call may take; never zero.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}
