//! A KEK whose calls block, on threads that are there for that.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

use super::CALLS_MAX;
use crate::driver::{AsyncKek, KekFuture};
use crate::kek::{Kek, KekError, Refusal, Wrapped, WrappedDek};
use crate::secret::SecretVec;

pub(in crate::grpc::plugin) struct Blocking<K> {
    kek: Arc<K>,
    room: Arc<Semaphore>,
}

/// A call that is not begun any more once nobody waits for it.
struct Waiting<T>(JoinHandle<T>);

impl<K: Kek + 'static> Blocking<K> {
    pub(in crate::grpc::plugin) fn new(kek: K) -> Self {
        Self { kek: Arc::new(kek), room: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    /// A place among the calls. Only who has one copies a DEK, and it is taken until the KEK has answered, whoever still
    /// waits: a KEK that hangs has so many threads and no more.
    async fn place(&self) -> Result<OwnedSemaphorePermit, KekError> {
        let place = Arc::clone(&self.room).acquire_owned().await;
        place.map_err(|closed| KekError::new(Refusal::Unreachable, closed))
    }

    async fn call<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        call: impl FnOnce(&K) -> Result<T, KekError> + Send + 'static,
    ) -> Result<T, KekError> {
        let kek = Arc::clone(&self.kek);
        let mut waiting = Waiting(spawn_blocking(move || {
            let _place = place;
            call(&kek)
        }));
        (&mut waiting.0).await.unwrap_or_else(|_| Err(KekError::new(Refusal::Unreachable, "the KEK panicked")))
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<K: Kek + 'static> AsyncKek for Blocking<K> {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async {
            let place = self.place().await?;
            self.call(place, |kek| kek.key_id().map(|key_id| key_id.into_owned())).await
        })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move {
            let place = self.place().await?;
            let (dek, context) = (copy(dek)?, context.to_vec());
            self.call(place, move |kek| kek.wrap_dek(dek.expose(), &context)).await
        })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move {
            let place = self.place().await?;
            let (key_id, bytes) = (String::from(wrapped.key_id()), wrapped.bytes().to_vec());
            let context = wrapped.context().to_vec();
            let annotations: Vec<_> =
                wrapped.annotations().iter().map(|(name, value)| (String::from(*name), value.to_vec())).collect();
            self.call(place, move |kek| {
                let annotations: Vec<_> =
                    annotations.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
                kek.unwrap_dek(&WrappedDek::new(&key_id, &bytes, &context).with_annotations(&annotations))
            })
            .await
        })
    }
}

fn copy(dek: &[u8]) -> Result<SecretVec, KekError> {
    SecretVec::from_slice(dek).map_err(|error| KekError::new(Refusal::Unreachable, error))
}
