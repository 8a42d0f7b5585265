//! KEKs for futures.

use core::panic::AssertUnwindSafe;
use core::pin::Pin;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use futures_util::FutureExt;

use crate::kek::{Kek, KekError, Refusal, Wrapped, WrappedDek};
use crate::secret::SecretVec;

/// The future of a KEK's answer.
pub type KekFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KekError>> + Send + 'a>>;

/// A key encryption key that answers in its own time; [`Kek`] is the same for calls that block.
///
/// It is tied to no runtime. A future that is dropped before it is ready is given up. Security: as of [`Kek`].
pub trait AsyncKek: Send + Sync {
    /// Id of the key that wraps now.
    fn key_id(&self) -> KekFuture<'_, String>;

    /// Wraps a DEK, bound to `context`.
    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped>;

    /// Unwraps a DEK.
    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec>;
}

/// The answer to a call, which is made when this is polled. A KEK that panics has refused for now; nothing of the value is at
/// fault.
pub(super) async fn answered<T>(call: impl Future<Output = Result<T, KekError>>) -> Result<T, KekError> {
    let answer = AssertUnwindSafe(call).catch_unwind().await;
    answer.unwrap_or_else(|_| Err(KekError::new(Refusal::Unreachable, "the KEK panicked")))
}

/// A handle is the KEK that it is to.
impl<K: AsyncKek + ?Sized> AsyncKek for Arc<K> {
    fn key_id(&self) -> KekFuture<'_, String> {
        (**self).key_id()
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        (**self).wrap_dek(dek, context)
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        (**self).unwrap_dek(wrapped)
    }
}

/// A KEK whose calls block, as one whose futures are ready when they return.
#[derive(Debug)]
pub(super) struct Immediate<K>(pub(super) K);

impl<K: Kek> AsyncKek for Immediate<K> {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async { self.0.key_id().map(|key_id| key_id.into_owned()) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move { self.0.wrap_dek(dek, context) })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move { self.0.unwrap_dek(&wrapped) })
    }
}
