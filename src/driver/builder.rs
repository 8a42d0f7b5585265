//! Building a driver: each provider with its KEK.

use alloc::sync::Arc;
#[cfg(feature = "config")]
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::future::AsyncTransformer;
use super::kek::AsyncKek;
use super::link::{Checked, Link};
use crate::error::Result;
use crate::kms::{Clock, SystemClock};
use crate::observer::Observer;
use crate::provider::{EnvelopeProvider, KmsV1, KmsV2, Provider, WrappedProvider};
use crate::steps::{EnvelopeTransformer, EnvelopeTransformerBuilder};

/// Collects the providers of an [`AsyncTransformer`] and their KEKs, first the provider that seals.
pub struct AsyncTransformerBuilder {
    transformer: EnvelopeTransformerBuilder<'static>,
    links: Vec<Option<Link>>,
    clock: Arc<dyn Clock>,
}

impl Default for AsyncTransformerBuilder {
    fn default() -> Self {
        Self { transformer: EnvelopeTransformer::builder(), links: Vec::new(), clock: Arc::new(SystemClock::default()) }
    }
}

impl AsyncTransformer {
    /// Starts a list.
    #[must_use]
    pub fn builder() -> AsyncTransformerBuilder {
        AsyncTransformerBuilder::default()
    }
}

#[cfg(feature = "config")]
impl AsyncTransformer {
    /// One provider alone, outside of any list, whose errors are reported as they are.
    pub(crate) fn bare(provider: impl Provider + 'static) -> Result<Self> {
        let transformer = EnvelopeTransformer::builder().provider(provider).bare().build()?;
        Ok(Self::new(transformer, vec![None], Arc::new(SystemClock::default())))
    }
}

impl AsyncTransformerBuilder {
    /// Appends a provider that holds its keys.
    #[must_use]
    pub fn provider(self, provider: impl Provider + 'static) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Appends a provider that holds its keys and that others hold too.
    #[must_use]
    pub fn shared_provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.transformer = self.transformer.shared_provider(provider);
        self.links.push(None);
        self
    }

    /// Appends a KMS provider of API version v1.
    #[must_use]
    pub fn kms_v1(self, provider: impl Into<Arc<KmsV1>>, kek: impl AsyncKek + 'static) -> Self {
        self.wrapped(provider.into(), Link::new(kek, Checked::Nothing))
    }

    /// Appends a KMS provider of API version v2. It neither seals nor opens before the first check.
    #[must_use]
    pub fn kms_v2(self, provider: impl Into<Arc<KmsV2>>, kek: impl AsyncKek + 'static) -> Self {
        let provider = provider.into();
        self.wrapped(Arc::<KmsV2>::clone(&provider), Link::new(kek, Checked::KmsV2(provider)))
    }

    /// Appends the crate's own envelope.
    #[must_use]
    pub fn envelope(self, provider: impl Into<Arc<EnvelopeProvider>>, kek: impl AsyncKek + 'static) -> Self {
        let provider = provider.into();
        self.wrapped(Arc::<EnvelopeProvider>::clone(&provider), Link::new(kek, Checked::Envelope(provider)))
    }

    fn wrapped(mut self, provider: Arc<dyn WrappedProvider>, link: Link) -> Self {
        self.transformer = self.transformer.shared_wrapped(provider);
        self.links.push(Some(link));
        self
    }

    /// Has this observer told of every seal, open, rotation and rewrap that a KEK was asked for, and of each DEK that was wrapped or unwrapped
    /// for a value.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.transformer = self.transformer.observer(Arc::new(observer));
        self
    }

    /// Reads the time from another clock than the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The driver. It has asked no KEK so far.
    ///
    /// # Errors
    /// [`Error::NoProvider`](crate::Error::NoProvider) if none was given.
    pub fn build(self) -> Result<AsyncTransformer> {
        Ok(AsyncTransformer::new(self.transformer.build()?, self.links, self.clock))
    }
}

impl fmt::Debug for AsyncTransformerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTransformerBuilder").field("transformer", &self.transformer).finish_non_exhaustive()
    }
}
