//! Rules about providers and resources.

use alloc::string::String;
use alloc::vec::Vec;
use std::collections::{HashMap, HashSet};

use super::super::fault::Path;
use super::super::model::{ProviderEntry, ResourceEntry};
use super::super::resource::GroupResource;
use super::{Findings, LintRule};
use crate::kind::ProviderKind;

pub(super) fn lint(entries: &[ResourceEntry], findings: &mut Findings<'_>) {
    let root = Path::Root.field("resources");
    let mut seen = Seen::default();
    let reads_plaintext = plaintext_readers(entries);
    for (i, entry) in entries.iter().enumerate() {
        let path = root.element(i);
        let parsed: Vec<_> = entry.resources.iter().map(|name| GroupResource::parse(name)).collect();
        let mut writes = false;
        let mut lacks_identity = false;
        for (j, resource) in parsed.iter().enumerate() {
            let path = path.field("resources");
            let path = path.element(j);
            if seen.masks(resource) {
                findings.add(LintRule::MaskingRule, &path);
            }
            if seen.resources.contains(resource) {
                findings.add(LintRule::ResourceTwice, &path);
            } else {
                writes = true;
                lacks_identity |= !reads_plaintext.contains(resource);
            }
        }
        parsed.into_iter().for_each(|resource| seen.add(resource));
        let path = path.field("providers");
        if lacks_identity {
            findings.add(LintRule::NoIdentity, &path);
        }
        lint_providers(&entry.providers, writes, &path, findings);
    }
}

fn lint_providers(providers: &[ProviderEntry], writes: bool, path: &Path<'_>, findings: &mut Findings<'_>) {
    for (i, provider) in providers.iter().enumerate() {
        let is_writer = writes && i == 0;
        match provider.kind() {
            ProviderKind::Identity if is_writer => findings.add(LintRule::IdentityFirst, &path.element(i)),
            ProviderKind::AesCbc if is_writer => findings.add(LintRule::AesCbcWrites, &path.element(i)),
            ProviderKind::KmsV1 => findings.add(LintRule::KmsV1, &path.element(i)),
            _ => {}
        }
    }
}

/// The resources of which some element has identity.
fn plaintext_readers(entries: &[ResourceEntry]) -> HashSet<GroupResource> {
    let reads = |entry: &&ResourceEntry| entry.providers.iter().any(|p| matches!(p, ProviderEntry::Identity));
    entries.iter().filter(reads).flat_map(|entry| &entry.resources).map(|name| GroupResource::parse(name)).collect()
}

/// The resources of earlier elements.
#[derive(Default)]
struct Seen {
    resources: HashSet<GroupResource>,
    /// How many of each group there are.
    groups: HashMap<String, usize>,
}

impl Seen {
    fn add(&mut self, resource: GroupResource) {
        *self.groups.entry(resource.group.clone()).or_default() += 1;
        self.resources.insert(resource);
    }

    /// Whether one of them is covered by this wildcard.
    fn masks(&self, wildcard: &GroupResource) -> bool {
        wildcard.is_everything() && !self.resources.is_empty()
            || wildcard.resource == "*" && self.groups.contains_key(&wildcard.group)
    }
}
