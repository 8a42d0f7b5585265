//! From a valid configuration to a transformer for each resource. Format document: 1.3 and 5.4. Kubernetes:
//! `encryptionconfig/config.go`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::collections::HashMap;

use super::digest::SecretDigest;
use super::fault::{Faults, Path};
use super::model::{KeyEntry, ProviderEntry, ResourceEntry};
use super::resource::GroupResource;
use crate::cipher::{AesCbcKey, AesGcmKey, SecretboxKey};
use crate::error::Result;
use crate::provider::{Identity, Keyed, KeyedCipher, Provider};
use crate::transformer::Transformer;

/// Providers of all resources together, each counted once for every resource that has it.
const PROVIDERS_MAX: usize = 1_000_000;

/// One provider of a rule, made once and shared by all resources of its entry.
#[derive(Clone)]
pub(super) enum Element {
    /// It needs nobody else.
    Static(Arc<dyn Provider>),
    /// It needs a connection to a KMS plugin: the index of the request for it.
    Kms(usize),
}

/// What applies to a resource, or to those that a wildcard covers.
pub(super) struct Rule {
    pub(super) elements: Vec<Element>,
    /// `None` if an element needs a KMS plugin.
    transformer: Option<Transformer<'static>>,
    /// Where the first entry of the file names it.
    first: (usize, usize),
}

/// A transformer for each resource that is named.
pub(super) struct Rules(BTreeMap<GroupResource, Rule>);

/// The resource's providers include a KMS plugin, and the transformer of static providers cannot ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsRequired {
    requests: Vec<usize>,
}

impl KmsRequired {
    /// Indexes of the requests in [`EncryptionConfiguration::kms`](crate::EncryptionConfiguration::kms).
    #[must_use]
    pub fn requests(&self) -> &[usize] {
        &self.requests
    }
}

impl fmt::Display for KmsRequired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the resource needs {} connections to KMS plugins", self.requests.len())
    }
}

impl core::error::Error for KmsRequired {}

/// Upstream's identity for a resource that no rule names, which is in no list.
static UNCONFIGURED: Transformer<'static> = Transformer::bare(&const { Identity::as_apiserver() });

impl Rules {
    /// The rule for a resource: its own, else that of its group, else that of everything.
    pub(super) fn get(&self, resource: &str) -> Option<&Rule> {
        GroupResource::parse(resource).find(&self.0)
    }

    /// The elements of every rule.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&GroupResource, &[Element])> {
        self.0.iter().map(|(resource, rule)| (resource, rule.elements.as_slice()))
    }

    pub(super) fn transformer(&self, resource: &str) -> Result<&Transformer<'static>, KmsRequired> {
        let Some(rule) = self.get(resource) else { return Ok(&UNCONFIGURED) };
        rule.transformer.as_ref().ok_or_else(|| {
            let request = |element: &Element| if let Element::Kms(request) = element { Some(*request) } else { None };
            KmsRequired { requests: rule.elements.iter().filter_map(request).collect() }
        })
    }

    /// All resources that are named, as upstream prints and sorts them.
    pub(super) fn resources(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    }
}

/// Makes the rules of all entries, in the file's order; what is returned is whole only if no fault was found.
pub(super) fn build(entries: &[ResourceEntry], faults: &mut Faults) -> Rules {
    let mut makers = Makers::default();
    let mut rules = Rules(BTreeMap::new());
    if entries.iter().map(|entry| entry.resources.len().saturating_mul(entry.providers.len())).sum::<usize>()
        > PROVIDERS_MAX
    {
        let advice = "give all resources together no more than 1,000,000";
        faults.add(&Path::Root.field("resources"), None, "the resources have too many providers", advice);
        return rules;
    }
    for (i, entry) in entries.iter().enumerate() {
        let elements = entry.providers.iter().map(|provider| makers.element(provider));
        match elements.collect::<Result<Vec<_>>>() {
            Ok(elements) => add_rules(&mut rules, entry, i, &elements, faults),
            Err(error) => {
                let path = Path::Root.field("resources");
                faults.add(&path.element(i), None, error.to_string(), "try again with more memory");
            }
        }
    }
    for rule in rules.0.values_mut() {
        rule.transformer = transformer(&rule.elements);
    }
    rules
}

fn add_rules(rules: &mut Rules, entry: &ResourceEntry, index: usize, elements: &[Element], faults: &mut Faults) {
    let path = Path::Root.field("resources");
    let path = path.element(index);
    let path = path.field("resources");
    for (i, name) in entry.resources.iter().enumerate() {
        let resource = GroupResource::parse(name);
        let masks = [resource.whole_group(), GroupResource::everything()];
        if let Some(Rule { first: (earlier, name), .. }) = masks.iter().find_map(|mask| rules.0.get(mask)) {
            let problem = format!("the wildcard of resources[{earlier}].resources[{name}] masks this resource");
            let advice = "put the wildcard's element behind this one, or remove this one";
            let place = entry.places.get(i).copied().flatten();
            faults.add(&path.element(i), place, problem, advice);
        }
        let new = || Rule { elements: Vec::new(), transformer: None, first: (index, i) };
        // A resource that was named before has both lists, one behind the other.
        rules.0.entry(resource).or_insert_with(new).elements.extend_from_slice(elements);
    }
}

/// The transformer of a rule whose elements are all static.
fn transformer(elements: &[Element]) -> Option<Transformer<'static>> {
    let mut builder = Transformer::builder();
    for element in elements {
        builder = match element {
            Element::Static(provider) => builder.shared_provider(Arc::clone(provider)),
            Element::Kms(_) => return None,
        };
    }
    builder.build().ok()
}

/// What is shared while the elements are made.
#[derive(Default)]
struct Makers {
    kms_requests: usize,
    /// The keys of AES-GCM by the digest of their secret: a key that is listed twice has one budget of seals.
    aesgcm_keys: HashMap<SecretDigest, AesGcmKey>,
}

impl Makers {
    fn element(&mut self, provider: &ProviderEntry) -> Result<Element> {
        Ok(Element::Static(match provider {
            ProviderEntry::Identity => Arc::new(Identity::as_apiserver()),
            ProviderEntry::AesCbc(keys) => Arc::new(keyed(keys, AesCbcKey::from_bytes)?),
            ProviderEntry::AesGcm(keys) => Arc::new(keyed(keys, |secret| self.aesgcm_key(secret))?),
            ProviderEntry::Secretbox(keys) => Arc::new(keyed(keys, SecretboxKey::from_bytes)?),
            ProviderEntry::Kms(_) => {
                self.kms_requests += 1;
                return Ok(Element::Kms(self.kms_requests - 1));
            }
        }))
    }

    fn aesgcm_key(&mut self, secret: &[u8]) -> Result<AesGcmKey> {
        let digest = SecretDigest::of(secret);
        if let Some(key) = self.aesgcm_keys.get(&digest) {
            return Ok(key.clone());
        }
        let key = AesGcmKey::from_bytes(secret)?;
        self.aesgcm_keys.insert(digest, key.clone());
        Ok(key)
    }
}

fn keyed<C: KeyedCipher>(keys: &[KeyEntry], mut expand: impl FnMut(&[u8]) -> Result<C>) -> Result<Keyed<'static, C>> {
    let keys: Result<Vec<_>> = keys.iter().map(|key| Ok((&key.name, expand(key.secret.expose())?))).collect();
    Keyed::new(keys?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_aesgcm_has_one_budget_wherever_it_is_listed() {
        let mut makers = Makers::default();
        let mut left = |secret: [u8; 32], set: Option<u32>| {
            let key = makers.aesgcm_key(&secret)?;
            set.into_iter().for_each(|seals| key.set_seals_left(seals));
            Ok::<_, crate::Error>(key.seals_left())
        };
        let full = left([1; 32], None);
        assert_eq!(left([1; 32], Some(5)), Ok(5));
        assert_eq!(left([1; 32], None), Ok(5));
        assert_eq!(left([2; 32], None), full);
    }
}
