//! Building a transformer with providers of every kind.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::{Entry, EnvelopeTransformer};
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::provider::{Provider, WrappedProvider};

/// Collects the providers of an [`EnvelopeTransformer`], first the one that seals.
#[derive(Default)]
pub struct EnvelopeTransformerBuilder<'p> {
    entries: Vec<Entry<'p>>,
    is_bare: bool,
    observer: Option<Arc<dyn Observer + 'p>>,
}

impl<'p> EnvelopeTransformer<'p> {
    /// Starts a list.
    #[must_use]
    pub fn builder() -> EnvelopeTransformerBuilder<'p> {
        EnvelopeTransformerBuilder::default()
    }
}

impl<'p> EnvelopeTransformerBuilder<'p> {
    /// Appends a provider that holds its keys.
    #[must_use]
    pub fn provider(self, provider: impl Provider + 'p) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Appends a provider that holds its keys and that other transformers hold too.
    #[must_use]
    pub fn shared_provider(mut self, provider: Arc<dyn Provider + 'p>) -> Self {
        self.entries.push(Entry::Static(provider));
        self
    }

    /// Appends a provider whose DEKs a KEK wraps.
    #[must_use]
    pub fn wrapped(self, provider: impl WrappedProvider + 'p) -> Self {
        self.shared_wrapped(Arc::new(provider))
    }

    /// Appends a provider whose DEKs a KEK wraps and that others hold too: other transformers, or who
    /// tells a [`KmsV2`](crate::KmsV2) what its KMS says of itself.
    #[must_use]
    pub fn shared_wrapped(mut self, provider: Arc<dyn WrappedProvider + 'p>) -> Self {
        self.entries.push(Entry::Wrapped(provider));
        self
    }

    /// Has this observer told of every seal and open, and of every DEK that is wrapped or unwrapped.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer + 'p>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Reports the errors of identity, as Kubernetes does for a resource that no rule names.
    #[cfg(feature = "config")]
    pub(crate) const fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// The transformer.
    ///
    /// # Errors
    /// [`Error::NoProvider`] if none was given.
    pub fn build(self) -> Result<EnvelopeTransformer<'p>> {
        if self.entries.is_empty() {
            return Err(Error::NoProvider);
        }
        Ok(EnvelopeTransformer { entries: self.entries, is_bare: self.is_bare, observer: self.observer })
    }
}

impl fmt::Debug for EnvelopeTransformerBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeTransformerBuilder").field("entries", &self.entries).finish_non_exhaustive()
    }
}
