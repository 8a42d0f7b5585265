//! What is written is read with the same meaning, replaces the file at once, and only its owner can read it.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/vectors/check.rs"]
mod check;

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};

use atrest::{
    ConfigDraft, ConfigOptions, ConfigWriteError, DraftError, EncryptionConfiguration, KeyEntry, KmsApiVersion,
    KmsEntry, ProviderEntry, SecretVec,
};
use check::check_text;
use proptest::prelude::*;
use serde_json::{Value, json};

const PLAIN: ConfigOptions = ConfigOptions { reload: false };

fn key(name: &str, byte: u8) -> KeyEntry {
    KeyEntry::new(name, SecretVec::from_slice(&[byte; 32]).unwrap())
}

/// Everything that entries mean, in a form that can be compared.
fn meaning(entries: &[atrest::ResourceEntry]) -> Vec<String> {
    let of_key = |key: &KeyEntry| format!("{:?}={:?}", key.name(), key.secret().expose());
    let of_provider = |provider: &ProviderEntry| {
        let keys: Vec<_> = provider.keys().iter().map(of_key).collect();
        let kms = if let ProviderEntry::Kms(kms) = provider { format!("{kms:?}") } else { String::new() };
        format!("{:?} {keys:?} {kms}", provider.kind())
    };
    let of_entry = |entry: &atrest::ResourceEntry| {
        format!("{:?} {:?}", entry.resources(), entry.providers().iter().map(of_provider).collect::<Vec<_>>())
    };
    entries.iter().map(of_entry).collect()
}

/// The recorded meaning of every recorded file is that of what is written for it too.
#[test]
fn recorded_configurations_are_written_with_their_meaning() {
    let file: Value = serde_json::from_str(include_str!("vectors/k8s-config.json")).unwrap();
    let accepted = file["vectors"].as_array().unwrap().iter().filter(|case| case["expect"]["ok"] == true);
    let cases: Vec<_> = accepted
        .map(|case| {
            let options = ConfigOptions { reload: case["reload"] == true };
            let config = EncryptionConfiguration::from_yaml(case["config"].as_str().unwrap(), options).unwrap();
            let text = config.draft().to_yaml(options).unwrap();
            let mut written = case.clone();
            written["config"] = json!(*text);
            let hash = EncryptionConfiguration::from_yaml(text.as_bytes(), options).unwrap().hash().to_owned();
            assert_ne!(hash, config.hash());
            written["expect"]["hash"] = hash.into();
            written
        })
        .collect();
    let count = cases.len();
    let report = check_text(&json!({ "vectors": cases }).to_string()).unwrap();
    assert_eq!(report.failures, []);
    assert!(report.passed == count && count > 50, "{count}");
}

fn arbitrary_key(longest: bool) -> impl Strategy<Value = KeyEntry> {
    let lens = if longest { vec![32_usize] } else { vec![16, 24, 32] };
    let name = prop_oneof![".+", "[a-z]{1,4}", Just("yes".to_owned()), Just("1e3".to_owned()), Just("~".to_owned())];
    (name, prop::sample::select(lens), prop::collection::vec(any::<u8>(), 32))
        .prop_map(|(name, len, secret)| KeyEntry::new(name, SecretVec::from_slice(&secret[..len]).unwrap()))
}

fn arbitrary_provider() -> impl Strategy<Value = ProviderEntry> {
    let keys = |longest| prop::collection::vec(arbitrary_key(longest), 1..4);
    let v1 = ("[^\0]+", "/[a-z%20]{0}[a-z]{1,20}", 1..i64::MAX, 1..i32::MAX).prop_map(|(name, path, nanos, size)| {
        let timeout = Duration::from_nanos(u64::try_from(nanos).unwrap());
        let kms = KmsEntry::new(KmsApiVersion::V1, name, format!("unix://{path}"));
        ProviderEntry::Kms(kms.with_timeout(timeout).with_cachesize(size))
    });
    prop_oneof![
        Just(ProviderEntry::Identity),
        keys(false).prop_map(ProviderEntry::AesCbc),
        keys(false).prop_map(ProviderEntry::AesGcm),
        keys(true).prop_map(ProviderEntry::Secretbox),
        v1,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_is_read(
        entries in prop::collection::vec((any::<String>(), prop::collection::vec(arbitrary_provider(), 1..4)), 1..4)
    ) {
        let mut draft = ConfigDraft::new();
        for (i, (name, providers)) in entries.into_iter().enumerate() {
            // A name that is valid and of one's own, with any characters that have no capital form.
            let name: String = name.to_lowercase().chars().filter(|c| !c.is_uppercase() && *c != '*').collect();
            draft.add_entry([format!("{name}.g{i}"), format!("r{i}")], providers);
        }
        if let Ok(config) = draft.check(PLAIN) {
            prop_assert_eq!(meaning(config.entries()), meaning(draft.entries()));
            prop_assert_eq!(meaning(config.draft().entries()), meaning(draft.entries()));
        } else {
            // Lowering may leave what is still no small letter, which upstream refuses.
            let error = draft.check(PLAIN).unwrap_err().to_string();
            prop_assert!(error.contains("capital letters") || error.contains("masks"), "{}", error);
        }
    }
}

#[test]
fn keys_are_added_moved_and_removed() {
    let mut draft = ConfigDraft::new();
    draft.add_entry(["secrets"], [ProviderEntry::Secretbox(vec![key("a", 1)]), ProviderEntry::Identity]);
    let names = |draft: &ConfigDraft| {
        let config = draft.check(PLAIN).unwrap();
        config.entries()[0].providers()[0].keys().iter().map(|key| key.name().to_owned()).collect::<Vec<_>>().join(" ")
    };
    draft.add_key(0, 0, key("b", 2)).unwrap();
    draft.add_key_first(0, 0, key("c", 3)).unwrap();
    assert_eq!(names(&draft), "c a b");
    draft.move_key_first(0, 0, 2).unwrap();
    assert_eq!(names(&draft), "b c a");
    draft.move_key_first(0, 0, 0).unwrap();
    assert_eq!(names(&draft), "b c a");
    assert_eq!(draft.remove_key(0, 0, 1).unwrap().name(), "c");
    assert_eq!(names(&draft), "b a");
    for (result, error) in [
        (draft.move_key_first(0, 0, 2), DraftError::NoSuchKey),
        (draft.move_key_first(0, 0, usize::MAX - 1), DraftError::NoSuchKey),
        (draft.remove_key(0, 0, 2).map(drop), DraftError::NoSuchKey),
        (draft.add_key(0, 1, key("x", 1)), DraftError::NoKeys),
        (draft.add_key(0, 2, key("x", 1)), DraftError::NoSuchProvider),
        (draft.add_key(1, 0, key("x", 1)), DraftError::NoSuchProvider),
        (draft.insert_provider(0, 3, ProviderEntry::Identity), DraftError::NoSuchProvider),
        (draft.remove_provider(0, 2).map(drop), DraftError::NoSuchProvider),
    ] {
        assert_eq!(result, Err(error));
    }
    draft.remove_key(0, 0, 0).unwrap();
    assert_eq!(draft.remove_key(0, 0, 0).map(drop), Err(DraftError::LastKey));
    assert_eq!(names(&draft), "a");
    draft.insert_provider(0, 0, ProviderEntry::AesGcm(vec![KeyEntry::generate("new").unwrap()])).unwrap();
    assert_eq!(names(&draft), "new");
    draft.remove_provider(0, 0).unwrap();
    assert_eq!(names(&draft), "a");
}

#[test]
fn generated_keys_differ() {
    let [one, other] = [0, 1].map(|_| KeyEntry::generate("k").unwrap());
    assert_eq!((one.secret().len(), other.secret().len()), (32, 32));
    assert_ne!(one.secret().expose(), other.secret().expose());
}

/// A folder of a test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("atrest-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn draft() -> ConfigDraft {
    let mut draft = ConfigDraft::new();
    draft.add_entry(["secrets"], [ProviderEntry::AesGcm(vec![key("a", 1)])]);
    draft
}

#[test]
fn a_file_is_replaced_at_once() {
    let folder = Folder::new("replace");
    let path = folder.0.join("config.yaml");
    let written = draft().write_to(&path, PLAIN).unwrap();
    let read = EncryptionConfiguration::from_path(&path, PLAIN).unwrap();
    assert_eq!(read.hash(), written.hash());
    assert_eq!(meaning(read.entries()), meaning(draft().entries()));
    // Whoever has the old file open goes on reading it.
    let mut old = fs::File::open(&path).unwrap();
    let mut longer = draft();
    longer.add_key_first(0, 0, key("b", 2)).unwrap();
    longer.write_to(&path, PLAIN).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut old, &mut text).unwrap();
    assert_eq!(EncryptionConfiguration::from_yaml(&text, PLAIN).unwrap().hash(), written.hash());
    let keys =
        |path: &Path| EncryptionConfiguration::from_path(path, PLAIN).unwrap().entries()[0].providers()[0].keys().len();
    assert_eq!(keys(&path), 2);
    assert_eq!(folder.names(), ["config.yaml"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file_and_links_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let (path, link) = (folder.0.join("config.yaml"), folder.0.join("link.yaml"));
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    draft().write_to(&link, PLAIN).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    EncryptionConfiguration::from_path(&path, PLAIN).unwrap();
}

#[test]
fn a_failure_leaves_the_file_as_it_was() {
    let folder = Folder::new("failure");
    let path = folder.0.join("config.yaml");
    fs::write(&path, "old").unwrap();
    let mut invalid = draft();
    invalid.add_entry(["Secrets"], [ProviderEntry::Identity]);
    assert!(matches!(invalid.write_to(&path, PLAIN), Err(ConfigWriteError::Invalid(_))));
    assert!(matches!(ConfigDraft::new().write_to(&path, PLAIN), Err(ConfigWriteError::Invalid(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    // Onto a folder a file cannot be renamed, nor into one that is not there be written.
    let occupied = folder.0.join("occupied");
    fs::create_dir(&occupied).unwrap();
    assert!(matches!(draft().write_to(&occupied, PLAIN), Err(ConfigWriteError::Io(_))));
    assert!(matches!(draft().write_to(folder.0.join("no/such"), PLAIN), Err(ConfigWriteError::Io(_))));
    let mut names = folder.names();
    names.sort();
    assert_eq!(names, ["config.yaml", "occupied"]);
}
