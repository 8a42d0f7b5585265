//! Kubernetes' KMS plugins over gRPC: their client, and any KEK as one. The only modules with I/O but for files; they run on tokio.
//!
//! # Security
//! DEKs cross the socket in the clear, as Kubernetes has it: whoever may connect to it may use the KEK, and the
//! plugin's user sees every DEK. Messages are wiped when they are dropped; the buffers of the transport, which belong
//! to `hyper` and the kernel, are not.

#[cfg(feature = "kms-client")]
mod channel;
#[cfg(feature = "kms-client")]
mod client;
mod codec;
#[cfg(feature = "kms-client")]
mod endpoint;
#[cfg(feature = "kms-plugin")]
mod plugin;
#[cfg(feature = "kms-client")]
mod poll;
mod proto;
mod refusal;

#[cfg(feature = "kms-client")]
pub use client::{KmsClient, KmsV1Client};
#[cfg(feature = "kms-client")]
pub use endpoint::{EndpointError, KmsEndpoint};
#[cfg(all(fuzzing, feature = "kms-plugin"))]
pub use plugin::authorities;
#[cfg(feature = "kms-plugin")]
pub use plugin::{ListeningPlugin, Plugin};
#[cfg(feature = "kms-client")]
pub use poll::KmsPoller;
#[cfg(feature = "kms-client")]
pub use refusal::GrpcError;
