//! Replacing a file keeps its owner and what its links lead to, and another's change.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use atrest::{ConfigDraft, ConfigOptions, ConfigWriteError, EncryptionConfiguration, ProviderEntry};

const PLAIN: ConfigOptions = ConfigOptions { reload: false };

/// Set for the copy of this test that runs as another user.
const AS_ANOTHER: &str = "ATREST_TEST_AS_ANOTHER";

fn draft(resource: &str) -> ConfigDraft {
    let mut draft = ConfigDraft::new();
    draft.add_entry([resource], [ProviderEntry::Identity]);
    draft
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("atrest-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_link_stays_one_where_its_file_is_not_there_yet() {
    let folder = Folder::new("dangling");
    let (link, next) = (folder.0.join("link"), folder.0.join("next"));
    symlink("next", &link).unwrap();
    symlink(folder.0.join("file"), &next).unwrap();
    draft("a").write_to(&link, PLAIN).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && fs::symlink_metadata(&next).unwrap().is_symlink());
    assert!(fs::symlink_metadata(folder.0.join("file")).unwrap().is_file());
    let circle = folder.0.join("circle");
    symlink("circle", &circle).unwrap();
    assert!(matches!(draft("a").write_to(&circle, PLAIN), Err(ConfigWriteError::Io(_))));
    assert!(fs::symlink_metadata(&circle).unwrap().is_symlink());
}

#[test]
fn of_two_who_change_a_file_one_is_refused() {
    let folder = Folder::new("lost");
    let path = folder.0.join("config.yaml");
    let read = draft("a").write_to(&path, PLAIN).unwrap();
    let first = draft("b").write_over(&path, read.hash(), PLAIN).unwrap();
    assert!(matches!(draft("c").write_over(&path, read.hash(), PLAIN), Err(ConfigWriteError::Changed)));
    assert_eq!(EncryptionConfiguration::from_path(&path, PLAIN).unwrap().hash(), first.hash());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left beside it");
    draft("c").write_over(&path, first.hash(), PLAIN).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(draft("d").write_over(&path, first.hash(), PLAIN), Err(ConfigWriteError::Changed)));
}

/// Only root can give files away, so that without it nothing is to be seen here.
#[test]
fn a_file_keeps_its_owner_or_is_not_replaced() {
    if let Some(path) = std::env::var_os(AS_ANOTHER) {
        assert!(matches!(draft("b").write_to(path, PLAIN), Err(ConfigWriteError::Owner(_))));
        return;
    }
    let folder = Folder::new("owner");
    let path = folder.0.join("config.yaml");
    fs::write(&path, "old").unwrap();
    if chown(&path, Some(12_345), Some(12_346)).is_err() {
        return;
    }
    draft("a").write_to(&path, PLAIN).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (12_345, 12_346, 0o600));
    let written = fs::read(&path).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
    let copy = folder.0.join("test");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut other = Command::new(&copy);
    other.args(["--exact", "a_file_keeps_its_owner_or_is_not_replaced"]).env(AS_ANOTHER, &path);
    assert!(other.current_dir(&folder.0).uid(12_347).gid(12_347).status().unwrap().success());
    assert_eq!(fs::read(&path).unwrap(), written);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "nothing is left beside it");
}
