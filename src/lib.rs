#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// Each module imports from those above it only.

/// What went wrong, in terms of what the caller can do about it.
mod error;
/// Cursors over byte slices.
mod wire;

/// Standard base64 in constant time.
mod base64;
/// Bytes that are wiped on drop.
mod secret;

/// Where nonces and keys come from.
mod random;

/// Expanded keys and what they do to a body of bytes.
mod cipher;

/// Data encryption keys.
#[cfg(feature = "envelope")]
mod dek;
/// Whoever holds the key encryption key.
#[cfg(feature = "envelope")]
mod kek;

/// The KMS service as data.
#[cfg(feature = "kms")]
mod kms;

/// One configured mechanism with its keys.
mod provider;

/// Ordered providers as one.
mod transformer;

/// What a stored value is, from its bytes alone.
mod inspect;

/// The file that tells the API server what to encrypt.
#[cfg(feature = "config")]
mod config;

#[cfg(feature = "aescbc")]
pub use cipher::AesCbcKey;
#[cfg(feature = "aesgcm")]
pub use cipher::AesGcmKey;
pub use cipher::Cipher;
#[cfg(feature = "secretbox")]
pub use cipher::SecretboxKey;
#[cfg(feature = "config")]
pub use config::{
    ConfigDraft, ConfigError, ConfigOptions, ConfigStage, ConfigWatcher, ConfigWriteError, DraftError,
    EncryptionConfiguration, Fault, Finding, KeyEntry, KmsApiVersion, KmsConnectionRequest, KmsEntry, KmsRequired,
    LintRule, LiveConfiguration, Place, ProviderEntry, Reload, ReloadEvent, ReloadStep, ResourceEntry, Severity,
    WatchingThread,
};
#[cfg(feature = "envelope")]
pub use dek::{DekLimits, DekScheme, FreshDek, OpenDek, RecoveredDek, SealDek};
pub use error::{Error, Result};
pub use inspect::{Candidate, Inspection, inspect};
#[cfg(feature = "envelope")]
pub use kek::{Kek, KekError, Refusal, Wrapped, WrappedDek};
#[cfg(feature = "kms")]
pub use kms::{Clock, SystemClock, Time};
#[cfg(feature = "aescbc")]
pub use provider::AesCbc;
#[cfg(feature = "aesgcm")]
pub use provider::AesGcm;
#[cfg(feature = "secretbox")]
pub use provider::Secretbox;
pub use provider::{Identity, Keyed, KeyedCipher, NamedKey, Opened, Provider, ProviderKind};
#[cfg(feature = "getrandom")]
pub use random::OsRandom;
#[cfg(feature = "pool")]
pub use random::PooledRandom;
#[cfg(feature = "rand_core")]
pub use random::RandCore;
pub use random::{KeySource, Random, RandomError};
pub use secret::Secret;
#[cfg(feature = "alloc")]
pub use secret::SecretVec;
pub use transformer::Transformer;
#[cfg(feature = "alloc")]
pub use transformer::TransformerBuilder;
