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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;

    use super::super::super::configuration::ConfigOptions;
    use super::*;
    use crate::kek::{CallError, KekError, Refusal};

    fn config(resource: &str) -> Arc<EncryptionConfiguration> {
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
             - resources: [{resource}]\n  providers: [{{identity: {{}}}}]\n"
        );
        Arc::new(EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap())
    }

    /// Run by Miri too, which sees what readers and writers of one memory may not do.
    #[test]
    fn a_reader_has_one_value_or_the_other() {
        let rounds = if cfg!(miri) { 10 } else { 10_000 };
        let (plain, connected) = (config("secrets"), config("configmaps"));
        let in_use = |is_connected: bool| {
            let config = if is_connected { &connected } else { &plain };
            let connect = || config.connect::<CallError>(|_| Err(KekError::new(Refusal::Denied, "no KMS").into()));
            ConfigurationInUse::new(Arc::clone(config), is_connected.then(|| connect().unwrap()))
        };
        let live = LiveConfiguration::new(in_use(false));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let read = live.load();
                        assert_eq!(read.connected().is_some(), Arc::ptr_eq(read.config(), &connected));
                    }
                });
            }
            for round in 0..rounds {
                let before = live.swap(in_use(round % 2 == 0));
                assert_eq!(before.connected().is_some(), round % 2 == 1);
            }
        });
        drop(live);
        assert_eq!((Arc::strong_count(&plain), Arc::strong_count(&connected)), (1, 1));
    }
}
