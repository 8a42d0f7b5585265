//! What a configuration means, in a form that can be compared.

use atrest::{KeyEntry, ProviderEntry, ResourceEntry};

/// All resources, providers, names, secrets and settings of entries, in their order.
pub fn meaning(entries: &[ResourceEntry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            let providers: Vec<_> = entry.providers().iter().map(provider).collect();
            format!("{:?} {providers:?}", entry.resources())
        })
        .collect()
}

fn provider(provider: &ProviderEntry) -> String {
    let key = |key: &KeyEntry| format!("{:?} {:?}", key.name(), key.secret().expose());
    let keys: Vec<_> = provider.keys().iter().map(key).collect();
    match provider {
        ProviderEntry::Kms(kms) => format!("{kms:?}"),
        other => format!("{} {keys:?}", other.kind()),
    }
}
