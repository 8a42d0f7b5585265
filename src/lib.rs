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
/// Atomics and locks.
mod sync;
/// Cursors over byte slices.
mod wire;

/// Where something that was computed from a secret becomes public.
mod declassified;

/// Standard base64 in constant time.
mod base64;
/// Bytes that are wiped on drop.
mod secret;

/// Where nonces and keys come from.
mod random;

/// Expanded keys and what they do to a body of bytes.
mod cipher;

/// The mechanisms that values are written by.
mod kind;

/// Data encryption keys.
#[cfg(feature = "envelope")]
mod dek;
/// Whoever holds the key encryption key.
#[cfg(feature = "envelope")]
mod kek;

/// Who is told of what happens.
mod observer;

/// The crate's own envelope.
mod envelope;

/// The KMS service as data.
#[cfg(feature = "kms")]
mod kms;

/// One configured mechanism with its keys.
mod provider;

/// Ordered providers as one.
mod transformer;

/// What a stored value is, from its bytes alone.
mod inspect;

/// Ordered providers of every kind as one, step by step.
#[cfg(feature = "kms")]
mod steps;

/// The steps taken, with a KEK for each provider that needs one.
#[cfg(feature = "kms")]
mod driver;

/// KMS plugins over gRPC: the only module with I/O beside `config`, which reads and writes files.
#[cfg(all(unix, any(feature = "kms-client", feature = "kms-plugin")))]
mod grpc;

/// What many stored values are, counted.
#[cfg(feature = "alloc")]
mod inventory;

/// The file that tells the API server what to encrypt.
#[cfg(feature = "config")]
mod config;

#[cfg(feature = "aescbc")]
pub use cipher::AesCbcKey;
#[cfg(feature = "aesgcm")]
pub use cipher::AesGcmKey;
pub use cipher::Algorithm;
pub use cipher::Cipher;
#[cfg(feature = "secretbox")]
pub use cipher::SecretboxKey;
#[cfg(all(unix, feature = "config", feature = "kms-client"))]
pub use config::ConnectError;
#[cfg(feature = "config")]
pub use config::{
    ConfigDraft, ConfigError, ConfigOptions, ConfigStage, ConfigWatcher, ConfigWriteError, ConfigurationInUse,
    ConnectedConfiguration, DraftError, EncryptionConfiguration, Fault, Finding, KeyEntry, KmsApiVersion,
    KmsConnectionRequest, KmsEntry, KmsRequired, LintRule, LiveConfiguration, Place, ProviderEntry, Reload,
    ReloadEvent, ReloadStep, ResourceEntry, Severity, WatchingThread,
};
#[cfg(feature = "envelope")]
pub use dek::{DekLimits, DekScheme, FreshDek, OpenDek, RecoveredDek, SealDek};
#[cfg(feature = "kms")]
pub use driver::{
    AsyncKek, AsyncTransformer, AsyncTransformerBuilder, BlockingTransformer, BlockingTransformerBuilder, KekFuture,
};
#[cfg(all(feature = "envelope", feature = "std"))]
pub use envelope::EnvelopeSealer;
#[cfg(feature = "envelope")]
pub use envelope::{Envelope, Rewrap, RewrapDek};
pub use error::{Error, Result};
#[cfg(all(fuzzing, unix, feature = "kms-plugin"))]
#[doc(hidden)]
pub use grpc::authorities;
#[cfg(all(unix, feature = "kms-client"))]
pub use grpc::{EndpointError, GrpcError, KmsClient, KmsEndpoint, KmsPoller, KmsV1Client};
#[cfg(all(unix, feature = "kms-plugin"))]
pub use grpc::{ListeningPlugin, Plugin};
pub use inspect::{Candidate, Inspection, inspect};
#[cfg(feature = "alloc")]
pub use inventory::{Count, Inventory, InventoryRow};
#[cfg(feature = "envelope")]
pub use kek::{CallError, Kek, KekError, LocalKek, Refusal, Wrapped, WrappedDek};
pub use kind::ProviderKind;
#[cfg(feature = "kms")]
pub use kms::{
    CacheLimits, CacheStats, Clock, DekCache, DekCacheKey, DekSourceKind, EncryptedObject, Evicted, KmsAction,
    KmsFault, KmsHealth, KmsProbe, KmsRotation, KmsState, KmsStatus, ObjectError, SystemClock, Time, WriteKey,
};
#[cfg(feature = "envelope")]
pub use observer::HashedKeyId;
#[cfg(feature = "metrics")]
pub use observer::MetricsObserver;
#[cfg(feature = "tracing")]
pub use observer::TracingObserver;
pub use observer::{Event, Observer, Operation};
#[cfg(feature = "aescbc")]
pub use provider::AesCbc;
#[cfg(feature = "aesgcm")]
pub use provider::AesGcm;
#[cfg(feature = "secretbox")]
pub use provider::Secretbox;
#[cfg(feature = "kms")]
pub use provider::{EnvelopeProvider, KmsV1, KmsV2, WrappedProvider};
pub use provider::{Identity, Keyed, KeyedCipher, NamedKey, Opened, Provider};
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
#[cfg(feature = "kms")]
pub use steps::{EnvelopeTransformer, EnvelopeTransformerBuilder, Pending, PendingSeal, SealPlan, SealStep, Step};
pub use transformer::Transformer;
#[cfg(feature = "alloc")]
pub use transformer::TransformerBuilder;
