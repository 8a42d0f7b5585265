//! Kubernetes' `EncryptionConfiguration`, the file that `--encryption-provider-config` names: what it says,
//! whether that is wise, how to change it, and how to follow its changes.
//!
//! # Where it differs from the API server
//! The documentation of [`EncryptionConfiguration`] lists the texts that only one of the two accepts.
//!
//! # What stays in memory
//! The file's text, the tree it is read into, the text of each secret and each decoded secret are wiped.
//! The YAML parser hands on a piece of the file's text for a secret that stands in one line, in quotes or not, and
//! nothing of it is left on the heap. For one over several lines (`|`, `>`, or quotes with a line break) or with
//! escapes it builds text of its own, and frees one block with the text of the secret, or a part of it, unwiped.
//! JSON leaves nothing. The numbers are those of `tests/config_scrub.rs`.

mod build;
mod configuration;
mod connect;
mod decode;
mod dialect;
mod digest;
mod duration;
mod endpoint;
mod fault;
mod json;
mod lint;
mod model;
mod node;
#[cfg(all(unix, feature = "kms-client"))]
mod plugins;
#[cfg(all(unix, feature = "kms-client"))]
mod polled;
mod raw;
mod reload;
mod resource;
mod scalar;
mod validate;
mod write;
mod yaml;

pub use build::KmsRequired;
pub use configuration::{ConfigOptions, EncryptionConfiguration, KmsConnectionRequest};
pub use connect::ConnectedConfiguration;
pub use fault::{ConfigError, ConfigStage, Fault, Place};
pub use lint::{Finding, LintRule, Severity};
pub use model::{KeyEntry, KmsApiVersion, KmsEntry, ProviderEntry, ResourceEntry};
#[cfg(all(unix, feature = "kms-client"))]
pub use plugins::ConnectError;
pub use reload::{
    ConfigWatcher, ConfigurationInUse, LiveConfiguration, Reload, ReloadEvent, ReloadStep, WatchingThread,
};
pub use write::{ConfigDraft, ConfigWriteError, DraftError};
