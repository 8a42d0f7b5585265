//! Thin drivers: they take the steps of an [`EnvelopeTransformer`](crate::EnvelopeTransformer) with a KEK for each
//! provider that needs one.

mod blocking;
mod builder;
mod flights;
mod future;
mod kek;
mod link;
#[cfg(all(test, atrest_loom))]
mod models;

pub use blocking::{BlockingTransformer, BlockingTransformerBuilder};
pub use builder::AsyncTransformerBuilder;
pub use future::AsyncTransformer;
pub use kek::{AsyncKek, KekFuture};
#[cfg(all(unix, feature = "kms-client"))]
pub(crate) use link::follow;
