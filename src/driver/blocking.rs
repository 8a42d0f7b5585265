//! The driver for KEKs whose calls block.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::builder::AsyncTransformerBuilder;
use super::future::AsyncTransformer;
use super::kek::Immediate;
use crate::error::Result;
use crate::kek::{CallError, Kek};
use crate::kms::Clock;
use crate::observer::Observer;
use crate::provider::{EnvelopeProvider, KmsV1, KmsV2, Opened, Provider};
use crate::secret::SecretVec;

/// An ordered list of providers with a [`Kek`] for each that needs one; its calls block while a KEK is asked.
///
/// It is [`AsyncTransformer`] for threads: however many of them need the same DEK at the same time, the KEK is asked once.
///
/// # Example
/// ```
/// use atrest::{BlockingTransformer, KmsV1, LocalKek};
///
/// let kek = LocalKek::generate()?;
/// let transformer = BlockingTransformer::builder().kms_v1(KmsV1::new("vault")?, kek).build()?;
/// let aad = b"/registry/secrets/default/login1";
/// let stored = transformer.seal(aad, b"hunter2")?;
/// assert_eq!(transformer.open(aad, &stored)?.plaintext(), b"hunter2");
/// # Ok::<(), atrest::CallError>(())
/// ```
#[derive(Debug)]
pub struct BlockingTransformer(AsyncTransformer);

/// Collects the providers of a [`BlockingTransformer`] and their KEKs, first the provider that seals.
#[derive(Debug, Default)]
pub struct BlockingTransformerBuilder(AsyncTransformerBuilder);

impl BlockingTransformer {
    /// Starts a list.
    #[must_use]
    pub fn builder() -> BlockingTransformerBuilder {
        BlockingTransformerBuilder::default()
    }

    /// As [`AsyncTransformer::check`], one provider after the other: a KEK that does not answer holds up those behind it, so
    /// that its calls must end of themselves; or ask each on a thread of its own, by
    /// [`check_provider`](Self::check_provider).
    pub fn check(&self) -> Vec<(usize, Result<(), CallError>)> {
        pollster::block_on(self.0.check())
    }

    /// As [`AsyncTransformer::check_provider`].
    ///
    /// # Errors
    /// As there.
    pub fn check_provider(&self, provider_index: usize) -> Result<(), CallError> {
        pollster::block_on(self.0.check_provider(provider_index))
    }

    /// As [`AsyncTransformer::rewrap`].
    ///
    /// # Errors
    /// As there.
    pub fn rewrap(&self, context: &[u8], stored: &[u8]) -> Result<Vec<u8>, CallError> {
        pollster::block_on(self.0.rewrap(context, stored))
    }

    /// As [`AsyncTransformer::clear_caches`].
    pub fn clear_caches(&self) {
        self.0.clear_caches();
    }

    /// Seals `plaintext` with the first provider.
    ///
    /// # Errors
    /// As of [`AsyncTransformer::seal`].
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        pollster::block_on(self.0.seal(aad, plaintext))
    }

    /// Opens `stored` to memory that is wiped on drop.
    ///
    /// # Errors
    /// As of [`AsyncTransformer::open`].
    pub fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Opened<'_, SecretVec>, CallError> {
        pollster::block_on(self.0.open(aad, stored))
    }

    /// Length of an output buffer that always suffices to open `stored`; never more than `stored` itself.
    #[must_use]
    pub fn open_len_max(&self, aad: &[u8], stored: &[u8]) -> usize {
        self.0.open_len_max(aad, stored)
    }

    /// Opens `stored` to the start of `out`.
    ///
    /// # Errors
    /// As of [`AsyncTransformer::open_into`]; the whole of `out` is zeroed then.
    pub fn open_into<'t, 'o>(
        &'t self,
        aad: &[u8],
        stored: &[u8],
        out: &'o mut [u8],
    ) -> Result<Opened<'t, &'o [u8]>, CallError> {
        pollster::block_on(self.0.open_into(aad, stored, out))
    }
}

impl BlockingTransformerBuilder {
    /// Appends a provider that holds its keys.
    #[must_use]
    pub fn provider(self, provider: impl Provider + 'static) -> Self {
        Self(self.0.provider(provider))
    }

    /// Appends a provider that holds its keys and that others hold too.
    #[must_use]
    pub fn shared_provider(self, provider: Arc<dyn Provider>) -> Self {
        Self(self.0.shared_provider(provider))
    }

    /// Appends a KMS provider of API version v1.
    #[must_use]
    pub fn kms_v1(self, provider: impl Into<Arc<KmsV1>>, kek: impl Kek + 'static) -> Self {
        Self(self.0.kms_v1(provider, Immediate(kek)))
    }

    /// Appends a KMS provider of API version v2. It neither seals nor opens before the first check.
    #[must_use]
    pub fn kms_v2(self, provider: impl Into<Arc<KmsV2>>, kek: impl Kek + 'static) -> Self {
        Self(self.0.kms_v2(provider, Immediate(kek)))
    }

    /// Appends the crate's own envelope.
    #[must_use]
    pub fn envelope(self, provider: impl Into<Arc<EnvelopeProvider>>, kek: impl Kek + 'static) -> Self {
        Self(self.0.envelope(provider, Immediate(kek)))
    }

    /// Has this observer told of every seal, open, rotation and rewrap that a KEK was asked for, and of each DEK that was wrapped or unwrapped
    /// for a value.
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self(self.0.observer(observer))
    }

    /// Reads the time from another clock than the operating system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self(self.0.clock(clock))
    }

    /// The driver. It has asked no KEK so far.
    ///
    /// # Errors
    /// [`Error::NoProvider`](crate::Error::NoProvider) if none was given.
    pub fn build(self) -> Result<BlockingTransformer> {
        self.0.build().map(BlockingTransformer)
    }
}
