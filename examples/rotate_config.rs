//! Rotates the key of a configuration file in the steps of the Kubernetes documentation, and shows after each of them
//! what still opens, for an API server that has the new file and for one that still has the old one:
//! `cargo run --example rotate_config --features config [-- FILE]`
//!
//! FILE must not exist yet; without it a file in the temporary folder is used and removed.

use core::error::Error;
use std::env;
use std::path::{Path, PathBuf};

use atrest::{ConfigDraft, ConfigOptions, EncryptionConfiguration, KeyEntry, ProviderEntry};

const OPTIONS: ConfigOptions = ConfigOptions { reload: false };
const AAD: &[u8] = b"/registry/secrets/default/login1";
const PLAINTEXT: &[u8] = b"hunter2";

/// Values by how they were written, as etcd would have them.
type Stored = Vec<(&'static str, Vec<u8>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let given = env::args_os().nth(1).map(PathBuf::from);
    let temporary = env::temp_dir().join(format!("atrest-rotate-{}.yaml", std::process::id()));
    let path = given.as_deref().unwrap_or(&temporary);
    if path.exists() {
        return Err(format!("{} exists already", path.display()).into());
    }
    let rotated = rotate(path);
    if given.is_none() {
        let _ = std::fs::remove_file(path);
    }
    rotated
}

fn rotate(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut stored: Stored = vec![("before encryption was switched on", PLAINTEXT.to_vec())];
    let mut draft = ConfigDraft::new();
    let key = KeyEntry::generate("2025-08")?;
    draft.add_entry(["secrets"], [ProviderEntry::Secretbox(vec![key]), ProviderEntry::Identity]);
    let mut config = draft.write_to(path, OPTIONS)?;
    println!("{} has one key, 2025-08, and reads plaintext", path.display());
    stored.push(("under 2025-08", seal(&config)?));
    report("API server", &config, &stored);

    config = step(path, &config, &stored, "1. Add a new key in second place; restart each API server", |draft| {
        Ok(draft.add_key(0, 0, KeyEntry::generate("2026-11")?)?)
    })?;
    config = step(path, &config, &stored, "2. Make it the first; restart each API server", |draft| {
        Ok(draft.move_key_first(0, 0, 1)?)
    })?;

    println!("\n3. Write everything again; one value is forgotten");
    let forgotten = stored.last().map(|(_, value)| value.clone()).unwrap_or_default();
    for (how, value) in &mut stored {
        *value =
            config.transformer("secrets")?.seal(AAD, config.transformer("secrets")?.open(AAD, value)?.plaintext())?;
        *how = "written again";
    }
    stored.push(("under 2025-08, and forgotten", forgotten));
    report("API server", &config, &stored);

    step(path, &config, &stored, "4. Remove the old key and identity; restart each API server", |draft| {
        draft.remove_key(0, 0, 1)?;
        draft.remove_provider(0, 1)?;
        Ok(())
    })?;
    Ok(())
}

/// Changes the file, and shows what opens while some servers have the old one, and a value that a new one has written.
fn step(
    path: &Path,
    old: &EncryptionConfiguration,
    stored: &Stored,
    title: &str,
    change: impl FnOnce(&mut ConfigDraft) -> Result<(), Box<dyn Error>>,
) -> Result<EncryptionConfiguration, Box<dyn Error>> {
    println!("\n{title}");
    let mut draft = EncryptionConfiguration::from_path(path, OPTIONS)?.draft();
    change(&mut draft)?;
    let new = draft.write_to(path, OPTIONS)?;
    let mut all = stored.clone();
    all.push(("just now by a new one", seal(&new)?));
    report("not yet restarted", old, &all);
    report("restarted", &new, &all);
    Ok(new)
}

fn seal(config: &EncryptionConfiguration) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(config.transformer("secrets")?.seal(AAD, PLAINTEXT)?)
}

fn report(server: &str, config: &EncryptionConfiguration, stored: &Stored) {
    for (how, value) in stored {
        let verdict = match config.transformer("secrets").map(|transformer| transformer.open(AAD, value)) {
            Ok(Ok(opened)) if opened.plaintext() != PLAINTEXT => "opens as something else".to_owned(),
            Ok(Ok(opened)) => {
                let key = opened.key_name().unwrap_or("no key");
                format!("opens with {key}{}", if opened.is_stale() { ", stale" } else { "" })
            }
            Ok(Err(error)) => format!("does not open: {error}"),
            Err(error) => error.to_string(),
        };
        println!("   {server:17}  {how:33}  {verdict}");
    }
}
