//! A configuration with KMS plugins, connected: the recorded values open as the API server opened them, resources share their
//! plugins, and each is asked once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/vectors/case.rs"]
#[allow(dead_code, reason = "a part is used here")]
mod case;
#[path = "common/vectors/plugin.rs"]
#[allow(dead_code, reason = "a part is used here")]
mod plugin;
#[path = "common/table_kek.rs"]
mod table_kek;

use std::sync::Arc;

use atrest::{AsyncKek, ConfigOptions, ConnectedConfiguration, EncryptionConfiguration, Error, KmsApiVersion};
use pollster::block_on;
use serde_json::{Value, json};

use case::{Case, Read, Task};
use plugin::Plugin;
use table_kek::TableKek;

const AAD: &[u8] = b"/registry/secrets/default/login1";

fn configuration(resources: &Value) -> EncryptionConfiguration {
    let text = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": resources,
    });
    EncryptionConfiguration::from_yaml(text.to_string(), ConfigOptions::default()).unwrap()
}

/// Connects every plugin to the same KEK.
fn connected(resources: &Value, kek: &TableKek) -> ConnectedConfiguration {
    let kek: Arc<dyn AsyncKek> = Arc::new(kek.clone());
    configuration(resources).connect::<Error>(|_| Ok(Arc::clone(&kek))).unwrap()
}

#[test]
fn recorded_values_open_as_the_api_server_opened_them() {
    let file: Value = serde_json::from_str(include_str!("vectors/k8s-storage.json")).unwrap();
    let mut checked = 0;
    for json in file["vectors"].as_array().unwrap() {
        let has_kms = json["providers"].as_array().unwrap().iter().any(|provider| provider.get("kms").is_some());
        // A configuration always writes seeds.
        let writes_keys = json["kms"].as_object().into_iter().flatten().any(|(_, script)| script["seed"] == false);
        let case = Case::from_json(json).unwrap();
        let Task::Read { stored, expected, .. } = &case.task else { continue };
        if writes_keys || case.is_unconfigured || !(has_kms || json["group"] == "identity") {
            continue;
        }
        let config = configuration(&json!([{ "resources": ["secrets"], "providers": json["providers"] }]));
        let mut plugins = Vec::new();
        let connected = config.connect::<Error>(|request| {
            let is_v1 = request.settings().api_version() == KmsApiVersion::V1;
            let script = json["kms"].get(request.settings().name());
            plugins.push(Plugin::from_json(script, is_v1, Vec::new()).unwrap());
            Ok(Arc::new(plugins[plugins.len() - 1].clone()))
        });
        let connected = connected.unwrap();
        block_on(connected.check());
        plugins.iter().for_each(Plugin::loaded);
        let opened = block_on(connected.transformer("secrets").open(&case.aad, stored));
        match (&opened, expected) {
            (Ok(opened), Read::Opened { plaintext, stale }) => {
                assert_eq!((opened.plaintext(), opened.is_stale()), (&plaintext[..], *stale), "{}", json["id"]);
            }
            (Err(_), Read::Refused { .. }) => {}
            _ => panic!("{}: {:?}", json["id"], opened.map(|opened| opened.plaintext().len())),
        }
        checked += 1;
    }
    assert!(checked > 120, "{checked}");
}

#[test]
fn resources_share_a_plugin_and_it_is_asked_once() {
    let kek = TableKek::new("id1");
    let kms = |version: &str, name: &str| {
        let endpoint = format!("unix:///run/{name}.sock");
        json!({ "kms": { "apiVersion": version, "name": name, "endpoint": endpoint } })
    };
    let connected = connected(
        &json!([
            { "resources": ["secrets", "configmaps", "*.apps"], "providers": [kms("v2", "two"), { "identity": {} }] },
            { "resources": ["pods"], "providers": [kms("v1", "one")] },
        ]),
        &kek,
    );
    let not_ready = block_on(connected.transformer("secrets").seal(AAD, b"x")).unwrap_err();
    assert_eq!((not_ready.error(), not_ready.is_retryable()), (Error::KmsNotReady, true));
    let checked = block_on(connected.check());
    let told: Vec<_> = checked.iter().map(|(request, outcome)| (*request, outcome.is_ok())).collect();
    assert_eq!(told, [(0, true)], "KMS v1 is not asked");
    assert_eq!(kek.wraps(), 1, "one seed for three resources; KMS v1 has none");

    let seal = |resource: &str| block_on(connected.transformer(resource).seal(AAD, b"hunter2")).unwrap();
    let open = |resource: &str, stored: &[u8]| {
        block_on(connected.transformer(resource).open(AAD, stored)).map(|opened| opened.plaintext().to_vec())
    };
    let stored = seal("secrets");
    assert!(stored.starts_with(b"k8s:enc:kms:v2:two:"));
    for resource in ["secrets", "configmaps", "deployments.apps"] {
        assert_eq!(open(resource, &stored).unwrap(), b"hunter2");
    }
    assert!(seal("pods").starts_with(b"k8s:enc:kms:v1:one:"));
    assert_eq!(open("pods", &stored).unwrap_err().error(), Error::NoMatchingProvider);
    // No rule names it: identity alone, which says why.
    assert_eq!(seal("nodes"), b"hunter2");
    assert_eq!(open("nodes", b"plain").unwrap(), b"plain");
    assert_eq!(open("nodes", &stored).unwrap_err().error(), Error::Encrypted);
}

#[test]
fn a_cache_has_the_size_of_the_file() {
    for (cachesize, asked) in [(json!(null), 2), (json!(1), 4), (json!(-1), 4)] {
        let kek = TableKek::new("id1");
        let settings = json!({ "name": "one", "endpoint": "unix:///run/one.sock", "cachesize": cachesize });
        let resources = json!([{ "resources": ["secrets"], "providers": [{ "kms": settings }] }]);
        let writer = connected(&resources, &kek);
        let values = [b"a", b"b"].map(|text| block_on(writer.transformer("secrets").seal(AAD, text)).unwrap());
        let reader = connected(&resources, &kek);
        for stored in values.iter().chain(&values) {
            block_on(reader.transformer("secrets").open(AAD, stored)).unwrap();
        }
        assert_eq!(kek.unwraps(), asked, "{cachesize}");
    }
}

#[test]
fn what_connecting_says_is_handed_on() {
    #[derive(Debug)]
    struct Refused(String);
    impl From<Error> for Refused {
        fn from(error: Error) -> Self {
            Self(error.to_string())
        }
    }
    let settings = json!({ "apiVersion": "v2", "name": "two", "endpoint": "unix:///run/two.sock" });
    let config = configuration(&json!([{ "resources": ["secrets"], "providers": [{ "kms": settings }] }]));
    let refused = config.connect(|request| Err(Refused(request.settings().endpoint().to_owned()))).unwrap_err();
    assert_eq!(refused.0, "unix:///run/two.sock");
}
