//! A KEK behind a reference, a smart pointer or a lock is a KEK.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{Kek, KekError, Wrapped, WrappedDek};
use crate::secret::SecretVec;

macro_rules! forward {
    ($handle:ty) => {
        impl<K: Kek + ?Sized> Kek for $handle {
            fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
                (**self).key_id()
            }

            fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
                (**self).wrap_dek(dek, context)
            }

            fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
                (**self).unwrap_dek(wrapped)
            }
        }
    };
}

forward!(&K);
forward!(Arc<K>);
forward!(Box<K>);

/// So that a [`LocalKek`](super::LocalKek) can be rotated while others use it.
#[cfg(feature = "std")]
impl<K: Kek + ?Sized> Kek for std::sync::RwLock<K> {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(Cow::Owned(read(self).key_id()?.into_owned()))
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        read(self).wrap_dek(dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        read(self).unwrap_dek(wrapped)
    }
}

/// A writer that panicked left the KEK in some state of its own, which is for it to judge.
#[cfg(feature = "std")]
fn read<K: ?Sized>(lock: &std::sync::RwLock<K>) -> std::sync::RwLockReadGuard<'_, K> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}
