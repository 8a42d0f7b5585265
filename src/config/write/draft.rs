//! A configuration that can be changed.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use zeroize::Zeroizing;

use super::super::configuration::{ConfigOptions, EncryptionConfiguration};
use super::super::fault::ConfigError;
use super::super::model::{KeyEntry, KmsApiVersion, KmsEntry, ProviderEntry, ResourceEntry};
use super::emit;
use crate::error::Result as CryptoResult;
use crate::random::{KeySource, OsRandom};
use crate::secret::{Secret, SecretVec};

/// A configuration to be changed and written; it need not be valid before it is.
///
/// Entries, providers and keys are named by their indexes.
///
/// # Example
/// The keys of a running API server are changed in steps, and what is stored opens after each of them:
/// ```
/// use atrest::{ConfigDraft, ConfigOptions, KeyEntry, ProviderEntry};
///
/// let options = ConfigOptions::default();
/// let mut draft = ConfigDraft::new();
/// draft.add_entry(["secrets"], [ProviderEntry::Secretbox(vec![KeyEntry::generate("2025")?]), ProviderEntry::Identity]);
/// let stored = draft.check(options)?.transformer("secrets")?.seal(b"/key", b"hunter2")?;
///
/// draft.add_key(0, 0, KeyEntry::generate("2026")?)?; // then restart every API server
/// draft.move_key_first(0, 0, 1)?; // restart again, and write every value again
/// assert!(draft.check(options)?.transformer("secrets")?.open(b"/key", &stored)?.is_stale());
/// draft.remove_key(0, 0, 1)?; // restart once more
/// assert!(draft.check(options)?.transformer("secrets")?.open(b"/key", &stored).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConfigDraft {
    entries: Vec<ResourceEntry>,
}

/// Why a draft cannot be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DraftError {
    /// There is no such entry, or it has no such provider.
    NoSuchProvider,
    /// Identity and KMS plugins have no keys here.
    NoKeys,
    /// The provider has no key of this index.
    NoSuchKey,
    /// A provider needs at least one key; remove the provider instead.
    LastKey,
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchProvider => "there is no such provider",
            Self::NoKeys => "the provider has no keys",
            Self::NoSuchKey => "the provider has no such key",
            Self::LastKey => "the last key of a provider cannot be removed",
        })
    }
}

impl core::error::Error for DraftError {}

impl EncryptionConfiguration {
    /// A draft of the same meaning. The file's comments and its notation are no part of it.
    #[must_use]
    pub fn draft(&self) -> ConfigDraft {
        ConfigDraft { entries: self.entries().to_vec() }
    }
}

impl ConfigDraft {
    /// A draft without entries, which is no valid configuration yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The entries in their order.
    #[must_use]
    pub fn entries(&self) -> &[ResourceEntry] {
        &self.entries
    }

    /// Appends an entry.
    pub fn add_entry<R: Into<String>>(
        &mut self,
        resources: impl IntoIterator<Item = R>,
        providers: impl IntoIterator<Item = ProviderEntry>,
    ) {
        let resources = resources.into_iter().map(Into::into).collect();
        self.entries.push(ResourceEntry { resources, providers: providers.into_iter().collect(), places: Vec::new() });
    }

    /// Inserts a provider in front of the one with this index, or at the end.
    ///
    /// # Errors
    /// [`DraftError::NoSuchProvider`].
    pub fn insert_provider(&mut self, entry: usize, index: usize, provider: ProviderEntry) -> Result<(), DraftError> {
        let providers = self.providers(entry)?;
        if index > providers.len() {
            return Err(DraftError::NoSuchProvider);
        }
        providers.insert(index, provider);
        Ok(())
    }

    /// Removes a provider.
    ///
    /// # Errors
    /// [`DraftError::NoSuchProvider`].
    pub fn remove_provider(&mut self, entry: usize, index: usize) -> Result<ProviderEntry, DraftError> {
        let providers = self.providers(entry)?;
        if index < providers.len() { Ok(providers.remove(index)) } else { Err(DraftError::NoSuchProvider) }
    }

    /// Adds a key in the last place: it opens, and seals nothing yet.
    ///
    /// # Errors
    /// [`DraftError::NoSuchProvider`], [`DraftError::NoKeys`].
    pub fn add_key(&mut self, entry: usize, provider: usize, key: KeyEntry) -> Result<(), DraftError> {
        self.keys(entry, provider)?.push(key);
        Ok(())
    }

    /// Adds a key in first place: it seals from now on.
    ///
    /// # Security
    /// Other API servers cannot read what it sealed until they have the key too. With several of them add it in the
    /// last place first.
    ///
    /// # Errors
    /// [`DraftError::NoSuchProvider`], [`DraftError::NoKeys`].
    pub fn add_key_first(&mut self, entry: usize, provider: usize, key: KeyEntry) -> Result<(), DraftError> {
        self.keys(entry, provider)?.insert(0, key);
        Ok(())
    }

    /// Moves a key to the first place; the others keep their order.
    ///
    /// # Errors
    /// [`DraftError::NoSuchProvider`], [`DraftError::NoKeys`], [`DraftError::NoSuchKey`].
    pub fn move_key_first(&mut self, entry: usize, provider: usize, key: usize) -> Result<(), DraftError> {
        let keys = self.keys(entry, provider)?;
        keys.get_mut(..=key).ok_or(DraftError::NoSuchKey)?.rotate_right(1);
        Ok(())
    }

    /// Removes a key: what it sealed cannot be opened any more.
    ///
    /// # Errors
    /// [`DraftError::NoSuchProvider`], [`DraftError::NoKeys`], [`DraftError::NoSuchKey`], [`DraftError::LastKey`].
    pub fn remove_key(&mut self, entry: usize, provider: usize, key: usize) -> Result<KeyEntry, DraftError> {
        let keys = self.keys(entry, provider)?;
        match keys.len() {
            len if key >= len => Err(DraftError::NoSuchKey),
            1 => Err(DraftError::LastKey),
            _ => Ok(keys.remove(key)),
        }
    }

    /// The configuration that this would be.
    ///
    /// # Errors
    /// [`ConfigError`] with all that makes it invalid; the places are those in [`to_yaml`](Self::to_yaml)'s text.
    pub fn check(&self, options: ConfigOptions) -> Result<EncryptionConfiguration, ConfigError> {
        EncryptionConfiguration::from_yaml(emit::yaml(&self.entries).as_bytes(), options)
    }

    /// The text of the file, wiped on drop: the same meaning for the API server and for
    /// [`EncryptionConfiguration::from_yaml`].
    ///
    /// # Errors
    /// As of [`check`](Self::check).
    pub fn to_yaml(&self, options: ConfigOptions) -> Result<Zeroizing<String>, ConfigError> {
        let text = emit::yaml(&self.entries);
        EncryptionConfiguration::from_yaml(text.as_bytes(), options).map(|_| text)
    }

    fn providers(&mut self, entry: usize) -> Result<&mut Vec<ProviderEntry>, DraftError> {
        self.entries.get_mut(entry).map(|entry| &mut entry.providers).ok_or(DraftError::NoSuchProvider)
    }

    fn keys(&mut self, entry: usize, provider: usize) -> Result<&mut Vec<KeyEntry>, DraftError> {
        let provider = self.providers(entry)?.get_mut(provider).ok_or(DraftError::NoSuchProvider)?;
        provider.keys_mut().ok_or(DraftError::NoKeys)
    }
}

impl KeyEntry {
    /// Names a secret of 16, 24 or 32 bytes.
    #[must_use]
    pub fn new(name: impl Into<String>, secret: SecretVec) -> Self {
        Self { name: name.into(), secret: Arc::new(secret) }
    }

    /// Generates a secret of 32 bytes from the operating system's random source.
    ///
    /// # Errors
    /// [`Error::Random`](crate::Error::Random), [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn generate(name: impl Into<String>) -> CryptoResult<Self> {
        Self::generate_with(&mut OsRandom, name)
    }

    /// Generates a secret of 32 bytes from a source that may make keys.
    ///
    /// # Errors
    /// [`Error::Random`](crate::Error::Random), [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn generate_with(rng: &mut dyn KeySource, name: impl Into<String>) -> CryptoResult<Self> {
        let secret = Secret::<32>::generate_with(rng)?;
        Ok(Self::new(name, SecretVec::from_slice(secret.expose())?))
    }
}

impl KmsEntry {
    /// A plugin with the default timeout of 3 s and, for v1, the default cache of 1000 DEKs.
    #[must_use]
    pub fn new(api_version: KmsApiVersion, name: impl Into<String>, endpoint: impl Into<String>) -> Self {
        let cachesize = (api_version == KmsApiVersion::V1).then_some(1000);
        let (name, endpoint) = (name.into(), endpoint.into());
        Self { api_version, name, cachesize, endpoint, timeout: Duration::from_secs(3) }
    }

    /// The same with another timeout.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same with another size of the cache, negative for none.
    #[must_use]
    pub fn with_cachesize(self, cachesize: i32) -> Self {
        Self { cachesize: Some(cachesize), ..self }
    }
}
