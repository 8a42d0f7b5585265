//! What is in use: a configuration and its connections, as one value.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use arc_swap::ArcSwap;

use super::super::configuration::EncryptionConfiguration;
use super::super::connect::ConnectedConfiguration;

/// A configuration and the drivers that were connected for it, never those of another.
#[derive(Debug)]
pub struct ConfigurationInUse {
    config: Arc<EncryptionConfiguration>,
    connected: Option<ConnectedConfiguration>,
}

impl ConfigurationInUse {
    pub(super) const fn new(config: Arc<EncryptionConfiguration>, connected: Option<ConnectedConfiguration>) -> Self {
        Self { config, connected }
    }

    /// What the file says.
    #[must_use]
    pub const fn config(&self) -> &Arc<EncryptionConfiguration> {
        &self.config
    }

    /// The driver of every resource; `None` only before [`ConfigWatcher::with_kms`](super::ConfigWatcher::with_kms)
    /// connected the KMS plugins of the first configuration. Its
    /// [`check`](ConnectedConfiguration::check) is to be called once a minute.
    #[must_use]
    pub const fn connected(&self) -> Option<&ConnectedConfiguration> {
        self.connected.as_ref()
    }
}

impl Deref for ConfigurationInUse {
    type Target = EncryptionConfiguration;

    fn deref(&self) -> &EncryptionConfiguration {
        &self.config
    }
}

/// The configuration in use, to be shared among threads: whoever loads it has all of one configuration and the
/// connections that belong to it, and never waits for a reload.
pub struct LiveConfiguration(ArcSwap<ConfigurationInUse>);

impl LiveConfiguration {
    pub(super) fn new(in_use: ConfigurationInUse) -> Self {
        Self(ArcSwap::from_pointee(in_use))
    }

    /// The configuration that is in use at this moment. Load it anew for each request, and once for each.
    #[must_use]
    pub fn load(&self) -> Arc<ConfigurationInUse> {
        self.0.load_full()
    }

    pub(super) fn swap(&self, in_use: ConfigurationInUse) -> Arc<ConfigurationInUse> {
        self.0.swap(Arc::new(in_use))
    }
}

impl fmt::Debug for LiveConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveConfiguration").field(&self.load()).finish()
    }
}
