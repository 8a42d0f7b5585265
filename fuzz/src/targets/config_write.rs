//! Any draft of a configuration: what it writes, if it is valid, is read with the same meaning.

use std::time::Duration;

use crate::meaning;
use arbitrary::{Arbitrary, Unstructured};
use atrest::{ConfigDraft, ConfigOptions, KeyEntry, KmsApiVersion, KmsEntry, ProviderEntry, SecretVec};

#[derive(Arbitrary, Debug)]
struct Input {
    reload: bool,
    entries: Vec<(Vec<String>, Vec<Choice>)>,
    changes: Vec<Change>,
}

#[derive(Arbitrary, Debug)]
enum Choice {
    Identity,
    AesCbc(Vec<Key>),
    AesGcm(Vec<Key>),
    Secretbox(Vec<Key>),
    Kms { v2: bool, name: String, endpoint: String, timeout: u64, cachesize: Option<i32> },
}

#[derive(Arbitrary, Debug)]
struct Key {
    name: String,
    secret: [u8; 32],
    len: u8,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Add(u8, u8, Key),
    AddFirst(u8, u8, Key),
    MoveFirst(u8, u8, u8),
    Remove(u8, u8, u8),
}

impl Key {
    fn entry(self) -> KeyEntry {
        // Mostly a length that is valid.
        let len = [32, 32, 32, 24, 16, 1, 0, 31][usize::from(self.len) % 8];
        KeyEntry::new(self.name, SecretVec::from_slice(&self.secret[..len]).expect("memory suffices"))
    }
}

impl Choice {
    fn entry(self) -> ProviderEntry {
        let keys = |keys: Vec<Key>| keys.into_iter().map(Key::entry).collect();
        match self {
            Self::Identity => ProviderEntry::Identity,
            Self::AesCbc(list) => ProviderEntry::AesCbc(keys(list)),
            Self::AesGcm(list) => ProviderEntry::AesGcm(keys(list)),
            Self::Secretbox(list) => ProviderEntry::Secretbox(keys(list)),
            Self::Kms { v2, name, endpoint, timeout, cachesize } => {
                let version = if v2 { KmsApiVersion::V2 } else { KmsApiVersion::V1 };
                let kms = KmsEntry::new(version, name, format!("unix:{endpoint}"));
                let kms = kms.with_timeout(Duration::from_nanos(timeout));
                ProviderEntry::Kms(match cachesize {
                    Some(size) => kms.with_cachesize(size),
                    None => kms,
                })
            }
        }
    }
}

/// Runs one input, in the form of [`Arbitrary`].
pub fn run(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let options = ConfigOptions { reload: input.reload };
    let mut draft = ConfigDraft::new();
    for (resources, providers) in input.entries {
        draft.add_entry(resources, providers.into_iter().map(Choice::entry));
    }
    for change in input.changes {
        // A change that is refused leaves the draft as it was.
        let before = meaning(draft.entries());
        let changed = match change {
            Change::Add(entry, provider, key) => draft.add_key(entry.into(), provider.into(), key.entry()),
            Change::AddFirst(entry, provider, key) => draft.add_key_first(entry.into(), provider.into(), key.entry()),
            Change::MoveFirst(entry, provider, key) => draft.move_key_first(entry.into(), provider.into(), key.into()),
            Change::Remove(entry, provider, key) => {
                draft.remove_key(entry.into(), provider.into(), key.into()).map(drop)
            }
        };
        assert!(changed.is_ok() || meaning(draft.entries()) == before);
    }
    if let Ok(config) = draft.check(options) {
        assert_eq!(meaning(config.entries()), meaning(draft.entries()));
        let text = draft.to_yaml(options).expect("it is valid");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        assert_eq!(*config.draft().to_yaml(options).expect("it is valid"), *text);
    }
}
