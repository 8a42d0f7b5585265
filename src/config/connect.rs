//! From a configuration with KMS plugins to a driver for each resource. Kubernetes: `encryptionconfig/config.go`.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;

use futures_util::future::join_all;

use super::build::{Element, Rules};
use super::configuration::{EncryptionConfiguration, KmsConnectionRequest};
use super::model::{KmsApiVersion, KmsEntry};
#[cfg(all(unix, feature = "kms-client"))]
use super::polled::Polled;
use super::resource::GroupResource;
use crate::driver::{AsyncKek, AsyncTransformer, AsyncTransformerBuilder};
use crate::error::Result;
use crate::kek::CallError;
use crate::kms::{CacheLimits, DekCache};
use crate::provider::{Identity, KmsV1, KmsV2};

/// A configuration whose KMS plugins are connected: a driver for every resource, which reads and writes exactly what that
/// API server would.
///
/// Resources of one entry share their providers, and with them the recovered DEKs. KMS v2 neither reads nor writes before
/// the first [`check`](Self::check), which is to be called once a minute.
///
/// # Security
/// As the API server has it, KMS v1 tries payloads that fail as AES-GCM as AES-CBC, which has no integrity.
pub struct ConnectedConfiguration {
    rules: BTreeMap<GroupResource, AsyncTransformer>,
    unconfigured: AsyncTransformer,
    /// Each KMS alone, by the index of its request: it is asked once, however many resources have it.
    plugins: Vec<AsyncTransformer>,
    #[cfg(all(unix, feature = "kms-client"))]
    polled: Option<Vec<Polled>>,
}

/// A KMS plugin of the file and what answers for it.
pub(super) enum Plugin {
    V1(Arc<KmsV1>, Arc<dyn AsyncKek>),
    V2(Arc<KmsV2>, Arc<dyn AsyncKek>),
}

impl EncryptionConfiguration {
    /// Connects the KMS plugins: `connect` gives the KEK for each request of [`kms`](Self::kms).
    ///
    /// # Errors
    /// Whatever `connect` returns, and [`Error`](crate::Error)s of the providers, which a validated file does not cause.
    pub fn connect<E: From<crate::Error>>(
        &self,
        connect: impl FnMut(&KmsConnectionRequest<'_>) -> Result<Arc<dyn AsyncKek>, E>,
    ) -> Result<ConnectedConfiguration, E> {
        Ok(self.connect_each(connect)?.0)
    }

    /// As [`connect`](Self::connect), with the providers of the plugins, by the index of the request.
    pub(super) fn connect_each<E: From<crate::Error>>(
        &self,
        mut connect: impl FnMut(&KmsConnectionRequest<'_>) -> Result<Arc<dyn AsyncKek>, E>,
    ) -> Result<(ConnectedConfiguration, Vec<Plugin>), E> {
        let plugins = self.kms().map(|request| Ok::<_, E>(Plugin::new(request.settings(), connect(&request)?)?));
        let plugins = plugins.collect::<Result<Vec<_>, E>>()?;
        Ok((ConnectedConfiguration::new(self.rules(), &plugins)?, plugins))
    }
}

impl ConnectedConfiguration {
    fn new(rules: &Rules, plugins: &[Plugin]) -> Result<Self> {
        let driver = |elements: &[Element]| {
            let builder = elements.iter().fold(AsyncTransformer::builder(), |builder, element| match element {
                Element::Static(provider) => builder.shared_provider(Arc::clone(provider)),
                Element::Kms(request) => match plugins.get(*request) {
                    Some(plugin) => plugin.add_to(builder),
                    None => builder,
                },
            });
            builder.build()
        };
        let rules = rules.iter().map(|(resource, elements)| Ok((resource.clone(), driver(elements)?)));
        Ok(Self {
            rules: rules.collect::<Result<_>>()?,
            unconfigured: AsyncTransformer::bare(Identity::as_apiserver())?,
            plugins: plugins
                .iter()
                .map(|plugin| plugin.add_to(AsyncTransformer::builder()).build())
                .collect::<Result<_>>()?,
            #[cfg(all(unix, feature = "kms-client"))]
            polled: None,
        })
    }

    /// The same with plugins that are asked how they are, for as long as it is there.
    #[cfg(all(unix, feature = "kms-client"))]
    pub(super) fn with_polled(mut self, polled: Vec<Polled>) -> Self {
        self.polled = Some(polled);
        self
    }

    #[cfg(all(unix, feature = "kms-client"))]
    pub(super) fn polled(&self) -> Option<&[Polled]> {
        self.polled.as_deref()
    }

    /// The driver for a resource, such as `secrets` or `deployments.apps`: that of its own rule, else of the wildcard of
    /// its group, else of `*.*`, else identity alone, which reads nothing that begins with `k8s:enc:`.
    #[must_use]
    pub fn transformer(&self, resource: &str) -> &AsyncTransformer {
        GroupResource::parse(resource).find(&self.rules).unwrap_or(&self.unconfigured)
    }

    /// Asks every KMS of API version v2 which key it wraps with, each once, and drops recovered DEKs whose time is over.
    /// What comes of it is told by the index of its request in [`EncryptionConfiguration::kms`]; see
    /// [`AsyncTransformer::check`]. A KMS of API version v1 is not asked, and not told of.
    pub async fn check(&self) -> Vec<(usize, Result<(), CallError>)> {
        let checked = self.plugins.iter().enumerate().map(async |(request, plugin)| {
            let outcomes = plugin.check().await.into_iter();
            outcomes.map(move |(_, outcome)| (request, outcome))
        });
        join_all(checked).await.into_iter().flatten().collect()
    }
}

impl Plugin {
    fn new(settings: &KmsEntry, kek: Arc<dyn AsyncKek>) -> Result<Self> {
        Ok(match settings.api_version() {
            KmsApiVersion::V1 => {
                let provider = KmsV1::new(settings.name())?.with_cache(cache(settings.cachesize())).with_legacy_cbc();
                Self::V1(Arc::new(provider), kek)
            }
            KmsApiVersion::V2 => Self::V2(Arc::new(KmsV2::new(settings.name())?), kek),
        })
    }

    fn add_to(&self, builder: AsyncTransformerBuilder) -> AsyncTransformerBuilder {
        match self {
            Self::V1(provider, kek) => builder.kms_v1(Arc::clone(provider), Arc::clone(kek)),
            Self::V2(provider, kek) => builder.kms_v2(Arc::clone(provider), Arc::clone(kek)),
        }
    }
}

/// A negative size is that of no cache; as upstream has it, time does not empty one.
fn cache(size: Option<i32>) -> DekCache {
    match size.map(usize::try_from) {
        None => DekCache::new(CacheLimits::KMS_V1),
        Some(Err(_)) => DekCache::disabled(),
        Some(Ok(size)) => NonZeroUsize::new(size)
            .map_or_else(DekCache::disabled, |size| DekCache::new(CacheLimits::new(size, Duration::MAX))),
    }
}

impl fmt::Debug for ConnectedConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectedConfiguration").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::boxed::Box;
    use alloc::string::String;
    use core::future::ready;
    use std::sync::Mutex;
    use std::thread::sleep;

    use super::super::configuration::ConfigOptions;
    use super::*;
    use crate::driver::KekFuture;
    use crate::kek::{Refusal, Wrapped, WrappedDek};
    use crate::secret::SecretVec;

    const FILE: &str = "
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - kms: {apiVersion: v2, name: two, endpoint: 'unix:///run/two.sock'}
";

    /// Names and wraps with the key of this id.
    struct Named(Mutex<&'static str>);

    impl AsyncKek for Named {
        fn key_id(&self) -> KekFuture<'_, String> {
            Box::pin(ready(Ok((*self.0.lock().unwrap()).into())))
        }

        fn wrap_dek<'a>(&'a self, _: &'a [u8], _: &'a [u8]) -> KekFuture<'a, Wrapped> {
            Box::pin(ready(Ok(Wrapped::new(*self.0.lock().unwrap(), *b"wrapped"))))
        }

        fn unwrap_dek<'a>(&'a self, _: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
            Box::pin(ready(Err(Refusal::NotMine.into())))
        }
    }

    #[test]
    fn a_check_drops_deks_whose_time_is_over() {
        const TTL: Duration = Duration::from_millis(20);
        let kek = Arc::new(Named(Mutex::new("id1")));
        let cache = DekCache::new(CacheLimits::new(NonZeroUsize::MIN, TTL));
        let provider = Arc::new(KmsV2::new("two").unwrap().with_cache(cache));
        let asked: Arc<dyn AsyncKek> = Arc::<Named>::clone(&kek);
        let plugin = Plugin::V2(Arc::clone(&provider), asked);
        let config = EncryptionConfiguration::from_yaml(FILE, ConfigOptions::default()).unwrap();
        let connected = ConnectedConfiguration::new(config.rules(), &[plugin]).unwrap();
        let check = || pollster::block_on(connected.check()).into_iter().for_each(|(_, checked)| checked.unwrap());
        check();
        // The seed of the first key is a DEK like others now.
        *kek.0.lock().unwrap() = "id2";
        check();
        assert_eq!(provider.cache_stats().entries, 1);
        sleep(2 * TTL);
        check();
        let stats = provider.cache_stats();
        assert_eq!((stats.entries, stats.evicted_by_age), (0, 1));
    }
}
