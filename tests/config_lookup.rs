//! What a configuration makes of a resource: which rule applies, with which providers, and what that reads and
//! writes.
#![allow(clippy::unwrap_used, clippy::panic)]

use atrest::{ConfigOptions, EncryptionConfiguration, Error, KmsApiVersion, ProviderKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const AAD: &[u8] = b"/registry/x";

/// A configuration with one secretbox key of a telling name for each list of resources.
fn config(lists: &[&[&str]]) -> EncryptionConfiguration {
    let entries: Vec<_> = lists
        .iter()
        .enumerate()
        .map(|(i, list)| {
            let secret = STANDARD.encode([u8::try_from(i).unwrap(); 32]);
            let keys = json!([{ "name": format!("key-of-{i}"), "secret": secret }]);
            json!({ "resources": list, "providers": [{ "secretbox": { "keys": keys } }] })
        })
        .collect();
    read(&entries.into())
}

fn read(entries: &Value) -> EncryptionConfiguration {
    let text = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": entries
    });
    EncryptionConfiguration::from_yaml(text.to_string(), ConfigOptions::default()).unwrap()
}

/// The name of the key that seals a resource; empty if nothing does.
fn sealed_by(config: &EncryptionConfiguration, resource: &str) -> String {
    let transformer = config.transformer(resource).unwrap();
    let stored = transformer.seal(AAD, b"plain").unwrap();
    let opened = transformer.open(AAD, &stored).unwrap();
    assert_eq!(opened.plaintext(), b"plain");
    assert_eq!(config.is_configured(resource), opened.was_encrypted());
    opened.key_name().unwrap_or_default().to_owned()
}

/// Section 1.3 of the format document: exact, group wildcard, wildcard of everything, default.
#[test]
fn the_closest_rule_applies() {
    let config = config(&[&["secrets", "deployments.apps"], &["*.apps"], &["*."], &["*.*"]]);
    for (resource, key) in [
        ("secrets", "key-of-0"),
        ("secrets.", "key-of-0"),
        ("deployments.apps", "key-of-0"),
        ("replicasets.apps", "key-of-1"),
        ("secrets.apps", "key-of-1"),
        ("pods", "key-of-2"),
        ("apps", "key-of-2"),
        ("deployments", "key-of-2"),
        ("x.a.apps", "key-of-3"),
        ("secrets.other", "key-of-3"),
    ] {
        assert_eq!(sealed_by(&config, resource), key, "{resource}");
    }
    assert_eq!(config.resources(), ["*", "*.*", "*.apps", "deployments.apps", "secrets"]);
}

/// A resource that no rule names is stored by identity in no list: its refusal is told as such.
#[test]
fn a_resource_without_a_rule_is_plaintext() {
    let config = config(&[&["secrets"]]);
    for resource in ["configmaps", "secrets.apps", "*", ""] {
        assert_eq!(sealed_by(&config, resource), "", "{resource}");
        assert!(!config.is_configured(resource));
        let transformer = config.transformer(resource).unwrap();
        assert_eq!(transformer.open(AAD, b"k8s:enc:aescbc:v1:x").unwrap_err(), Error::Encrypted);
        let mut out = [7; 40];
        assert_eq!(transformer.open_into(AAD, b"k8s:enc:", &mut out).unwrap_err(), Error::Encrypted);
        assert_eq!(out, [0; 40]);
        // As the API server, which can never read it again.
        assert_eq!(transformer.seal(AAD, b"k8s:enc:x").unwrap(), b"k8s:enc:x");
    }
    let listed = read(&json!([{ "resources": ["secrets"], "providers": [{ "identity": {} }] }]));
    let transformer = listed.transformer("secrets").unwrap();
    assert_eq!(transformer.open(AAD, b"k8s:enc:aescbc:v1:x").unwrap_err(), Error::NoMatchingProvider);
    assert_eq!(transformer.seal(AAD, b"k8s:enc:x").unwrap(), b"k8s:enc:x");
}

#[test]
fn a_resource_that_is_named_again_has_both_lists() {
    let config = config(&[&["secrets"], &["secrets.", "pods"]]);
    let transformer = config.transformer("secrets").unwrap();
    assert_eq!(transformer.providers().count(), 2);
    assert_eq!(sealed_by(&config, "secrets"), "key-of-0");
    let stored = config.transformer("pods").unwrap().seal(AAD, b"plain").unwrap();
    let opened = transformer.open(AAD, &stored).unwrap();
    assert_eq!((opened.key_name(), opened.provider_index(), opened.is_stale()), (Some("key-of-1"), 1, true));
}

#[test]
fn kms_plugins_become_requests() {
    let identity = json!({ "identity": {} });
    let kms = |settings: Value| json!({ "kms": settings });
    let config = read(&json!([
        { "resources": ["a", "b"], "providers": [
            identity, kms(json!({ "name": "one", "endpoint": "unix:///1", "timeout": "1.5s", "cachesize": -1 })),
        ] },
        { "resources": ["b", "c"], "providers": [
            kms(json!({ "apiVersion": "v2", "name": "two", "endpoint": "unix:///2" })), identity,
        ] },
        { "resources": ["d"], "providers": [identity] },
    ]));
    let requests: Vec<_> = config
        .kms()
        .map(|request| {
            let kms = request.settings();
            let millis = kms.timeout().as_millis();
            let place = (request.entry_index(), request.provider_index());
            (kms.name(), kms.api_version(), kms.endpoint(), kms.cachesize(), millis, place)
        })
        .collect();
    assert_eq!(
        requests,
        [
            ("one", KmsApiVersion::V1, "unix:///1", Some(-1), 1500, (0, 1)),
            ("two", KmsApiVersion::V2, "unix:///2", None, 3000, (1, 0)),
        ]
    );
    assert_eq!(config.kms_close_grace_period().as_millis(), 2 * (2 * 1500 + 3000));
    for (resource, connections, required) in [
        ("a", vec![None, Some(0)], vec![0]),
        ("b", vec![None, Some(0), Some(1), None], vec![0, 1]),
        ("c", vec![Some(1), None], vec![1]),
        ("d", vec![None], vec![]),
        ("e", vec![], vec![]),
    ] {
        assert_eq!(config.connections(resource), connections, "{resource}");
        match config.transformer(resource) {
            Ok(_) => assert!(required.is_empty(), "{resource}"),
            Err(error) => assert_eq!(error.requests(), required, "{resource}"),
        }
    }
}

/// The recorded values of the API server, through a configuration with the recorded providers.
#[test]
fn recorded_values_open_as_the_configuration_says() {
    let file: Value = serde_json::from_str(include_str!("vectors/k8s-storage.json")).unwrap();
    let mut opened = 0;
    for case in file["vectors"].as_array().unwrap() {
        let entries = json!([{ "resources": ["secrets"], "providers": case["providers"] }]);
        let config = read(&entries);
        let Ok(transformer) = config.transformer("secrets") else { continue };
        if case.get("op").is_some() || case.get("read_resource").is_some() {
            continue;
        }
        let bytes = |field: &Value| STANDARD.decode(field.as_str().unwrap()).unwrap();
        let result = transformer.open(&bytes(&case["aad_b64"]), &bytes(&case["stored_b64"]));
        assert_eq!(result.is_ok(), case["expect"]["ok"] == true, "{}", case["id"]);
        if let Ok(value) = result {
            assert_eq!(case["expect"]["stale"], value.is_stale(), "{}", case["id"]);
            if case["expect"]["plaintext"]["b64"].is_string() {
                assert_eq!(value.plaintext(), bytes(&case["expect"]["plaintext"]["b64"]));
            }
            opened += 1;
        }
    }
    assert!(opened > 50, "{opened}");
}

#[test]
fn a_key_that_is_listed_twice_opens_what_either_sealed() {
    let keys = json!([{ "name": "k", "secret": STANDARD.encode([9; 32]) }]);
    let config = read(&json!([
        { "resources": ["a"], "providers": [{ "aesgcm": { "keys": keys } }] },
        { "resources": ["b"], "providers": [{ "aesgcm": { "keys": keys } }] },
    ]));
    let kinds = |resource| config.transformer(resource).unwrap().providers().map(|p| p.kind()).collect::<Vec<_>>();
    assert_eq!((kinds("a"), kinds("b")), (vec![ProviderKind::AesGcm], vec![ProviderKind::AesGcm]));
    let stored = config.transformer("a").unwrap().seal(AAD, b"plain").unwrap();
    assert_eq!(config.transformer("b").unwrap().open(AAD, &stored).unwrap().plaintext(), b"plain");
}
