//! From a configuration with KMS plugins to a driver for each resource. Kubernetes: `encryptionconfig/config.go`.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;

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

    /// Asks every KMS of API version v2 which key it wraps with, each once. What comes of it is told by the index of its
    /// request in [`EncryptionConfiguration::kms`]; see [`AsyncTransformer::check`].
    pub async fn check(&self) -> Vec<(usize, Result<(), CallError>)> {
        let plugins = self.plugins.iter().enumerate();
        futures_util::future::join_all(plugins.map(async |(request, plugin)| (request, plugin.check_provider(0).await)))
            .await
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
