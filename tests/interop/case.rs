//! One random case: values sealed by both sides, damaged and not, opened by both sides.

use std::path::Path;
use std::sync::{Arc, RwLock};

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, AsyncTransformer, Identity, KmsClient, KmsEndpoint, KmsV1, KmsV1Client,
    KmsV2, LocalKek, Secretbox, SecretboxKey,
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::plan::{Dice, Keyed, Plan, Plugin, Spec, aad, forged, mutated, plaintext, socket, tail_flipped};
use crate::upstream::Upstream;

/// What all cases share.
pub(crate) struct World {
    pub(crate) upstream: Upstream,
    pub(crate) runtime: Runtime,
    pub(crate) folder: std::path::PathBuf,
    /// The KEK of our plugin.
    pub(crate) kek: Arc<RwLock<LocalKek>>,
    /// Upstream's plugin of the newer API.
    pub(crate) served: u64,
}

/// One configuration on both sides.
struct Pair {
    ours: AsyncTransformer,
    theirs: u64,
}

fn keyed(
    kind: Keyed,
    keys: &[(&'static str, Vec<u8>)],
    list: atrest::AsyncTransformerBuilder,
) -> atrest::AsyncTransformerBuilder {
    let keys = keys.iter();
    match kind {
        Keyed::AesCbc => {
            list.provider(AesCbc::new(keys.map(|(name, key)| (name, AesCbcKey::from_bytes(key).unwrap()))).unwrap())
        }
        Keyed::AesGcm => {
            list.provider(AesGcm::new(keys.map(|(name, key)| (name, AesGcmKey::from_bytes(key).unwrap()))).unwrap())
        }
        Keyed::Secretbox => list
            .provider(Secretbox::new(keys.map(|(name, key)| (name, SecretboxKey::from_bytes(key).unwrap()))).unwrap()),
    }
}

fn transformer(plan: &Plan, folder: &Path) -> AsyncTransformer {
    let endpoint = |plugin, api| KmsEndpoint::parse(&format!("unix://{}", socket(folder, plugin, api))).unwrap();
    let mut list = AsyncTransformer::builder();
    for spec in &plan.0 {
        list = match spec {
            Spec::Identity => list.provider(Identity::new()),
            Spec::Keyed(kind, keys) => keyed(*kind, keys, list),
            Spec::KmsV1(name, plugin) => {
                list.kms_v1(KmsV1::new(*name).unwrap().with_legacy_cbc(), KmsV1Client::new(endpoint(*plugin, "v1")))
            }
            Spec::KmsV2(name, plugin) => {
                list.kms_v2(KmsV2::new(*name).unwrap(), KmsClient::new(endpoint(*plugin, "v2")))
            }
        };
    }
    list.build().unwrap()
}

impl World {
    fn load(&mut self, plan: &Plan) -> Result<Pair, String> {
        let theirs = self.upstream.load(&plan.config(&self.folder));
        if !theirs.ok {
            return Err(format!("upstream does not load it: {}", theirs.error));
        }
        let ours = transformer(plan, &self.folder);
        for (index, checked) in self.runtime.block_on(ours.check()) {
            checked.map_err(|error| format!("provider {index}: {error:?}"))?;
        }
        Ok(Pair { ours, theirs: theirs.handle })
    }

    /// Seals on both sides; what was sealed, if it was.
    fn seal(&mut self, pair: &Pair, aad: &[u8], plaintext: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let theirs = self.upstream.seal(pair.theirs, aad, plaintext);
        let ours = self.runtime.block_on(pair.ours.seal(aad, plaintext));
        match (ours, theirs.ok) {
            (Ok(ours), true) if ours.len() == theirs.bytes().len() => Ok(vec![ours, theirs.bytes()]),
            (Err(_), false) => Ok(vec![]),
            (ours, _) => Err(format!("sealing: ours {ours:?}, upstream {theirs:?}")),
        }
    }

    fn open(&mut self, pair: &Pair, aad: &[u8], stored: &[u8]) -> Result<bool, String> {
        let theirs = self.upstream.open(pair.theirs, aad, stored);
        match self.runtime.block_on(pair.ours.open(aad, stored)) {
            Ok(opened) if theirs.ok && opened.plaintext() == theirs.bytes() && opened.is_stale() == theirs.stale => {
                Ok(true)
            }
            Err(_) if !theirs.ok => Ok(false),
            ours => {
                let ours = ours.map(|opened| (opened.plaintext().to_vec(), opened.is_stale()));
                Err(format!("opening {stored:02x?} with {aad:?}: ours {ours:?}, upstream {theirs:?}"))
            }
        }
    }

    fn rotate(&mut self, plan: &Plan, dice: &mut Dice) {
        for spec in &plan.0 {
            match spec {
                Spec::KmsV2(_, Plugin::Ours) if dice.one_in(4) => drop(self.kek.write().unwrap().rotate().unwrap()),
                Spec::KmsV2(_, Plugin::Upstream) if dice.one_in(4) => {
                    let id = format!("go-{}", dice.below(1 << 30));
                    self.upstream.ask(&json!({"op": "rotate", "handle": self.served, "key_id": id})).expect();
                }
                _ => {}
            }
        }
    }

    /// Runs the case of a seed; returns how many values opened, and how many did not.
    pub(crate) fn case(&mut self, seed: u64) -> Result<(usize, usize), String> {
        let mut dice = Dice::new(seed);
        let plan = Plan::random(&mut dice);
        let read_by = if dice.one_in(4) { plan.clone() } else { plan.varied(&mut dice) };
        self.compare(&plan, &read_by, &mut dice)
            .map_err(|why| format!("{why}\nwritten by {plan:?}\nread by {read_by:?}"))
    }

    fn compare(&mut self, plan: &Plan, read_by: &Plan, dice: &mut Dice) -> Result<(usize, usize), String> {
        let writer = self.load(plan)?;
        let mut values = Vec::new();
        for _ in 0..2 {
            let (aad, plaintext) = (aad(dice), plaintext(dice));
            values.extend(self.seal(&writer, aad, &plaintext)?.into_iter().map(|stored| (aad, stored)));
        }
        for (aad, stored) in &values {
            if !self.open(&writer, aad, stored)? {
                return Err(format!("{stored:02x?} with {aad:?} does not open for its writer"));
            }
        }
        self.upstream.close(writer.theirs);
        self.rotate(plan, dice);
        let sealed = values.clone();
        values.extend(sealed.iter().map(|(aad, stored)| (*aad, mutated(dice, stored))));
        values.extend(sealed.iter().map(|(_, stored)| (aad(dice), stored.clone())));
        values.extend((0..2).map(|_| (aad(dice), forged(dice))));
        let tries = if matches!(plan.0.first(), Some(Spec::KmsV1(..))) { 32 } else { 0 };
        for _ in 0..tries {
            values.extend(sealed.iter().map(|(aad, stored)| (*aad, tail_flipped(dice, stored))));
        }
        let reader = self.load(read_by)?;
        let mut counted = (0, 0);
        for (aad, stored) in &values {
            // Twice: the second time from what the first left in a cache.
            for _ in 0..2 {
                if self.open(&reader, aad, stored)? { counted.0 += 1 } else { counted.1 += 1 }
            }
        }
        self.upstream.close(reader.theirs);
        Ok(counted)
    }
}
