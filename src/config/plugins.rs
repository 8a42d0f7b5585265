//! The KMS plugins of a configuration, connected over gRPC. Kubernetes: `encryptionconfig/config.go`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::ready;

use futures_util::FutureExt;
use futures_util::future::{Either, join_all};

use super::configuration::EncryptionConfiguration;
use super::connect::{ConnectedConfiguration, Plugin};
use super::model::{KmsApiVersion, KmsEntry};
use super::polled::Polled;
use crate::driver::AsyncKek;
use crate::error::Error;
use crate::grpc::{EndpointError, KmsClient, KmsEndpoint, KmsPoller, KmsV1Client};
use crate::kms::SystemClock;

/// Why the plugins of a configuration cannot be connected to. No plugin was called so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// An endpoint is none.
    Endpoint(EndpointError),
    /// A provider cannot be made.
    Provider(Error),
}

impl EncryptionConfiguration {
    /// Connects every KMS plugin by its endpoint and timeout: the file becomes working drivers with one call, on tokio.
    ///
    /// Nothing is asked so far: a plugin may come later. Call [`check`](ConnectedConfiguration::check) at once, once a
    /// minute, and ten seconds after a failure.
    ///
    /// # Errors
    /// [`ConnectError`], which a file that was read does not cause.
    ///
    /// # Example
    /// ```no_run
    /// use atrest::{ConfigOptions, EncryptionConfiguration};
    ///
    /// # async fn run() -> Result<(), Box<dyn core::error::Error>> {
    /// let config = EncryptionConfiguration::from_path("encryption-config.yaml", ConfigOptions::default())?;
    /// let connected = config.connect_plugins()?;
    /// for (_, checked) in connected.check().await {
    ///     checked?;
    /// }
    /// let stored = connected.transformer("secrets").seal(b"/registry/secrets/default/login1", b"hunter2").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_plugins(&self) -> Result<ConnectedConfiguration, ConnectError> {
        self.connect(|request| Ok(Client::new(request.settings())?.into_kek()))
    }

    /// As [`connect_plugins`](Self::connect_plugins), and asks the plugins how they are when the API server would: those of
    /// API version v2 now, each minute, and each 10 seconds while something is wrong, by a [`KmsPoller`] each, which end
    /// when the drivers are dropped. [`check`](ConnectedConfiguration::check) need not be called;
    /// [`health`](ConnectedConfiguration::health) tells how they are.
    ///
    /// It waits for the first answers, and for no longer than twice the longest timeout of the file, which a plugin's status
    /// and the wrapping of a seed have each: a plugin may come later.
    ///
    /// # Errors
    /// As of [`connect_plugins`](Self::connect_plugins).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Example
    /// ```no_run
    /// use atrest::{ConfigOptions, EncryptionConfiguration};
    ///
    /// # async fn run() -> Result<(), Box<dyn core::error::Error>> {
    /// let config = EncryptionConfiguration::from_path("encryption-config.yaml", ConfigOptions::default())?;
    /// let polled = config.poll_plugins().await?;
    /// for (index, health) in polled.health().await.unwrap_or_default() {
    ///     println!("kms-provider-{index}: {health}");
    /// }
    /// let stored = polled.transformer("secrets").seal(b"/registry/secrets/default/login1", b"hunter2").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn poll_plugins(&self) -> Result<ConnectedConfiguration, ConnectError> {
        let mut clients = Vec::new();
        let (connected, plugins) = self.connect_each::<ConnectError>(|request| {
            let client = Client::new(request.settings())?;
            clients.push(client.clone());
            Ok(client.into_kek())
        })?;
        let polled = clients.into_iter().zip(plugins).filter_map(|pair| match pair {
            (Client::V1(client), _) => Some(Either::Left(ready(Polled::V1(client)))),
            (Client::V2(client), Plugin::V2(provider, _)) => {
                let poller = KmsPoller::start(client, provider, SystemClock::default());
                Some(Either::Right(poller.map(Polled::V2)))
            }
            (Client::V2(_), Plugin::V1(..)) => None,
        });
        Ok(connected.with_polled(join_all(polled).await))
    }
}

/// The client of a plugin, by the API version that the file gives.
#[derive(Clone)]
enum Client {
    V1(KmsV1Client),
    V2(KmsClient),
}

impl Client {
    fn new(settings: &KmsEntry) -> Result<Self, EndpointError> {
        let endpoint = KmsEndpoint::parse(settings.endpoint())?;
        Ok(match settings.api_version() {
            KmsApiVersion::V1 => Self::V1(KmsV1Client::new(endpoint).with_timeout(settings.timeout())),
            KmsApiVersion::V2 => Self::V2(KmsClient::new(endpoint).with_timeout(settings.timeout())),
        })
    }

    fn into_kek(self) -> Arc<dyn AsyncKek> {
        match self {
            Self::V1(client) => Arc::new(client),
            Self::V2(client) => Arc::new(client),
        }
    }
}

impl From<EndpointError> for ConnectError {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(error)
    }
}

impl From<Error> for ConnectError {
    fn from(error: Error) -> Self {
        Self::Provider(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(error) => error.fmt(f),
            Self::Provider(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConnectError {}
