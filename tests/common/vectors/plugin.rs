//! A scripted KMS plugin, as the recorder had it.
#![allow(clippy::std_instead_of_alloc)]

use core::sync::atomic::{AtomicBool, Ordering};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use atrest::{
    AsyncKek, Kek, KekError, KekFuture, KeySource, Random, RandomError, Refusal, SecretVec, Wrapped, WrappedDek,
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::case::Base64;

/// What a plugin answers. Clones are one plugin.
#[derive(Clone)]
pub(crate) struct Plugin(Arc<Script>);

struct Script {
    raw: RawPlugin,
    is_v1: bool,
    is_down: AtomicBool,
    wrapped: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawPlugin {
    unwrap: Vec<RawUnwrap>,
    status_key_id: String,
    encrypt_key_id: Option<String>,
    annotations_b64: BTreeMap<String, Base64>,
    encrypt_ciphertext_b64: Option<Base64>,
    seed: Option<bool>,
    down: bool,
    down_after_load: bool,
}

#[derive(Deserialize)]
struct RawUnwrap {
    ciphertext_b64: Base64,
    plaintext_b64: Base64,
}

impl Plugin {
    pub(crate) fn from_json(
        script: Option<&Value>,
        is_v1: bool,
        annotations: Vec<(String, Vec<u8>)>,
    ) -> Result<Self, String> {
        let mut raw = match script {
            Some(script) => RawPlugin::deserialize(script).map_err(|error| format!("kms: {error}"))?,
            None => RawPlugin::default(),
        };
        raw.annotations_b64.extend(annotations.into_iter().map(|(name, value)| (name, Base64(value))));
        let is_down = AtomicBool::new(raw.down);
        Ok(Self(Arc::new(Script { raw, is_v1, is_down, wrapped: Mutex::default() })))
    }

    /// Whether values are written under a seed, and not under the DEK itself.
    pub(crate) fn writes_seed(&self) -> bool {
        self.0.raw.seed.unwrap_or(true)
    }

    /// After the configuration was loaded and one status check was made.
    pub(crate) fn loaded(&self) {
        self.0.is_down.fetch_or(self.0.raw.down_after_load, Ordering::Relaxed);
    }

    /// The DEK that the recorder's write made, as the recorded answers tell it; any other where nothing was written.
    pub(crate) fn recorded_dek(&self) -> Recorded {
        let made_by_write = |pair: &&RawUnwrap| {
            pair.plaintext_b64.0.len() == 32 && self.ciphertext(&pair.plaintext_b64.0) == pair.ciphertext_b64.0
        };
        let pair = self.0.raw.unwrap.iter().find(made_by_write);
        Recorded(pair.map_or_else(|| vec![0x42; 32], |pair| pair.plaintext_b64.0.clone()))
    }

    fn encrypt_key_id(&self) -> &str {
        match &self.0.raw.encrypt_key_id {
            _ if self.0.is_v1 => "",
            Some(key_id) => key_id,
            None => &self.0.raw.status_key_id,
        }
    }

    fn ciphertext(&self, plaintext: &[u8]) -> Vec<u8> {
        if let Some(ciphertext) = &self.0.raw.encrypt_ciphertext_b64 {
            return ciphertext.0.clone();
        }
        let digest = Sha256::new().chain_update("wrap:").chain_update(self.encrypt_key_id());
        let digest = digest.chain_update(":").chain_update(plaintext).finalize();
        [b"wrapped-", &digest[..]].concat()
    }

    fn up(&self) -> Result<(), KekError> {
        if self.0.is_down.load(Ordering::Relaxed) { Err(Refusal::Unreachable.into()) } else { Ok(()) }
    }
}

impl Kek for Plugin {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.up()?;
        Ok(self.0.raw.status_key_id.as_str().into())
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.up()?;
        assert!(context.is_empty(), "Kubernetes' KMS has no context");
        let annotations = self.0.raw.annotations_b64.iter().map(|(name, value)| (name.clone(), value.0.clone()));
        let annotations = if self.0.is_v1 { BTreeMap::new() } else { annotations.collect() };
        let ciphertext = self.ciphertext(dek);
        if let Ok(mut wrapped) = self.0.wrapped.lock() {
            wrapped.push((ciphertext.clone(), dek.to_vec()));
        }
        Ok(Wrapped::new(self.encrypt_key_id(), ciphertext).with_annotations(annotations))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.up()?;
        let scripted = self.0.raw.unwrap.iter().find(|pair| pair.ciphertext_b64.0 == wrapped.bytes());
        let made_here = self.0.wrapped.lock().map_err(|_| Refusal::Unreachable)?;
        let made_here = made_here.iter().find(|(ciphertext, _)| ciphertext == wrapped.bytes()).map(|(_, dek)| dek);
        let dek = scripted.map(|pair| &pair.plaintext_b64.0).or(made_here).ok_or(Refusal::NotMine)?;
        SecretVec::from_slice(dek).map_err(|_| Refusal::Unreachable.into())
    }
}

/// Makes the DEK that the recorder's write made.
pub(crate) struct Recorded(Vec<u8>);

impl Random for Recorded {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if out.len() != self.0.len() {
            return Err(RandomError);
        }
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl KeySource for Recorded {}

/// At once.
impl AsyncKek for Plugin {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async { Kek::key_id(self).map(Cow::into_owned) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move { Kek::wrap_dek(self, dek, context) })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move { Kek::unwrap_dek(self, &wrapped) })
    }
}
