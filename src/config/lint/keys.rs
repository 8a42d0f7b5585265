//! Rules about keys.

use std::collections::{HashMap, HashSet};

use super::super::digest::SecretDigest;
use super::super::fault::Path;
use super::super::model::{KeyEntry, ResourceEntry};
use super::weakness::{is_example, is_weak};
use super::{Findings, LintRule};
use crate::kind::ProviderKind;

pub(super) fn lint(entries: &[ResourceEntry], findings: &mut Findings<'_>) {
    let root = Path::Root.field("resources");
    let mut kinds = HashMap::new();
    for (i, entry) in entries.iter().enumerate() {
        let path = root.element(i);
        let path = path.field("providers");
        for (j, provider) in entry.providers.iter().enumerate() {
            let kind = match provider.kind() {
                ProviderKind::AesCbc => "aescbc",
                ProviderKind::AesGcm => "aesgcm",
                _ => "secretbox",
            };
            let path = path.element(j);
            let path = path.field(kind);
            let path = path.field("keys");
            lint_list(provider.keys(), kind, &path, &mut kinds, findings);
        }
    }
}

fn lint_list(
    keys: &[KeyEntry],
    kind: &'static str,
    path: &Path<'_>,
    kinds: &mut HashMap<SecretDigest, &'static str>,
    findings: &mut Findings<'_>,
) {
    let mut names = HashSet::new();
    let mut secrets: HashMap<_, &str> = HashMap::new();
    for (i, key) in keys.iter().enumerate() {
        let path = path.element(i);
        let name_is_new = names.insert(key.name());
        if !name_is_new {
            findings.add(LintRule::KeyTwice, &path.field("name"));
        }
        let path = path.field("secret");
        let secret = key.secret().expose();
        let earlier_name = *secrets.entry(SecretDigest::of(secret)).or_insert(key.name());
        if earlier_name != key.name() {
            findings.add(LintRule::SecretUnderTwoNames, &path);
        }
        if *kinds.entry(SecretDigest::of(secret)).or_insert(kind) != kind {
            findings.add(LintRule::SecretInTwoCiphers, &path);
        }
        if is_example(secret) {
            findings.add(LintRule::ExampleKey, &path);
        } else if is_weak(secret) {
            findings.add(LintRule::WeakSecret, &path);
        }
    }
}
