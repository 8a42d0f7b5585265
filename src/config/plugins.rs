//! The KMS plugins of a configuration, connected over gRPC. Kubernetes: `encryptionconfig/config.go`.

use alloc::sync::Arc;
use core::fmt;

use super::configuration::EncryptionConfiguration;
use super::connect::ConnectedConfiguration;
use super::model::KmsApiVersion;
use crate::driver::AsyncKek;
use crate::error::Error;
use crate::grpc::{EndpointError, KmsClient, KmsEndpoint, KmsV1Client};

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
        self.connect(|request| {
            let settings = request.settings();
            let endpoint = KmsEndpoint::parse(settings.endpoint())?;
            let kek: Arc<dyn AsyncKek> = match settings.api_version() {
                KmsApiVersion::V1 => Arc::new(KmsV1Client::new(endpoint).with_timeout(settings.timeout())),
                KmsApiVersion::V2 => Arc::new(KmsClient::new(endpoint).with_timeout(settings.timeout())),
            };
            Ok(kek)
        })
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
