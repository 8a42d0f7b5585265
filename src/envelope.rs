//! The crate's own envelope, for services that are not Kubernetes: each value carries its DEK, wrapped by a KEK.

pub(crate) mod format;

#[cfg(feature = "envelope")]
pub(crate) mod lease;
#[cfg(feature = "envelope")]
mod rewrap;
#[cfg(all(feature = "envelope", feature = "std"))]
mod sealer;
#[cfg(feature = "envelope")]
mod service;
#[cfg(feature = "envelope")]
mod watch;

#[cfg(feature = "envelope")]
pub use rewrap::{Rewrap, RewrapDek};
#[cfg(all(feature = "envelope", feature = "std"))]
pub use sealer::EnvelopeSealer;
#[cfg(feature = "envelope")]
pub use service::Envelope;
