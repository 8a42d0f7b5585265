//! Kubernetes' `EncryptionConfiguration`, the file that `--encryption-provider-config` names: what it says,
//! whether that is wise, how to change it, and how to follow its changes.
//!
//! # What stays in memory
//! The file's text, the tree it is read into, the text of each secret and each decoded secret are wiped.
//! The YAML parser hands on a piece of the text for a secret that stands in one line, in quotes or not; for one
//! that is folded over lines or has escapes it builds text of its own, whose earlier, shorter allocations it
//! frees unwiped. `tests/config_scrub.rs` counts them.

mod build;
mod configuration;
mod decode;
mod digest;
mod duration;
mod endpoint;
mod fault;
mod json;
mod model;
mod node;
mod raw;
mod resource;
mod scalar;
mod validate;
mod yaml;

pub use build::KmsRequired;
pub use configuration::{ConfigOptions, EncryptionConfiguration, KmsConnectionRequest};
pub use fault::{ConfigError, ConfigStage, Fault, Place};
pub use model::{KeyEntry, KmsApiVersion, KmsEntry, ProviderEntry, ResourceEntry};
