//! Every rule for the values of a configuration. Format document: 5.2 and 5.3. Kubernetes:
//! `apiserver/validation/validation_encryption.go`.

mod keys;
mod kms;
mod resources;

use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::fault::{Faults, Path};
use super::model::{ProviderEntry, ResourceEntry};
use super::raw::{At, RawConfiguration, RawEntry, RawProvider};

use kms::KmsNames;

/// Checks all values; what is returned is whole only if no fault was found.
pub(super) fn validate(raw: RawConfiguration, reload: bool, faults: &mut Faults) -> Vec<ResourceEntry> {
    let path = Path::Root.field("resources");
    if raw.entries.value.is_empty() {
        faults.add(&path, raw.entries.place, "no resources", "list at least one element with resources and providers");
    }
    let mut names = KmsNames::new(reload);
    let entries = raw.entries.value.into_iter().enumerate();
    entries.map(|(i, entry)| check_entry(entry, &path.element(i), &mut names, faults)).collect()
}

fn check_entry(entry: At<RawEntry>, path: &Path<'_>, names: &mut KmsNames, faults: &mut Faults) -> ResourceEntry {
    let RawEntry { resources, providers } = entry.value;
    resources::check(&resources, &path.field("resources"), faults);
    let path = path.field("providers");
    if providers.value.is_empty() {
        faults.add(&path, providers.place.or(entry.place), "no providers", "list at least one provider");
    }
    let checked = providers.value.into_iter().enumerate();
    let providers = checked.filter_map(|(i, provider)| check_provider(provider, &path.element(i), names, faults));
    let providers = providers.collect();
    let (names, places) = resources.value.iter().map(|name| (name.value.to_string(), name.place)).unzip();
    ResourceEntry { resources: names, providers, places }
}

fn check_provider(
    provider: At<RawProvider>,
    path: &Path<'_>,
    names: &mut KmsNames,
    faults: &mut Faults,
) -> Option<ProviderEntry> {
    const KINDS: &str = "give each list element one of aescbc, aesgcm, secretbox, identity: {} and kms";
    let RawProvider { aesgcm, aescbc, secretbox, identity, kms } = provider.value;
    let given = [aesgcm.is_some(), aescbc.is_some(), secretbox.is_some(), identity, kms.is_some()];
    match given.into_iter().filter(|&given| given).count() {
        0 => faults.add(path, provider.place, "no provider", KINDS),
        1 => {}
        // Upstream prints the whole element here, secrets and all.
        _ => faults.add(path, provider.place, "several providers in one list element", KINDS),
    }
    Some(if let Some(kms) = kms {
        ProviderEntry::Kms(kms::check(kms, &path.field("kms"), names, faults)?)
    } else if let Some(keys) = aesgcm {
        ProviderEntry::AesGcm(keys::check(&keys, keys::AES, &path.field("aesgcm"), faults))
    } else if let Some(keys) = aescbc {
        ProviderEntry::AesCbc(keys::check(&keys, keys::AES, &path.field("aescbc"), faults))
    } else if let Some(keys) = secretbox {
        ProviderEntry::Secretbox(keys::check(&keys, keys::SECRETBOX, &path.field("secretbox"), faults))
    } else {
        ProviderEntry::Identity
    })
}
