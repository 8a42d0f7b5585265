//! What one resource of a configuration makes of a stored value.

use core::convert::Infallible;
use core::time::Duration;
use std::collections::BTreeSet;

use atrest::{
    AsyncTransformer, CallError, ConnectError, ConnectedConfiguration, EncryptionConfiguration, Error, Inventory,
    KeyEntry, Opened, ProviderKind, SecretVec, inspect,
};

use crate::plugins::Plugins;

/// Characters that are told of why a value does not open: its names are the choice of whoever wrote it.
const WHY_MAX: usize = 240;

/// How often a value is opened that its KMS plugin says it cannot be reached for.
const OPENS: u32 = 2;

/// A resource of an `EncryptionConfiguration`, with its KMS plugins connected.
#[derive(Debug)]
pub struct Resource {
    connected: ConnectedConfiguration,
    plugins: Plugins,
    name: String,
    keys: BTreeSet<(ProviderKind, String)>,
    /// Those of the keys that seal, be it another resource.
    sealing: BTreeSet<(ProviderKind, String)>,
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
    /// With `any_plaintext`, what opens without integrity need not look like an object of Kubernetes; see
    /// [`judge`](Self::judge).
    ///
    /// # Errors
    /// [`ConnectError`], which a configuration that was read does not cause.
    pub fn new(config: &EncryptionConfiguration, name: &str, any_plaintext: bool) -> Result<Self, ConnectError> {
        let (connected, plugins) = Plugins::connect(config, name)?;
        let named = |kind| move |key: &KeyEntry| (kind, key.name().to_owned());
        let providers = config.entries().iter().flat_map(|entry| entry.providers());
        let keys = providers.flat_map(|provider| provider.keys().iter().map(named(provider.kind()))).collect();
        let first = config.entries().iter().filter_map(|entry| entry.providers().first());
        let sealing = first.filter_map(|provider| provider.keys().first().map(named(provider.kind()))).collect();
        Ok(Self { connected, plugins, name: name.to_owned(), keys, sealing, any_plaintext })
    }

    /// An inventory that shows every key of the configuration, at zero too.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        self.keys.iter().fold(Inventory::new(), |inventory, (kind, name)| inventory.expecting(*kind, name))
    }

    /// The keys of the configuration that no value of the inventory needs, without those that seal, of whatever resource:
    /// the next value will need them.
    #[must_use]
    pub fn retirable(&self, inventory: &Inventory) -> Vec<(ProviderKind, &str)> {
        let keys = self.keys.difference(&self.sealing).map(|(kind, name)| (*kind, &**name));
        keys.filter(|&(kind, name)| inventory.can_retire(kind, name)).collect()
    }

    fn transformer(&self) -> &AsyncTransformer {
        self.connected.transformer(&self.name)
    }

    /// Asks every KMS plugin of the resource which key it has, those of API version v1 aside, which do not say.
    ///
    /// # Errors
    /// That of the first that does not answer as it should.
    pub async fn check(&self) -> Result<(), CallError> {
        self.transformer().check().await.into_iter().try_for_each(|(_, checked)| checked)
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
    /// AES-CBC has no integrity: one in 256 values opens under a wrong key, to noise. Identity has none either: a value
    /// whose prefix was damaged is plaintext to it. To seal such a thing again would be to lose the value, so that it
    /// counts as unreadable unless it looks like an object of Kubernetes.
    ///
    /// # Errors
    /// [`CallError`] if it says nothing about this value: a KMS plugin that is away or denies its use, no memory.
    pub async fn judge(&self, key: &[u8], stored: &[u8]) -> Result<Judgement, CallError> {
        let opened = match self.open(key, stored).await? {
            Ok(opened) => opened,
            Err(error) => return Ok(Judgement::Unreadable(why(&error, stored))),
        };
        let has_integrity =
            !matches!(opened.provider(), ProviderKind::AesCbc | ProviderKind::KmsV1 | ProviderKind::Identity);
        Ok(if !opened.is_stale() {
            Judgement::Fresh
        } else if has_integrity || self.any_plaintext || is_object(opened.plaintext()) {
            Judgement::Stale(opened.into_plaintext())
        } else {
            Judgement::Unreadable(why("opens without integrity, and not to an object of Kubernetes", stored))
        })
    }

    /// What is inside is about this value, for good: many a plugin answers to a DEK that it does not know as if it were
    /// broken, which counts only if it unwraps another one before and after it is asked again.
    async fn open(&self, key: &[u8], stored: &[u8]) -> Result<Result<Opened<'_, SecretVec>, String>, CallError> {
        for _ in 0..OPENS {
            match self.transformer().open(key, stored).await {
                Ok(opened) => return Ok(Ok(opened)),
                Err(error) if error.error() == Error::KekUnreachable => self.plugins.ask(stored, error).await?,
                Err(error) if error.is_retryable() || error.error() == Error::KekDenied => return Err(error),
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        Ok(Err("its KMS plugin unwraps other DEKs, and not this one".to_owned()))
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
