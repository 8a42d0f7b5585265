//! What one resource of a configuration makes of a stored value.

use core::convert::Infallible;
use core::time::Duration;
use std::collections::BTreeSet;

use atrest::{
    AsyncTransformer, CallError, ConnectError, ConnectedConfiguration, EncryptionConfiguration, Error, Inventory,
    ProviderKind, SecretVec, inspect,
};

/// Characters that are told of why a value does not open: its names are the choice of whoever wrote it.
const WHY_MAX: usize = 240;

/// A resource of an `EncryptionConfiguration`, with its KMS plugins connected.
#[derive(Debug)]
pub struct Resource {
    connected: ConnectedConfiguration,
    name: String,
    keys: BTreeSet<(ProviderKind, String)>,
    any_plaintext: bool,
}

/// What is to be done with a stored value.
#[derive(Debug)]
pub enum Judgement {
    /// Nothing.
    Fresh,
    /// It opens to this, and is to be sealed again.
    Stale(SecretVec),
    /// It does not open, and why not, on one line without anything secret.
    Unreadable(String),
}

impl Resource {
    /// The resource `name` as an API server with this configuration has it. KMS plugins are not asked so far.
    ///
    /// With `any_plaintext`, what opens by AES-CBC need not look like an object of Kubernetes; see
    /// [`judge`](Self::judge).
    ///
    /// # Errors
    /// [`ConnectError`], which a configuration that was read does not cause.
    pub fn new(config: &EncryptionConfiguration, name: &str, any_plaintext: bool) -> Result<Self, ConnectError> {
        let providers = config.entries().iter().flat_map(|entry| entry.providers());
        let names = |kind| move |key: &atrest::KeyEntry| (kind, key.name().to_owned());
        let keys = providers.flat_map(|provider| provider.keys().iter().map(names(provider.kind()))).collect();
        Ok(Self { connected: config.connect_plugins()?, name: name.to_owned(), keys, any_plaintext })
    }

    /// An inventory that shows every key of the configuration, at zero too.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        self.keys.iter().fold(Inventory::new(), |inventory, (kind, name)| inventory.expecting(*kind, name))
    }

    /// The keys of the configuration that no value of the inventory needs.
    #[must_use]
    pub fn retirable(&self, inventory: &Inventory) -> Vec<(ProviderKind, &str)> {
        let keys = self.keys.iter().map(|(kind, name)| (*kind, &**name));
        keys.filter(|&(kind, name)| inventory.can_retire(kind, name)).collect()
    }

    fn transformer(&self) -> &AsyncTransformer {
        self.connected.transformer(&self.name)
    }

    /// Asks every KMS plugin which key it has.
    ///
    /// # Errors
    /// That of the first that does not answer as it should.
    pub async fn check(&self) -> Result<(), CallError> {
        self.connected.check().await.into_iter().try_for_each(|(_, checked)| checked)
    }

    /// Asks as often as an API server does, for ever, and a minute from now for the first time.
    pub async fn keep_checking(&self) -> Infallible {
        let mut wait = 60;
        loop {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            wait = if self.check().await.is_ok() { 60 } else { 10 };
        }
    }

    /// Opens the value of an etcd key, which is its AAD.
    ///
    /// AES-CBC has no integrity: one in 256 values opens under a wrong key, to noise, and to seal that again would be to
    /// lose the value. What AES-CBC opened counts as unreadable, therefore, unless it looks like an object of Kubernetes.
    ///
    /// # Errors
    /// [`CallError`] if it says nothing about this value: a KMS plugin that is away, no memory.
    pub async fn judge(&self, key: &[u8], stored: &[u8]) -> Result<Judgement, CallError> {
        let opened = match self.transformer().open(key, stored).await {
            Ok(opened) => opened,
            Err(error) if self.is_about_the_value(&error).await => {
                return Ok(Judgement::Unreadable(why(&error.to_string(), stored)));
            }
            Err(error) => return Err(error),
        };
        let has_integrity = !matches!(opened.provider(), ProviderKind::AesCbc | ProviderKind::KmsV1);
        Ok(if !opened.is_stale() {
            Judgement::Fresh
        } else if has_integrity || self.any_plaintext || is_object(opened.plaintext()) {
            Judgement::Stale(opened.into_plaintext())
        } else {
            Judgement::Unreadable(why("opens without integrity, and not to an object of Kubernetes", stored))
        })
    }

    /// Many a plugin answers to a DEK that it does not know as if it were broken: then its status tells.
    async fn is_about_the_value(&self, error: &CallError) -> bool {
        match error.error() {
            Error::KekUnreachable => self.check().await.is_ok(),
            error => !error.is_retryable(),
        }
    }

    /// Seals a plaintext for an etcd key with today's key.
    ///
    /// # Errors
    /// As of [`AsyncTransformer::seal`].
    pub async fn seal(&self, key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        self.transformer().seal(key, plaintext).await
    }
}

fn why(error: &str, stored: &[u8]) -> String {
    let why = format!("{error}; it is {}", inspect(stored));
    why.chars().take(WHY_MAX).collect()
}

/// How the API server begins what it stores: protobuf, CBOR, or else JSON, which is text.
fn is_object(plaintext: &[u8]) -> bool {
    plaintext.starts_with(b"k8s\0")
        || plaintext.starts_with(b"\xd9\xd9\xf7")
        || plaintext.starts_with(b"{") && core::str::from_utf8(plaintext).is_ok()
}
