//! A KEK whose calls block, on threads that are there for that.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tokio::task::spawn_blocking;

use crate::driver::{AsyncKek, KekFuture};
use crate::kek::{Kek, KekError, Refusal, Wrapped, WrappedDek};
use crate::secret::SecretVec;

pub(in crate::grpc::plugin) struct Blocking<K>(Arc<K>);

impl<K: Kek + 'static> Blocking<K> {
    pub(in crate::grpc::plugin) fn new(kek: K) -> Self {
        Self(Arc::new(kek))
    }

    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&K) -> Result<T, KekError> + Send + 'static,
    ) -> Result<T, KekError> {
        let kek = Arc::clone(&self.0);
        spawn_blocking(move || call(&kek))
            .await
            .unwrap_or_else(|_| Err(KekError::new(Refusal::Unreachable, "the KEK panicked")))
    }
}

impl<K: Kek + 'static> AsyncKek for Blocking<K> {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(self.call(|kek| kek.key_id().map(|key_id| key_id.into_owned())))
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move {
            let (dek, context) = (copy(dek)?, context.to_vec());
            self.call(move |kek| kek.wrap_dek(dek.expose(), &context)).await
        })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move {
            let (key_id, bytes) = (String::from(wrapped.key_id()), wrapped.bytes().to_vec());
            let context = wrapped.context().to_vec();
            let annotations: Vec<_> =
                wrapped.annotations().iter().map(|(name, value)| (String::from(*name), value.to_vec())).collect();
            self.call(move |kek| {
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
