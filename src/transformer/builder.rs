//! Building a transformer that owns its providers.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::watch::Watch;
use super::{Providers, Transformer};
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::provider::Provider;

/// Collects the providers of a [`Transformer`], first the one that seals.
#[derive(Default)]
pub struct TransformerBuilder<'p> {
    providers: Vec<Arc<dyn Provider + 'p>>,
    watch: Option<Watch<'p>>,
}

impl<'p> Transformer<'p> {
    /// Starts a transformer that owns its providers.
    ///
    /// # Example
    /// ```
    /// use atrest::{AesGcm, AesGcmKey, Identity, Secretbox, SecretboxKey, Transformer};
    ///
    /// let new_key = SecretboxKey::from_bytes(&[2; 32])?;
    /// let old_key = AesGcmKey::from_bytes(&[1; 16])?;
    /// let transformer = Transformer::builder()
    ///     .provider(Secretbox::new([("2026-11", new_key)])?)
    ///     .provider(AesGcm::new([("2025-08", old_key)])?)
    ///     .provider(Identity::new())
    ///     .build()?;
    /// # Ok::<(), atrest::Error>(())
    /// ```
    #[must_use]
    pub fn builder() -> TransformerBuilder<'p> {
        TransformerBuilder::default()
    }
}

impl<'p> TransformerBuilder<'p> {
    /// Appends a provider.
    #[must_use]
    pub fn provider(self, provider: impl Provider + 'p) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Appends a provider that other transformers hold too, as the resources of one Kubernetes
    /// configuration entry do.
    #[must_use]
    pub fn shared_provider(mut self, provider: Arc<dyn Provider + 'p>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Sets the observer that is told of every seal and open, in place of any before.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer + 'p>) -> Self {
        self.watch = Some(Watch::Shared(observer));
        self
    }

    /// The transformer.
    ///
    /// # Errors
    /// [`Error::NoProvider`] if none was given.
    pub fn build(self) -> Result<Transformer<'p>> {
        if self.providers.is_empty() {
            return Err(Error::NoProvider);
        }
        Ok(Transformer { providers: Providers::Owned(self.providers), watch: self.watch })
    }
}

impl fmt::Debug for TransformerBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransformerBuilder ")?;
        f.debug_list().entries(&self.providers).finish()
    }
}
