//! A refused configuration names all that is wrong, where it stands and what would be right, and never a secret.
#![allow(clippy::unwrap_used, clippy::panic)]

use atrest::{ConfigError, ConfigOptions, ConfigStage, EncryptionConfiguration, Place};
use serde_json::Value;

const RECORDED: &str = include_str!("vectors/k8s-config.json");

fn refused(text: &str) -> ConfigError {
    EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap_err()
}

#[test]
fn a_list_element_with_no_provider_is_told_from_one_with_several() {
    let problem = |provider: &str| {
        let text = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n\
             resources:\n- resources: [secrets]\n  providers:\n  - {provider}\n"
        );
        refused(&text).faults()[0].problem().to_owned()
    };
    assert_eq!(problem("{}"), "no provider");
    let two = "{identity: {}, secretbox: {keys: [{name: a, secret: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=}]}}";
    assert_eq!(problem(two), "several providers in one list element");
}

/// Path and place of each fault.
fn places(error: &ConfigError) -> Vec<(&str, Option<(usize, usize)>)> {
    let place = |place: Place| (place.line, place.column);
    error.faults().iter().map(|fault| (fault.path(), fault.place().map(place))).collect()
}

const INVALID: &str = "\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [Secrets, '*']
  providers:
  - identity: {}
    aescbc:
      keys: [{name: a, secret: AAAA}]
  - aescbc:
      keys:
      - {name: a, secret: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=}
      - name: b
        secret: a2tra2tra2tra2tra2 tra2tra2tra2tra2tra2tra2s=
  - {}
  - kms: {apiVersion: v3, cachesize: 1, endpoint: 'tcp://a', timeout: -1s}
";

#[test]
fn all_faults_of_the_values_are_told_with_their_places() {
    let error = refused(INVALID);
    assert_eq!(error.stage(), ConfigStage::Validate);
    let provider = |i: usize, field: &str| format!("resources[0].providers[{i}]{field}");
    assert_eq!(
        places(&error),
        [
            ("resources[0].resources[0]", Some((4, 15))),
            ("resources[0].resources[1]", Some((4, 24))),
            ("resources[0].resources", Some((4, 14))),
            (&*provider(0, ""), Some((6, 5))),
            (&*provider(0, ".aescbc.keys[0].secret"), Some((8, 32))),
            (&*provider(1, ".aescbc.keys[1].secret"), Some((13, 17))),
            (&*provider(2, ""), Some((14, 5))),
            (&*provider(3, ".kms.name"), Some((15, 10))),
            (&*provider(3, ".kms.timeout"), Some((15, 71))),
            (&*provider(3, ".kms.endpoint"), Some((15, 51))),
            (&*provider(3, ".kms.cachesize"), Some((15, 38))),
            (&*provider(3, ".kms.apiVersion"), Some((15, 23))),
        ]
    );
    let text = error.to_string();
    assert_eq!(text.lines().count(), 12);
    let line = "resources[0].providers[1].aescbc.keys[1].secret (line 13, column 17): not base64; use the alphabet \
                with + and /, keep the = at the end, and put no spaces in";
    assert!(text.lines().any(|found| found == line), "{text}");
}

#[test]
fn all_faults_of_the_form_are_told_with_their_places() {
    let error = refused(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nmetadata: {}\nresources:\n\
         - resources: secrets\n  providers:\n  - Identity: {}\n  - aesgcm: {keys: [{name: 1, name: a}]}\n  \
         - kms: {timeout: 3, cachesize: '1'}\n  - identity: {on: 1}\n",
    );
    assert_eq!(error.stage(), ConfigStage::Decode);
    assert_eq!(
        places(&error),
        [
            ("resources[0].providers[1].aesgcm.keys[0].name", Some((8, 31))),
            ("metadata", Some((3, 1))),
            ("resources[0].resources", Some((5, 14))),
            ("resources[0].providers[0].Identity", Some((7, 5))),
            ("resources[0].providers[1].aesgcm.keys[0].name", Some((8, 28))),
            ("resources[0].providers[2].kms.cachesize", Some((9, 34))),
            ("resources[0].providers[2].kms.timeout", Some((9, 20))),
            ("resources[0].providers[3].identity.on", Some((10, 16))),
        ]
    );
    let letters = error.faults().iter().find(|fault| fault.path().ends_with("Identity")).unwrap();
    assert_eq!((letters.problem(), letters.advice()), ("unknown field", "write identity, in these letters"));
}

#[test]
fn places_in_json_are_told_too() {
    let error = refused(
        "{\"apiVersion\": \"apiserver.config.k8s.io/v1\", \"kind\": \"EncryptionConfiguration\",\n  \"resources\": [\n\t\
         {\"resources\": [true], \"providers\": [{\"kms\": {\"cachesize\": 1.0}}], \"\\u006cimit\": 1}\n]}",
    );
    assert_eq!(
        places(&error),
        [
            ("resources[0].limit", Some((3, 68))),
            ("resources[0].resources[0]", Some((3, 17))),
            ("resources[0].providers[0].kms.cachesize", Some((3, 60))),
        ]
    );
}

#[test]
fn every_masked_resource_is_told() {
    let error = refused(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
         - {resources: ['*.apps'], providers: [identity: {}]}\n- {resources: [secrets, b.apps], providers: [identity: {}]}\n\
         - {resources: ['*.*'], providers: [identity: {}]}\n- {resources: [pods], providers: [identity: {}]}\n",
    );
    assert_eq!(error.stage(), ConfigStage::Build);
    assert_eq!(
        places(&error),
        [("resources[1].resources[1]", Some((5, 25))), ("resources[3].resources[0]", Some((7, 16)))]
    );
    assert!(error.faults()[0].problem().contains("resources[0].resources[0]"));
    assert!(error.faults()[1].problem().contains("resources[2].resources[0]"));
}

/// As upstream's reader, which looks at comments too.
#[test]
fn control_characters_are_refused_in_yaml() {
    for c in ["\u{0}", "\u{1}", "\u{b}", "\u{7f}", "\u{80}", "\u{9f}", "\u{ffff}"] {
        let error = refused(&format!("apiVersion: v1\n# \u{e9}{c}\n"));
        assert_eq!(places(&error), [("", Some((2, 4)))], "{c:?}");
    }
    let harmless = "apiVersion: v1 # \t\u{a0}\u{fffd}\u{1f511}\r\nkind: EncryptionConfig\nresources:\n\
                    - {resources: [a], providers: [identity: {}]}\n";
    EncryptionConfiguration::from_yaml(harmless, ConfigOptions::default()).unwrap();
}

#[test]
fn faults_are_listed_up_to_a_hundred() {
    let text = format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources: [{}]",
        "{a: 1},".repeat(250)
    );
    let error = refused(&text);
    assert_eq!((error.faults().len(), error.omitted()), (100, 150));
    assert!(error.to_string().ends_with("\nand 150 more faults"));
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_cause() {
    let read = EncryptionConfiguration::from_path("no such file", ConfigOptions::default());
    let error = read.unwrap_err();
    assert_eq!(error.stage(), ConfigStage::Read);
    assert!(core::error::Error::source(&error).is_some());
}

/// All secrets of the recorded files, and pieces of them.
fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| secrets(value, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(text) if name == "Secret" => found.push(text.trim().to_owned()),
            value => secrets(value, found),
        }),
        _ => {}
    }
}

#[test]
fn what_is_printed_of_a_configuration_holds_no_secret() {
    let secret = "Rm9yRXllc09ubHlUaGlydHlUd29CeXRlc0xvbmchISE=";
    let text = format!(
        "apiVersion: v1\nkind: EncryptionConfig\nresources:\n\
         - {{resources: [a], providers: [aesgcm: {{keys: [{{name: k, secret: {secret}}}]}}]}}\n"
    );
    let config = EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap();
    let key = &config.entries()[0].providers()[0].keys()[0];
    let printed = format!("{config:?} {:?} {key:?} {:?}", config.draft(), key.secret());
    assert!(printed.contains("\"k\""));
    assert!(!printed.contains(&secret[..8]) && !printed.contains("ForEyes") && !printed.contains("70, 111, 114"));
}

/// Recorded files whose secrets are replaced by one that can be recognised, changed at each place in turn: cut
/// short, a character gone, another one put in.
#[test]
fn no_error_of_a_mutated_file_holds_a_secret() {
    const SECRET: &str = "Rm9yRXllc09ubHlUaGlydHlUd29CeXRlc0xvbmchISE=";
    let file: Value = serde_json::from_str(RECORDED).unwrap();
    let mut recorded = Vec::new();
    secrets(&file, &mut recorded);
    recorded.sort_by_key(|text| core::cmp::Reverse(text.len()));
    recorded.dedup();
    let mut errors = 0;
    for case in file["vectors"].as_array().unwrap() {
        let text = case["config"].as_str().unwrap();
        let mut named = text.to_owned();
        for secret in &recorded {
            named = named.replace(secret, SECRET);
        }
        if !named.contains(SECRET) {
            continue;
        }
        // Every place around the secret, and every seventh of the rest.
        let near = named.find(SECRET).unwrap();
        let is_near = |at: usize| (near.saturating_sub(20)..near + SECRET.len() + 5).contains(&at);
        for (at, _) in named.char_indices().filter(|&(at, _)| is_near(at) || at % 7 == 0) {
            let (head, tail) = named.split_at(at);
            let rest: String = tail.chars().skip(1).collect();
            let changed = [":", "\n", "'", "{", "[", "&", "*", "!", ", ", "\t", ": ", "-"];
            let mut texts: Vec<_> = changed.iter().map(|piece| format!("{head}{piece}{rest}")).collect();
            texts.extend([head.to_owned(), format!("{head}{rest}"), format!("{head}: {tail}")]);
            for text in texts {
                if let Err(error) = EncryptionConfiguration::from_yaml(&text, ConfigOptions::default()) {
                    errors += 1;
                    let said = format!("{error} {error:?}");
                    let leaked = SECRET.as_bytes().windows(8).any(|w| said.contains(core::str::from_utf8(w).unwrap()));
                    assert!(!leaked, "{text}\n{said}");
                }
            }
        }
    }
    assert!(errors > 5_000, "{errors}");
}
