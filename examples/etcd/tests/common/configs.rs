//! Configurations of before, of today, and of somebody else, and objects to seal.
#![allow(dead_code, reason = "each test crate uses a part")]

use atrest::{ConfigOptions, EncryptionConfiguration};
use atrest_etcd::Resource;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A provider with one key for each name and byte that the key is made of.
pub(crate) fn provider(kind: &str, keys: &[(&str, u8)]) -> Value {
    let key = |(name, byte): &(&str, u8)| json!({"name": name, "secret": STANDARD.encode([*byte; 32])});
    json!({kind: {"keys": keys.iter().map(key).collect::<Vec<_>>()}})
}

pub(crate) fn config(providers: &[Value]) -> Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": providers}],
    })
}

/// What wrote with AES-CBC, with AES-GCM and with secretbox, each for itself.
pub(crate) fn before() -> [Value; 3] {
    [("aescbc", "2023", 1), ("aesgcm", "2025-08", 2), ("secretbox", "2024", 3)]
        .map(|(kind, name, byte)| config(&[provider(kind, &[(name, byte)])]))
}

/// Writes with a new key, and reads everything from before.
pub(crate) fn today() -> Value {
    config(&[
        provider("aesgcm", &[("2026-11", 4), ("2025-08", 2)]),
        provider("aescbc", &[("2023", 1)]),
        provider("secretbox", &[("2024", 3)]),
        json!({"identity": {}}),
    ])
}

pub(crate) fn load(config: &Value) -> EncryptionConfiguration {
    EncryptionConfiguration::from_yaml(config.to_string(), ConfigOptions::default()).unwrap()
}

pub(crate) fn resource(config: &Value) -> Resource {
    Resource::new(&load(config), "secrets", false).unwrap()
}

pub(crate) fn seal(config: &EncryptionConfiguration, key: &str, plaintext: &[u8]) -> Vec<u8> {
    config.transformer("secrets").unwrap().seal(key.as_bytes(), plaintext).unwrap()
}

/// The plaintext, and whether it is to be sealed again.
pub(crate) fn open(config: &EncryptionConfiguration, key: &str, stored: &[u8]) -> Option<(Vec<u8>, bool)> {
    let opened = config.transformer("secrets").unwrap().open(key.as_bytes(), stored).ok()?;
    Some((opened.plaintext().to_vec(), opened.is_stale()))
}

/// An object as the API server stores it, which says what it is.
pub(crate) fn object(what: &str) -> Vec<u8> {
    [b"k8s\0", what.as_bytes()].concat()
}
