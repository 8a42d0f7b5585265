//! The providers of a case, each list built twice: with its keys owned and with its keys borrowed.
#![allow(clippy::std_instead_of_alloc)]

use std::sync::Arc;

use atrest::{
    AesCbcKey, AesGcmKey, Error, Identity, Keyed, KeyedCipher, NamedKey, Provider, Result, SecretboxKey, Transformer,
};
use serde::Deserialize;
use serde_json::Value;

/// The configured providers, with their keys expanded.
pub(crate) struct Configured(Vec<Box<dyn Source>>);

/// Why there is nothing to run a case against.
pub(crate) enum NotConfigured {
    /// The list names a provider that is not built.
    NotBuilt,
    /// The list is none that upstream would load.
    Malformed(String),
}

/// Where the first provider puts the nonce into a stored value.
#[derive(Clone, Copy)]
pub(crate) struct NoncePlace {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

/// What providers are made of.
pub(crate) trait Source {
    fn shared(&self) -> Result<Arc<dyn Provider>>;
    fn borrowed(&self) -> Result<Box<dyn Names + '_>>;
    fn nonce_place(&self) -> Option<NoncePlace>;
}

/// The borrowed form of a source; it must live as long as the provider over it.
pub(crate) trait Names {
    fn provider(&self) -> Result<Box<dyn Provider + '_>>;
}

struct KeyList<C> {
    keys: Vec<(String, C)>,
    nonce_place: NoncePlace,
}

#[derive(Deserialize)]
struct RawKeys {
    keys: Vec<RawKey>,
}

#[derive(Deserialize)]
struct RawKey {
    name: String,
    secret: String,
}

impl Configured {
    pub(crate) fn from_json(providers: &Value) -> Result<Self, NotConfigured> {
        let entries: Vec<_> = providers
            .as_array()
            .filter(|list| !list.is_empty())
            .ok_or("`providers` is no list of providers")?
            .iter()
            .map(only_setting)
            .collect::<Result<_, _>>()?;
        if !entries.iter().all(|(kind, _)| is_built(kind)) {
            return Err(NotConfigured::NotBuilt);
        }
        let sources = entries.into_iter().map(|(kind, settings)| source(kind, settings));
        Ok(Self(sources.collect::<Result<_, String>>()?))
    }

    /// `None` where the first provider is identity, which has no nonce.
    pub(crate) fn nonce_place(&self) -> Option<NoncePlace> {
        self.0.first().and_then(|source| source.nonce_place())
    }

    /// Calls `run` with the transformer that owns its keys and with the one that borrows them.
    pub(crate) fn with_both<T>(&self, run: impl FnOnce(&Transformer<'_>, &Transformer<'_>) -> T) -> Result<T> {
        let mut builder = Transformer::builder();
        for source in &self.0 {
            builder = builder.shared_provider(source.shared()?);
        }
        let owned = builder.build()?;

        let names = self.0.iter().map(|source| source.borrowed()).collect::<Result<Vec<_>>>()?;
        let providers = names.iter().map(|names| names.provider()).collect::<Result<Vec<_>>>()?;
        let references: Vec<&dyn Provider> = providers.iter().map(|provider| &**provider).collect();
        let borrowed = Transformer::borrowed(&references)?;
        Ok(run(&owned, &borrowed))
    }
}

/// Whether all is built that the list names, and a KMS is among it.
#[cfg(feature = "kms")]
pub(crate) fn names_kms(providers: &Value) -> bool {
    let entries: Vec<_> = providers.as_array().into_iter().flatten().map(only_setting).collect();
    let kinds = || entries.iter().flatten().map(|(kind, _)| *kind);
    kinds().any(|kind| kind == "kms") && kinds().all(|kind| kind == "kms" || is_built(kind))
}

fn is_built(kind: &str) -> bool {
    matches!(kind, "identity" | "aescbc" | "aesgcm" | "secretbox")
}

/// The one setting of an entry that is not null, with its name.
pub(crate) fn only_setting(entry: &Value) -> Result<(&str, &Value), String> {
    let settings = entry.as_object().ok_or("a provider is no object")?;
    let mut settings = settings.iter().filter(|(_, setting)| !setting.is_null());
    match (settings.next(), settings.next()) {
        (Some((kind, setting)), None) => Ok((kind, setting)),
        (None, _) => Err("an entry of `providers` has no provider".into()),
        (Some((first, _)), Some((second, _))) => Err(format!("one entry with both {first} and {second}")),
    }
}

pub(crate) fn source(kind: &str, settings: &Value) -> Result<Box<dyn Source>, String> {
    match kind {
        "aescbc" => key_list(kind, 16, settings, |secret| AesCbcKey::from_base64(secret)),
        "aesgcm" => key_list(kind, 12, settings, |secret| AesGcmKey::from_base64(secret)),
        "secretbox" => key_list(kind, 24, settings, |secret| SecretboxKey::from_base64(secret)),
        _ => Ok(Box::new(Identity::as_apiserver())),
    }
}

fn key_list<C: KeyedCipher + Clone + 'static>(
    kind: &str,
    nonce_len: usize,
    settings: &Value,
    expand: impl Fn(&str) -> Result<C>,
) -> Result<Box<dyn Source>, String> {
    let raw = RawKeys::deserialize(settings).map_err(|error| format!("{kind}: {error}"))?;
    let first = raw.keys.first().ok_or_else(|| format!("{kind}: {}", Error::NoKey))?;
    let nonce_place = NoncePlace { at: format!("k8s:enc:{kind}:v1:{}:", first.name).len(), len: nonce_len };
    let keys = raw.keys.into_iter().map(|RawKey { name, secret }| match expand(&secret) {
        Ok(key) => Ok((name, key)),
        Err(error) => Err(format!("{kind}: key {name:?}: {error}")),
    });
    Ok(Box::new(KeyList { keys: keys.collect::<Result<_, String>>()?, nonce_place }))
}

impl<C: KeyedCipher + Clone + 'static> Source for KeyList<C> {
    fn shared(&self) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Keyed::new(self.keys.iter().cloned())?))
    }

    fn borrowed(&self) -> Result<Box<dyn Names + '_>> {
        let named = self.keys.iter().map(|(name, key)| NamedKey::new(name, key));
        Ok(Box::new(named.collect::<Result<Vec<_>>>()?))
    }

    fn nonce_place(&self) -> Option<NoncePlace> {
        Some(self.nonce_place)
    }
}

impl<C: KeyedCipher> Names for Vec<NamedKey<'_, C>> {
    fn provider(&self) -> Result<Box<dyn Provider + '_>> {
        Ok(Box::new(Keyed::borrowed(self)?))
    }
}

impl Source for Identity {
    fn shared(&self) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(*self))
    }

    fn borrowed(&self) -> Result<Box<dyn Names + '_>> {
        Ok(Box::new(*self))
    }

    fn nonce_place(&self) -> Option<NoncePlace> {
        None
    }
}

impl Names for Identity {
    fn provider(&self) -> Result<Box<dyn Provider + '_>> {
        Ok(Box::new(*self))
    }
}

impl From<&str> for NotConfigured {
    fn from(text: &str) -> Self {
        Self::Malformed(text.into())
    }
}

impl From<String> for NotConfigured {
    fn from(text: String) -> Self {
        Self::Malformed(text)
    }
}
