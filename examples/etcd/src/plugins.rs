//! The KMS plugins of a resource, to be asked themselves whether they are well.

use core::fmt;
use std::sync::Arc;

use atrest::{
    AsyncKek, CallError, ConnectError, ConnectedConfiguration, EncryptionConfiguration, KekError, KmsApiVersion,
    KmsClient, KmsConnectionRequest, KmsEndpoint, KmsV1Client, ProviderKind, WrappedDek,
};

/// What a plugin is asked to wrap and unwrap: no secret, and as long as a DEK.
const PROBE: [u8; 32] = [0; 32];

/// What the values of each plugin begin with, and who answers for it.
pub(crate) struct Plugins(Vec<(String, Arc<dyn AsyncKek>)>);

impl Plugins {
    /// Connects the plugins of the configuration, and keeps those of a resource. Nothing is asked so far.
    pub(crate) fn connect(
        config: &EncryptionConfiguration,
        resource: &str,
    ) -> Result<(ConnectedConfiguration, Self), ConnectError> {
        let mut all = Vec::new();
        let connected = config.connect(|request| {
            let kek = client(request)?;
            all.push((prefix(request), Arc::clone(&kek)));
            Ok::<_, ConnectError>(kek)
        })?;
        let own = config.connections(resource).into_iter().flatten();
        Ok((connected, Self(own.filter_map(|request| all.get(request).cloned()).collect())))
    }

    /// Whether the plugins that a stored value may need are well, shown by a DEK that they wrap and unwrap: nothing less
    /// tells that what they refused is the value's fault. API version v1 has no other way to ask anyway.
    ///
    /// # Errors
    /// What a plugin refused, and `refused` if there is none to ask.
    pub(crate) async fn ask(&self, stored: &[u8], refused: CallError) -> Result<(), CallError> {
        let mut asked = Err(refused);
        for (prefix, kek) in &self.0 {
            if stored.starts_with(prefix.as_bytes()) {
                round_trip(&**kek).await?;
                asked = Ok(());
            }
        }
        asked
    }
}

/// As [`EncryptionConfiguration::connect_plugins`] has it.
fn client(request: &KmsConnectionRequest<'_>) -> Result<Arc<dyn AsyncKek>, ConnectError> {
    let settings = request.settings();
    let endpoint = KmsEndpoint::parse(settings.endpoint())?;
    Ok(match settings.api_version() {
        KmsApiVersion::V1 => Arc::new(KmsV1Client::new(endpoint).with_timeout(settings.timeout())),
        KmsApiVersion::V2 => Arc::new(KmsClient::new(endpoint).with_timeout(settings.timeout())),
    })
}

fn prefix(request: &KmsConnectionRequest<'_>) -> String {
    let settings = request.settings();
    let kind = match settings.api_version() {
        KmsApiVersion::V1 => ProviderKind::KmsV1,
        KmsApiVersion::V2 => ProviderKind::KmsV2,
    };
    format!("{}{}:", kind.prefix(), settings.name())
}

async fn round_trip(kek: &dyn AsyncKek) -> Result<(), KekError> {
    let wrapped = kek.wrap_dek(&PROBE, &[]).await?;
    let annotations = wrapped.annotations().iter().map(|(name, value)| (&**name, &**value));
    let annotations = annotations.collect::<Vec<(&str, &[u8])>>();
    let wrapped = WrappedDek::new(wrapped.key_id(), wrapped.bytes(), &[]).with_annotations(&annotations);
    kek.unwrap_dek(wrapped).await.map(drop)
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(prefix, _)| prefix)).finish()
    }
}
