//! A KMS plugin as a KEK.

mod v1;

pub use v1::KmsV1Client;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::channel::Channel;
use super::endpoint::KmsEndpoint;
use super::proto::v2;
use super::refusal::{Asked, GrpcError};
use crate::driver::{AsyncKek, KekFuture};
use crate::kek::{KekError, Refusal, Wrapped, WrappedDek};
use crate::kms::KmsStatus;
use crate::random::{OsRandom, Random};
use crate::secret::SecretVec;

/// How long a call waits for the plugin and its answer, unless another time is set.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A KMS plugin of API version v2 at the other end of a Unix socket, as a KEK.
///
/// There is one connection, made when it is first needed and again when it was lost; clones share it. A call waits for
/// the plugin to come, until its time is over; nothing fails because a plugin starts later than its client, if it comes
/// within that time. Calls are made within a tokio runtime that has I/O and time.
///
/// A refusal has a [`GrpcError`] as its cause. It is [`Refusal::Denied`] for the codes `PermissionDenied` and
/// `Unauthenticated`, [`Refusal::NotMine`] for `InvalidArgument` and `NotFound` where a DEK was to be unwrapped, and
/// [`Refusal::Unreachable`] for whatever may pass, which is all else. The protocol cannot tell that a key was
/// destroyed.
///
/// # Security
/// The protocol binds no context: a context that is not empty is refused.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn core::error::Error>> {
/// use std::sync::Arc;
///
/// use atrest::{AsyncTransformer, KmsClient, KmsEndpoint, KmsPoller, KmsV2, SystemClock};
///
/// let client = KmsClient::new(KmsEndpoint::parse("unix:///run/kms.sock")?);
/// let vault = Arc::new(KmsV2::new("vault")?);
/// let poller = KmsPoller::start(client.clone(), vault.clone(), SystemClock::default()).await;
/// let transformer = AsyncTransformer::builder().kms_v2(vault, client).build()?;
/// if poller.health().is_healthy() {
///     let stored = transformer.seal(b"/registry/secrets/default/login1", b"hunter2").await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KmsClient {
    channel: Arc<Channel>,
    timeout: Duration,
}

impl KmsClient {
    /// A client that has not connected so far. A call takes 3 seconds at most.
    #[must_use]
    pub fn new(endpoint: KmsEndpoint) -> Self {
        Self { channel: Arc::new(Channel::new(endpoint)), timeout: TIMEOUT }
    }

    /// The same, whose calls take so long at most.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Where the plugin listens.
    #[must_use]
    pub fn endpoint(&self) -> &KmsEndpoint {
        self.channel.endpoint()
    }

    /// Asks the plugin how it is, and which key it wraps with.
    ///
    /// # Errors
    /// [`KekError`]; an answer that says that the plugin is not well is none.
    pub async fn status(&self) -> Result<KmsStatus, KekError> {
        let method = v2::STATUS_METHOD;
        let asked = self.channel.call(method, self.timeout, || v2::StatusRequest {});
        let answer: v2::StatusResponse =
            asked.await.map_err(|status| GrpcError::refused(method, Asked::Other, &status))?;
        Ok(KmsStatus::new(answer.version, answer.healthz, answer.key_id))
    }

    async fn encrypt(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        check_context(context, Refusal::Denied)?;
        let (method, uid) = (v2::ENCRYPT_METHOD, uid()?);
        let request = || v2::EncryptRequest { plaintext: dek.to_vec(), uid: uid.clone() };
        let answer: v2::EncryptResponse = self
            .channel
            .call(method, self.timeout, request)
            .await
            .map_err(|status| GrpcError::refused(method, Asked::Other, &status))?;
        Ok(Wrapped::new(answer.key_id, answer.ciphertext).with_annotations(answer.annotations))
    }

    async fn decrypt(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        check_context(wrapped.context(), Refusal::NotMine)?;
        let (method, uid) = (v2::DECRYPT_METHOD, uid()?);
        let request = || v2::DecryptRequest {
            ciphertext: wrapped.bytes().to_vec(),
            uid: uid.clone(),
            key_id: wrapped.key_id().into(),
            annotations: wrapped.annotations().iter().map(|(name, value)| ((*name).into(), value.to_vec())).collect(),
        };
        let mut answer: v2::DecryptResponse = self
            .channel
            .call(method, self.timeout, request)
            .await
            .map_err(|status| GrpcError::refused(method, Asked::Unwrap, &status))?;
        Ok(SecretVec::from_vec(mem::take(&mut answer.plaintext)))
    }
}

impl AsyncKek for KmsClient {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async { Ok(self.status().await?.key_id().into()) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(self.encrypt(dek, context))
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move { self.decrypt(&wrapped).await })
    }
}

fn check_context(context: &[u8], refusal: Refusal) -> Result<(), KekError> {
    if context.is_empty() { Ok(()) } else { Err(KekError::new(refusal, "the KMS protocol binds no context")) }
}

/// A random UUID of version 4, by which a call is found in the plugin's log.
fn uid() -> Result<String, KekError> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes).map_err(|error| KekError::new(Refusal::Unreachable, error))?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{number:032x}");
    let mut rest = digits.as_str();
    let parts: Vec<&str> = [8, 4, 4, 4, 12]
        .into_iter()
        .filter_map(|len| {
            let (part, after) = rest.split_at_checked(len)?;
            rest = after;
            Some(part)
        })
        .collect();
    Ok(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_has_the_form_of_its_version() {
        for _ in 0..100 {
            let uid = uid().unwrap_or_default();
            let form: String = uid.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
            assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
            assert_eq!(uid.get(14..15), Some("4"), "{uid}");
            assert!(uid.get(19..20).is_some_and(|variant| "89ab".contains(variant)), "{uid}");
            assert_ne!(super::uid().unwrap_or_default(), uid);
        }
    }
}
