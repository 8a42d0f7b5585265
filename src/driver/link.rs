//! What belongs to a provider that needs a KEK.

use alloc::string::String;
use alloc::sync::Arc;

use futures_util::lock::Mutex;

use super::kek::{AsyncKek, answered};
use crate::error::Result;
use crate::kek::{CallError, KekError, Wrapped, WrappedDek};
use crate::kms::{Clock, Time};
use crate::provider::{EnvelopeProvider, KmsV2};
use crate::random::OsRandom;
use crate::secret::SecretVec;

/// A provider's KEK, and what its answers to a check are for.
pub(super) struct Link {
    pub(super) kek: Arc<dyn AsyncKek>,
    pub(super) checked: Checked,
    /// Held while the KEK is checked, so that no two checks make a seed for the same reason.
    pub(super) turn: Mutex<()>,
}

/// Who wants to know which key a KEK wraps with.
pub(super) enum Checked {
    Nothing,
    KmsV2(Arc<KmsV2>),
    Envelope(Arc<EnvelopeProvider>),
}

impl Link {
    pub(super) fn new(kek: impl AsyncKek + 'static, checked: Checked) -> Self {
        Self { kek: Arc::new(kek), checked, turn: Mutex::new(()) }
    }

    pub(super) const fn is_checked(&self) -> bool {
        !matches!(self.checked, Checked::Nothing)
    }

    async fn key_id(&self) -> Result<String, KekError> {
        answered(async { self.kek.key_id().await }).await
    }

    pub(super) async fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        answered(async { self.kek.wrap_dek(dek, context).await }).await
    }

    pub(super) async fn unwrap_dek(&self, wrapped: WrappedDek<'_>) -> Result<SecretVec, KekError> {
        answered(async { self.kek.unwrap_dek(wrapped).await }).await
    }

    /// Asks which key the KEK wraps with, and has a seed wrapped if one is due; `tell` is told of that.
    pub(super) async fn check(
        &self,
        clock: &dyn Clock,
        tell: &(dyn Fn(Result<()>, &str) + Sync),
    ) -> Result<(), CallError> {
        let kms = match &self.checked {
            Checked::Nothing => return Ok(()),
            Checked::Envelope(provider) => {
                provider.set_key_id(self.key_id().await?);
                return Ok(());
            }
            Checked::KmsV2(kms) => kms,
        };
        let asked_at = clock.now();
        let key_id = self.key_id().await?;
        follow(kms, &*self.kek, clock, asked_at, &key_id, tell).await
    }
}

/// Goes on sealing under the key that a KMS named when it was asked at `asked_at`, with a new seed where one is due; `tell`
/// is told of that.
pub(crate) async fn follow(
    kms: &KmsV2,
    kek: &dyn AsyncKek,
    clock: &dyn Clock,
    asked_at: Time,
    key_id: &str,
    tell: &(dyn Fn(Result<()>, &str) + Sync),
) -> Result<(), CallError> {
    let Some(rotation) = kms.check(&mut OsRandom, asked_at, key_id)? else { return Ok(()) };
    let completed = match answered(async { kek.wrap_dek(rotation.expose_dek(), &[]).await }).await {
        Ok(answer) => kms.complete(clock.now(), rotation, answer).map_err(CallError::from),
        Err(refused) => Err(refused.into()),
    };
    // Where another check was faster, that one has told of its rotation.
    if !matches!(completed, Ok(false)) {
        tell(completed.as_ref().map(|_| ()).map_err(CallError::error), key_id);
    }
    completed.map(drop)
}
