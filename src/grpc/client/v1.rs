//! A plugin of the older API.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::Status;

use super::super::channel::Channel;
use super::super::endpoint::KmsEndpoint;
use super::super::proto::v1beta1;
use super::super::refusal::{Asked, GrpcError};
use super::{TIMEOUT, check_context};
use crate::driver::{AsyncKek, KekFuture};
use crate::kek::{KekError, Refusal, Wrapped, WrappedDek};
use crate::kms::{KmsFault, KmsHealth, KmsProbe, Time};
use crate::secret::SecretVec;

/// A KMS plugin of API version v1, as a KEK for [`KmsV1`](crate::KmsV1); all else is as of
/// [`KmsClient`](super::KmsClient).
///
/// The plugin is asked for its version before anything else, in the time of that call, until it has said `v1beta1`
/// once. It names no key: the key id is empty.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn core::error::Error>> {
/// use atrest::{AsyncTransformer, KmsEndpoint, KmsV1, KmsV1Client};
///
/// let client = KmsV1Client::new(KmsEndpoint::parse("unix:///run/kms.sock")?);
/// println!("{}", client.check().await);
/// let transformer = AsyncTransformer::builder().kms_v1(KmsV1::new("vault")?, client).build()?;
/// let opened = transformer.open(b"/registry/secrets/default/login1", b"k8s:enc:kms:v1:vault:...").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KmsV1Client {
    channel: Arc<Channel>,
    timeout: Duration,
    is_checked: Arc<AtomicBool>,
    last: Arc<Last>,
}

/// What the last check came to.
#[derive(Debug)]
struct Last {
    /// Zero of the probe's time.
    since: Instant,
    /// Held while the plugin is asked.
    probe: Mutex<KmsProbe>,
    cause: StdMutex<Option<KekError>>,
}

impl Last {
    fn new() -> Self {
        Self { since: Instant::now(), probe: Mutex::default(), cause: StdMutex::new(None) }
    }

    fn now(&self) -> Time {
        Time::new(self.since.elapsed())
    }
}

impl KmsV1Client {
    /// A client that has not connected so far. A call takes 3 seconds at most.
    #[must_use]
    pub fn new(endpoint: KmsEndpoint) -> Self {
        let channel = Arc::new(Channel::new(endpoint));
        Self { channel, timeout: TIMEOUT, is_checked: Arc::default(), last: Arc::new(Last::new()) }
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

    /// Has a few bytes wrapped and unwrapped, which is how the API server tells whether a plugin of v1 is well: the
    /// protocol has no status. What comes back is not looked at.
    ///
    /// # Errors
    /// [`KekError`], of whichever of the two was refused.
    pub async fn probe(&self) -> Result<(), KekError> {
        self.ping().await.map_err(|(_, refused)| refused)
    }

    /// Whether the plugin is well, by a [`probe`](Self::probe); the last verdict, without asking, if it was well less
    /// than 20 seconds ago or not well less than 3 seconds ago.
    ///
    /// Clones share the verdict. Nothing asks a plugin of v1 by itself: the API server does when it is asked for its
    /// own health. Source: Kubernetes' `encryptionconfig/config.go`, `kmsPluginProbe.check`.
    pub async fn check(&self) -> KmsHealth {
        let mut probe = self.last.probe.lock().await;
        if let Some(health) = probe.cached(self.last.now()) {
            return health;
        }
        let (health, cause) = match self.ping().await {
            Ok(()) => (KmsHealth::HEALTHY, None),
            Err((fault, refused)) => (KmsHealth::HEALTHY.with(fault), Some(refused)),
        };
        probe.record(self.last.now(), health);
        *self.last.cause.lock().unwrap_or_else(PoisonError::into_inner) = cause;
        health
    }

    /// Why the plugin refused, if the last [`check`](Self::check) came to that. It asks nobody.
    #[must_use]
    pub fn cause(&self) -> Option<KekError> {
        self.last.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ping(&self) -> Result<(), (KmsFault, KekError)> {
        let wrapped = self.encrypt(b"ping", &[]).await;
        let wrapped = wrapped.map_err(|refused| (KmsFault::Wrap(refused.refusal().error()), refused))?;
        let unwrapped = self.decrypt(&WrappedDek::new("", wrapped.bytes(), &[])).await;
        unwrapped.map(drop).map_err(|refused| (KmsFault::Unwrap(refused.refusal().error()), refused))
    }

    /// Returns the time that is left for the call that this is for.
    async fn check_version(&self) -> Result<Duration, KekError> {
        if self.is_checked.load(Ordering::Relaxed) {
            return Ok(self.timeout);
        }
        let started = Instant::now();
        let method = v1beta1::VERSION_METHOD;
        let request = || v1beta1::VersionRequest { version: v1beta1::VERSION.into() };
        let answer: v1beta1::VersionResponse = self
            .channel
            .call(method, self.timeout, request)
            .await
            .map_err(|status| GrpcError::refused(method, Asked::Other, &status))?;
        if answer.version != v1beta1::VERSION {
            let status = Status::unimplemented(format!("the plugin speaks version {:?}", answer.version));
            return Err(GrpcError::refused(method, Asked::Other, &status));
        }
        self.is_checked.store(true, Ordering::Relaxed);
        Ok(self.timeout.saturating_sub(started.elapsed()))
    }

    async fn encrypt(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        check_context(context, Refusal::Denied)?;
        let within = self.check_version().await?;
        let method = v1beta1::ENCRYPT_METHOD;
        let request = || v1beta1::EncryptRequest { version: v1beta1::VERSION.into(), plain: dek.to_vec() };
        let answer: v1beta1::EncryptResponse = self
            .channel
            .call(method, within, request)
            .await
            .map_err(|status| GrpcError::refused(method, Asked::Other, &status))?;
        Ok(Wrapped::new("", answer.cipher))
    }

    async fn decrypt(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        check_context(wrapped.context(), Refusal::NotMine)?;
        let within = self.check_version().await?;
        let method = v1beta1::DECRYPT_METHOD;
        let request = || v1beta1::DecryptRequest { version: v1beta1::VERSION.into(), cipher: wrapped.bytes().to_vec() };
        let mut answer: v1beta1::DecryptResponse = self
            .channel
            .call(method, within, request)
            .await
            .map_err(|status| GrpcError::refused(method, Asked::Unwrap, &status))?;
        Ok(SecretVec::from_vec(mem::take(&mut answer.plain)))
    }
}

impl AsyncKek for KmsV1Client {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async {
            self.check_version().await?;
            Ok(String::new())
        })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(self.encrypt(dek, context))
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move { self.decrypt(&wrapped).await })
    }
}
