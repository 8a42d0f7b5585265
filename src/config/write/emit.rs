//! The text of a configuration, in one allocation of its exact length that is wiped.

use alloc::string::String;
use core::fmt::{self, Write};

use zeroize::Zeroizing;

use super::super::duration;
use super::super::model::{KeyEntry, KmsApiVersion, KmsEntry, ProviderEntry, ResourceEntry};
use super::super::scalar::{Plain, resolve};
use crate::base64;

const HEADER: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:";

pub(super) fn yaml(entries: &[ResourceEntry]) -> Zeroizing<String> {
    let mut len = Length(0);
    // Counting and writing to memory do not fail.
    let _ = write_entries(entries, &mut len);
    let mut text = Zeroizing::new(String::with_capacity(len.0));
    let _ = write_entries(entries, &mut *text);
    text
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

fn write_entries(entries: &[ResourceEntry], out: &mut dyn Write) -> fmt::Result {
    out.write_str(HEADER)?;
    out.write_str(if entries.is_empty() { " []\n" } else { "\n" })?;
    for entry in entries {
        out.write_str(if entry.resources.is_empty() { "  - resources: []\n" } else { "  - resources:\n" })?;
        for resource in &entry.resources {
            writeln!(out, "      - {}", Quoted(resource))?;
        }
        out.write_str(if entry.providers.is_empty() { "    providers: []\n" } else { "    providers:\n" })?;
        for provider in &entry.providers {
            match provider {
                ProviderEntry::Identity => out.write_str("      - identity: {}\n")?,
                ProviderEntry::AesCbc(keys) => write_keys("aescbc", keys, out)?,
                ProviderEntry::AesGcm(keys) => write_keys("aesgcm", keys, out)?,
                ProviderEntry::Secretbox(keys) => write_keys("secretbox", keys, out)?,
                ProviderEntry::Kms(kms) => write_kms(kms, out)?,
            }
        }
    }
    Ok(())
}

fn write_keys(kind: &str, keys: &[KeyEntry], out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "      - {kind}:\n          keys:{}", if keys.is_empty() { " []" } else { "" })?;
    for key in keys {
        writeln!(out, "            - name: {}", Quoted(&key.name))?;
        // No `write!` here, which may buffer what it formats.
        out.write_str("              secret: \"")?;
        out.write_str(&base64::encode(key.secret.expose()))?;
        out.write_str("\"\n")?;
    }
    Ok(())
}

fn write_kms(kms: &KmsEntry, out: &mut dyn Write) -> fmt::Result {
    let api_version = match kms.api_version {
        KmsApiVersion::V1 => "v1",
        KmsApiVersion::V2 => "v2",
    };
    writeln!(out, "      - kms:\n          apiVersion: {api_version}\n          name: {}", Quoted(&kms.name))?;
    if let Some(cachesize) = kms.cachesize {
        writeln!(out, "          cachesize: {cachesize}")?;
    }
    let timeout = u64::try_from(kms.timeout.as_nanos()).unwrap_or(u64::MAX);
    writeln!(out, "          endpoint: {}\n          timeout: {}", Quoted(&kms.endpoint), duration::format(timeout))
}

/// Text as YAML has it: without quotes if it is an ordinary name of a resource, else with escapes for whatever is
/// not printable ASCII.
struct Quoted<'t>(&'t str);

impl Quoted<'_> {
    fn is_ordinary(&self) -> bool {
        let ordinary = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        self.0.starts_with(|c: char| c.is_ascii_lowercase())
            && self.0.bytes().all(ordinary)
            && resolve(self.0) == Plain::Text
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ordinary() {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                ' '..='~' => f.write_char(c)?,
                _ => write!(f, "\\U{:08X}", u32::from(c))?,
            }
        }
        f.write_char('"')
    }
}
