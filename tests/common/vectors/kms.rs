//! Cases whose list names a KMS: run step by step and by the driver, which must agree.
#![allow(clippy::std_instead_of_alloc)]

use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::Arc;

use atrest::{
    BlockingTransformer, BlockingTransformerBuilder, CacheLimits, Clock, DekCache, DekLimits, DekSourceKind,
    EncryptedObject, EnvelopeTransformer, EnvelopeTransformerBuilder, Error, Kek, KmsState, KmsV1, KmsV2, OsRandom,
    Result, SealStep, Step, Time,
};
use serde::Deserialize;
use serde_json::Value;

use super::case::{Case, Task};
use super::judge::judge;
use super::lists::{NoncePlace, only_setting, source};
use super::observe::{Sealed, Subject, Verdict, verdict};
use super::plugin::Plugin;
use super::scripted_nonce::ScriptedNonce;

const NOW: Time = Time::new(Duration::from_secs(1));

/// The drivers' clock: keys that were loaded stay as new as they are for the steps, however long the cases take.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Time {
        NOW
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawKms {
    name: String,
    api_version: Option<String>,
    cachesize: Option<i64>,
}

/// The providers of a case, listed for each of the ways to use them.
#[derive(Default)]
struct Lists {
    steps: EnvelopeTransformerBuilder<'static>,
    driver: BlockingTransformerBuilder,
    /// Another driver with plugins of its own, whose random DEKs the others never meet.
    writer: BlockingTransformerBuilder,
    /// By index; `None` for those that hold their keys.
    plugins: Vec<Option<Plugin>>,
    writers_plugins: Vec<Plugin>,
    v2: Vec<(Arc<KmsV2>, Plugin)>,
    nonce: Option<Nonce>,
}

/// Where the first provider puts its nonce.
#[derive(Clone)]
enum Nonce {
    Static(Option<NoncePlace>),
    /// Behind the wrapped DEK.
    V1 {
        prefix_len: usize,
    },
    /// At the start of the data, which is the object's first field.
    V2 {
        prefix_len: usize,
        len: usize,
    },
}

/// Runs a case, or tells what differed.
pub(crate) fn check(json: &Value) -> Result<(), String> {
    let malformed = |error: String| format!("malformed: {error}");
    let providers = json["providers"].as_array().ok_or("malformed: no providers")?;
    let case = Case::from_json(json).map_err(malformed)?;
    let written = match &case.task {
        Task::Read { stored, written_by_go: true, .. } => Some(stored.as_slice()),
        _ => None,
    };
    let mut lists = Lists::default();
    for provider in providers {
        let (kind, settings) = only_setting(provider).map_err(malformed)?;
        lists = match kind {
            "kms" => lists.with_kms(settings, &json["kms"], written).map_err(malformed)?,
            _ => lists.with_static(kind, settings).map_err(malformed)?,
        };
    }
    let place = lists.nonce.as_ref().and_then(|nonce| nonce.place(&case));
    judge(&lists.build().map_err(|error| malformed(error.to_string()))?, &case, place).map(|_| ())
}

impl Lists {
    fn with_static(mut self, kind: &str, settings: &Value) -> Result<Self, String> {
        let source = source(kind, settings)?;
        let provider = || source.shared().map_err(|error| error.to_string());
        self.nonce.get_or_insert(Nonce::Static(source.nonce_place()));
        self.steps = self.steps.shared_provider(provider()?);
        self.driver = self.driver.shared_provider(provider()?);
        self.writer = self.writer.shared_provider(provider()?);
        self.plugins.push(None);
        Ok(self)
    }

    fn with_kms(mut self, settings: &Value, scripts: &Value, written: Option<&[u8]>) -> Result<Self, String> {
        let raw = RawKms::deserialize(settings).map_err(|error| format!("kms: {error}"))?;
        let is_v1 = raw.api_version.as_deref().is_none_or(|version| version == "v1");
        let annotations = if is_v1 { Vec::new() } else { recorded_annotations(written, &raw.name) };
        let plugin = || Plugin::from_json(scripts.get(&raw.name), is_v1, annotations.clone());
        let (plugin, writers_plugin) = (plugin()?, plugin()?);
        if is_v1 {
            let provider = || v1(&raw).map_err(|error| error.to_string());
            self.nonce.get_or_insert(Nonce::V1 { prefix_len: "k8s:enc:kms:v1::".len() + raw.name.len() });
            self.steps = self.steps.wrapped(provider()?);
            self.driver = self.driver.kms_v1(provider()?, plugin.clone());
            self.writer = self.writer.kms_v1(provider()?, writers_plugin.clone());
        } else {
            let len = if plugin.writes_seed() { 44 } else { 12 };
            self.nonce.get_or_insert(Nonce::V2 { prefix_len: "k8s:enc:kms:v2::".len() + raw.name.len(), len });
            let v2 = || v2(&raw.name, &plugin).map_err(|error| error.to_string());
            let (by_steps, by_driver, by_writer) = (v2()?, v2()?, v2()?);
            self.v2.extend([&by_steps, &by_driver].map(|provider| (Arc::clone(provider), plugin.clone())));
            self.v2.push((Arc::clone(&by_writer), writers_plugin.clone()));
            self.steps = self.steps.shared_wrapped(by_steps);
            self.driver = self.driver.kms_v2(by_driver, plugin.clone());
            self.writer = self.writer.kms_v2(by_writer, writers_plugin.clone());
        }
        self.writers_plugins.push(writers_plugin);
        self.plugins.push(Some(plugin));
        Ok(self)
    }

    fn build(self) -> Result<Kms> {
        for (provider, plugin) in &self.v2 {
            // A status check that fails leaves the state as it was; the cases tell what follows.
            let _ = load(provider, plugin);
        }
        self.plugins.iter().flatten().chain(&self.writers_plugins).for_each(Plugin::loaded);
        Ok(Kms {
            transformer: self.steps.build()?,
            driver: self.driver.clock(Stopped).build()?,
            writer: self.writer.clock(Stopped).build()?,
            plugins: self.plugins,
            nonce: self.nonce,
        })
    }
}

/// A KMS v2 value with its annotations, fields 4 of the object, sorted by name, which upstream has in any order. Every
/// field but the last, the type, is a length and bytes.
fn sorted_annotations(stored: &[u8], prefix_len: usize) -> Option<Vec<u8>> {
    let (prefix, mut rest) = stored.split_at_checked(prefix_len)?;
    let (mut others, mut annotations) = (prefix.to_vec(), Vec::new());
    while let Some(&tag) = rest.first().filter(|&&tag| tag & 7 == 2) {
        let header = 2 + rest.get(1..)?.iter().position(|byte| byte & 0x80 == 0)?;
        let len = rest.get(1..header)?.iter().rev().fold(0, |len, byte| len << 7 | usize::from(byte & 0x7f));
        let (field, next) = rest.split_at_checked(header + len)?;
        if tag == 4 << 3 | 2 {
            let name_len = usize::from(*field.get(header + 1)?);
            annotations.push((field.get(header + 2..header + 2 + name_len)?, field));
        } else {
            others.extend_from_slice(field);
        }
        rest = next;
    }
    annotations.sort_unstable();
    others.extend(annotations.into_iter().flat_map(|(_, field)| field));
    Some([&others, rest].concat())
}

/// The annotations that the plugin answered when upstream wrote a value; only the value itself tells them.
fn recorded_annotations(written: Option<&[u8]>, name: &str) -> Vec<(String, Vec<u8>)> {
    let prefix = format!("k8s:enc:kms:v2:{name}:");
    let object = written.and_then(|stored| stored.strip_prefix(prefix.as_bytes()));
    let object = object.and_then(|object| EncryptedObject::parse(object).ok());
    let annotations = object.iter().flat_map(|object| object.annotations());
    annotations.map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

fn v1(raw: &RawKms) -> Result<KmsV1> {
    let cache = match raw.cachesize.unwrap_or(1000) {
        ..0 => DekCache::disabled(),
        size => {
            let entries = usize::try_from(size).ok().and_then(NonZeroUsize::new).ok_or(Error::TooLong)?;
            DekCache::new(CacheLimits::new(entries, Duration::MAX))
        }
    };
    Ok(KmsV1::new(&raw.name)?.with_cache(cache).with_legacy_cbc())
}

fn v2(name: &str, plugin: &Plugin) -> Result<Arc<KmsV2>> {
    let kind = if plugin.writes_seed() { DekSourceKind::Seed } else { DekSourceKind::AesGcmKey };
    KmsV2::with_state(name, KmsState::new(kind, DekLimits::NIST)).map(Arc::new)
}

/// The status check at load, with the seed that the recorder's write had.
fn load(provider: &KmsV2, plugin: &Plugin) -> Result<()> {
    let key_id = Kek::key_id(plugin).map_err(|error| error.refusal())?;
    if let Some(rotation) = provider.check(&mut plugin.recorded_dek(), NOW, &key_id)? {
        let answer = Kek::wrap_dek(plugin, rotation.expose_dek(), &[]).map_err(|error| error.refusal())?;
        provider.complete(NOW, rotation, answer)?;
    }
    Ok(())
}

impl Nonce {
    fn place(&self, case: &Case) -> Option<NoncePlace> {
        let stored = match &case.task {
            Task::Read { stored, written_by_go: true, .. } => stored,
            // Nothing is compared with it; only its length matters.
            _ => return self.any_place(),
        };
        match *self {
            Self::Static(place) => place,
            Self::V1 { prefix_len } => {
                let wrapped_len = stored.get(prefix_len..)?.first_chunk().map(|len| u16::from_be_bytes(*len))?;
                Some(NoncePlace { at: prefix_len + 2 + usize::from(wrapped_len), len: 12 })
            }
            Self::V2 { prefix_len, len } => {
                let header = stored.get(prefix_len + 1..)?.iter().position(|byte| byte & 0x80 == 0)?;
                Some(NoncePlace { at: prefix_len + 2 + header, len })
            }
        }
    }

    fn any_place(&self) -> Option<NoncePlace> {
        match *self {
            Self::Static(place) => place,
            Self::V1 { .. } => Some(NoncePlace { at: 0, len: 12 }),
            Self::V2 { len, .. } => Some(NoncePlace { at: 0, len }),
        }
    }
}

struct Kms {
    transformer: EnvelopeTransformer<'static>,
    driver: BlockingTransformer,
    writer: BlockingTransformer,
    plugins: Vec<Option<Plugin>>,
    nonce: Option<Nonce>,
}

impl Kms {
    fn plugin(&self, index: usize) -> Result<&Plugin, String> {
        self.plugins.get(index).and_then(Option::as_ref).ok_or_else(|| "asked for a provider without KMS".into())
    }

    fn open_by_steps(&self, aad: &[u8], stored: &[u8]) -> Result<Verdict, String> {
        let mut out = vec![0xee; self.transformer.open_len_max(aad, stored)];
        let mut step = self.transformer.open_into(NOW, aad, stored, &mut out);
        loop {
            let pending = match step {
                Ok(Step::Ready(opened)) => return Ok(verdict(&opened, opened.plaintext_in(&out))),
                Ok(Step::Unwrap(pending)) => pending,
                Err(error) if out.iter().all(|&byte| byte == 0) => return Ok(Verdict::Refused(error)),
                Err(error) => return Err(format!("refused ({error}) with something left in the output")),
            };
            let plugin = self.plugin(pending.provider_index())?;
            step = match Kek::unwrap_dek(plugin, &pending.request()) {
                Ok(dek) => pending.answer(NOW, &dek, &mut out),
                Err(error) => pending.refuse(NOW, error.refusal(), &mut out),
            };
        }
    }
}

impl Subject for Kms {
    fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Verdict, String> {
        let by_steps = self.open_by_steps(aad, stored)?;
        // By now DEKs are at hand.
        let again = self.open_by_steps(aad, stored)?;
        let by_driver = match self.driver.open(aad, stored) {
            Ok(opened) => verdict(&opened, opened.plaintext()),
            Err(error) => Verdict::Refused(error.error()),
        };
        if by_steps == again && by_steps == by_driver {
            Ok(by_steps)
        } else {
            Err(format!("opened by steps {by_steps:?}, again {again:?}, by the driver {by_driver:?}"))
        }
    }

    fn sorted(&self, stored: &[u8]) -> Vec<u8> {
        match self.nonce {
            Some(Nonce::V2 { prefix_len, .. }) => sorted_annotations(stored, prefix_len).unwrap_or_default(),
            _ => stored.to_vec(),
        }
    }

    fn seal(&self, nonce: Option<&[u8]>, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, String> {
        let plugin = self.plugins.first().and_then(Option::as_ref);
        let step = match plugin {
            Some(plugin) => self.transformer.seal(&mut plugin.recorded_dek(), NOW, aad, plaintext.len()),
            None => self.transformer.seal(&mut OsRandom, NOW, aad, plaintext.len()),
        };
        let plan = step.and_then(|step| match (step, plugin) {
            (SealStep::Wrap(pending), Some(plugin)) => {
                let answer = Kek::wrap_dek(plugin, pending.expose_dek(), pending.context());
                pending.answer(NOW, answer.map_err(|error| error.refusal())?)
            }
            (SealStep::Ready(plan), _) => Ok(plan),
            (SealStep::Wrap(_), None) => Err(Error::DekNotAtHand),
        });
        let mut rng = ScriptedNonce::new(nonce);
        let sealed = plan.and_then(|plan| plan.seal_to_vec(&mut rng, plaintext));
        let by_driver = self.writer.seal(aad, plaintext).map_err(|error| error.error());
        match (&sealed, &by_driver) {
            (Ok(sealed), Ok(by_driver)) if sealed.len() == by_driver.len() && rng.is_used_up() => {
                let reopened = self.writer.open(aad, by_driver);
                let same = reopened.as_ref().is_ok_and(|opened| opened.plaintext() == plaintext);
                let is_identity = matches!(self.nonce, Some(Nonce::Static(None)));
                if !same && !is_identity {
                    return Err(format!("what the driver wrote opened as {:?}", reopened.err()));
                }
            }
            (Err(error), Err(other)) if error == other => {}
            _ => return Err(format!("steps and driver differ, the latter with {:?}", by_driver.err())),
        }
        Ok(sealed)
    }
}
