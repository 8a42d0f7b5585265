//! Random configurations and values, from a seed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Splitmix64: small, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyed {
    AesCbc,
    AesGcm,
    Secretbox,
}

/// The plugins that configurations name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plugin {
    Ours,
    Upstream,
}

#[derive(Clone, Debug)]
pub(crate) enum Spec {
    Keyed(Keyed, Vec<(&'static str, Vec<u8>)>),
    Identity,
    KmsV1(&'static str, Plugin),
    KmsV2(&'static str, Plugin),
}

/// The `providers` of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Plan(pub(crate) Vec<Spec>);

/// Names of which some are how others begin.
const KEY_NAMES: &[&str] = &["key1", "key", "key1:", "a", "a:b", "a:b:c", "ab", ":", "b", "é", "key2"];
const KMS_NAMES: &[&str] = &["vault", "vault2", "v"];
const KMS_V1_NAMES: &[&str] = &["vault", "vault:2", "v", "v:"];

impl Plan {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let mut plan = Self((0..1 + dice.below(4)).map(|_| spec(dice)).collect());
        plan.make_valid();
        plan
    }

    /// Nearly the same: in another order, with a provider or key more or less.
    pub(crate) fn varied(&self, dice: &mut Dice) -> Self {
        let mut plan = self.clone();
        match dice.below(5) {
            0 if plan.0.len() > 1 => drop(plan.0.remove(dice.below(plan.0.len()))),
            1 if plan.0.len() < 4 => plan.0.insert(dice.below(plan.0.len() + 1), spec(dice)),
            _ => dice.shuffle(&mut plan.0),
        }
        for provider in &mut plan.0 {
            if let Spec::Keyed(kind, keys) = provider {
                match dice.below(4) {
                    0 if keys.len() > 1 => drop(keys.remove(dice.below(keys.len()))),
                    1 if keys.len() < 4 => keys.insert(dice.below(keys.len() + 1), key(dice, *kind)),
                    2 => dice.shuffle(keys),
                    _ => {}
                }
            }
        }
        plan.make_valid();
        plan
    }

    /// A name of KMS v2 must not be that of any KMS before it.
    fn make_valid(&mut self) {
        let mut taken = Vec::new();
        self.0.retain(|spec| match *spec {
            Spec::KmsV2(name, _) if taken.contains(&name) => false,
            Spec::KmsV1(name, _) | Spec::KmsV2(name, _) => {
                taken.push(name);
                true
            }
            _ => true,
        });
    }

    pub(crate) fn config(&self, folder: &Path) -> Value {
        let providers: Vec<_> = self.0.iter().map(|spec| provider(spec, folder)).collect();
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": ["secrets"], "providers": providers}],
        })
    }
}

fn spec(dice: &mut Dice) -> Spec {
    let plugin = dice.pick(&[Plugin::Ours, Plugin::Upstream]);
    match dice.below(11) {
        0 => Spec::Identity,
        1 => Spec::KmsV1(dice.pick(KMS_V1_NAMES), plugin),
        2 | 3 => Spec::KmsV2(dice.pick(KMS_NAMES), plugin),
        _ => {
            let kind = dice.pick(&[Keyed::AesCbc, Keyed::AesGcm, Keyed::Secretbox]);
            Spec::Keyed(kind, (0..1 + dice.below(4)).map(|_| key(dice, kind)).collect())
        }
    }
}

/// One of few keys under one of few names, so that they meet again.
fn key(dice: &mut Dice, kind: Keyed) -> (&'static str, Vec<u8>) {
    let name = dice.pick(KEY_NAMES);
    let len = if kind == Keyed::Secretbox { 32 } else { dice.pick(&[16, 24, 32]) };
    (name, vec![u8::try_from(dice.below(3)).unwrap(); len])
}

/// Where a plugin listens, by the API version that is spoken.
pub(crate) fn socket(folder: &Path, plugin: Plugin, api: &str) -> String {
    let name = match plugin {
        Plugin::Ours => "ours.sock".to_owned(),
        Plugin::Upstream => format!("upstream-{api}.sock"),
    };
    folder.join(name).to_str().unwrap().to_owned()
}

fn provider(spec: &Spec, folder: &Path) -> Value {
    let kms = |api: &str, name: &str, plugin| {
        let endpoint = format!("unix://{}", socket(folder, plugin, api));
        json!({"kms": {"apiVersion": api, "name": name, "endpoint": endpoint}})
    };
    match spec {
        Spec::Identity => json!({"identity": {}}),
        Spec::KmsV1(name, plugin) => kms("v1", name, *plugin),
        Spec::KmsV2(name, plugin) => kms("v2", name, *plugin),
        Spec::Keyed(kind, keys) => {
            let keys = keys.iter().map(|(name, key)| json!({"name": name, "secret": STANDARD.encode(key)}));
            let kind = match kind {
                Keyed::AesCbc => "aescbc",
                Keyed::AesGcm => "aesgcm",
                Keyed::Secretbox => "secretbox",
            };
            json!({kind: {"keys": keys.collect::<Vec<_>>()}})
        }
    }
}

const AADS: &[&[u8]] = &[b"/registry/secrets/default/a", b"/registry/secrets/default/b", b"x", b""];

pub(crate) fn aad(dice: &mut Dice) -> &'static [u8] {
    // An empty one is refused by half of the providers; the others are of more use.
    if dice.one_in(8) { b"" } else { AADS[dice.below(3)] }
}

pub(crate) fn plaintext(dice: &mut Dice) -> Vec<u8> {
    let len = dice.pick(&[0, 1, 4, 15, 16, 17, 20, 31, 32, 33, 64, 255, 256, 1000]);
    dice.bytes(len)
}

/// A value as someone might have damaged it.
pub(crate) fn mutated(dice: &mut Dice, stored: &[u8]) -> Vec<u8> {
    let mut stored = stored.to_vec();
    let at = dice.below(stored.len() + 1);
    match dice.below(7) {
        0 => stored.truncate(at),
        1 => stored.extend(dice.bytes(1 + at % 20)),
        2 if at < stored.len() => drop(stored.remove(at)),
        3 => stored.insert(at, b':'),
        // Behind the prefix, where it hits nonce, length fields, tag or padding.
        4 if !stored.is_empty() => {
            let last = stored.len() - 1;
            stored[last] ^= 1 << dice.below(8);
        }
        _ if at < stored.len() => stored[at] ^= 1 << dice.below(8),
        _ => {}
    }
    stored
}

/// A value with a bit flipped in its last two blocks. Of KMS v1, one in 256 of the right length opens as AES-CBC then.
pub(crate) fn tail_flipped(dice: &mut Dice, stored: &[u8]) -> Vec<u8> {
    let mut stored = stored.to_vec();
    let back = dice.below(stored.len().min(32));
    if let Some(byte) = stored.iter_mut().rev().nth(back) {
        *byte ^= 1 << dice.below(8);
    }
    stored
}

/// A value that nobody wrote.
pub(crate) fn forged(dice: &mut Dice) -> Vec<u8> {
    let prefixes =
        ["", "plain", "k8s:enc:", "k8s:enc:aescbc:v1:", "k8s:enc:aesgcm:v1:key1:", "k8s:enc:secretbox:v1:a:"];
    let more = ["k8s:enc:kms:v1:vault:", "k8s:enc:kms:v2:vault:", "k8s:enc:aescbc:v1:key1:", "k8s:enc:kms:v3:vault:"];
    let prefix = if dice.one_in(2) { dice.pick(&prefixes) } else { dice.pick(&more) };
    let len = dice.pick(&[0, 1, 2, 12, 15, 16, 17, 24, 28, 32, 40, 48, 64, 100]);
    [prefix.as_bytes(), &dice.bytes(len)].concat()
}
