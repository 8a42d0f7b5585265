//! Each rule of the linter finds what it is for, where it stands, and nothing else; silenced it does not.
#![allow(clippy::unwrap_used, clippy::panic)]

use atrest::{ConfigOptions, EncryptionConfiguration, LintRule, Severity};

const HEADER: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";

/// Secrets that are random, of 32 bytes.
const ONE: &str = "v2/ZFT4eLP2sdI3cV4yuuKcYio64WNlGP1kBOfFGGYQ=";
const TWO: &str = "mBdCfb6/AUhg/bW0WtTkJXKaH2ZRYW8Rmp70tgoXZUw=";
const SHORT: &str = "mHadRKT5RyDzgjZph16Ijg==";

fn read(entries: &str) -> EncryptionConfiguration {
    let text = format!("{HEADER}{}", entries.replace("ONE", ONE).replace("TWO", TWO).replace("SHORT", SHORT));
    EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap()
}

/// Rule and path of each finding.
fn found(config: &EncryptionConfiguration) -> Vec<(&'static str, String)> {
    let findings = config.lint();
    assert!(findings.is_sorted_by_key(|finding| core::cmp::Reverse(finding.severity())));
    findings.iter().map(|finding| (finding.rule().name(), finding.path().to_owned())).collect()
}

fn assert_found(entries: &str, expected: &[(&str, &str)]) {
    let config = read(entries);
    let expected: Vec<_> = expected.iter().map(|&(rule, path)| (rule, path.to_owned())).collect();
    assert_eq!(found(&config), expected, "{entries}");
    for (name, _) in &expected {
        let rule = LintRule::by_name(name).unwrap();
        let left = config.lint_without(&[rule]);
        assert!(left.iter().all(|finding| finding.rule() != rule));
        let others = expected.iter().filter(|(other, _)| other != name).count();
        assert_eq!(left.len(), others);
    }
}

fn keys(kind: &str, keys: &[(&str, &str)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(name, secret)| format!("{{name: '{name}', secret: {secret}}}")).collect();
    format!("{kind}: {{keys: [{}]}}", keys.join(", "))
}

fn secretbox(list: &[(&str, &str)]) -> String {
    format!("- {{resources: [a], providers: [{}, identity: {{}}]}}\n", keys("secretbox", list))
}

#[test]
fn a_wise_configuration_has_no_findings() {
    assert_found(&secretbox(&[("a", "ONE"), ("b", "TWO")]), &[]);
    let behind = format!(
        "- {{resources: [a], providers: [{}, {}, identity: {{}}]}}\n- {{resources: [b], providers: [{}, identity: {{}}]}}\n",
        keys("aesgcm", &[("a", "ONE")]),
        keys("aescbc", &[("a", "TWO")]),
        keys("aesgcm", &[("a", "ONE")])
    );
    assert_found(&behind, &[]);
}

#[test]
fn writing_providers_are_looked_at() {
    let first = "resources[0].providers[0]";
    assert_found("- {resources: [a], providers: [identity: {}]}\n", &[("identity-first", first)]);
    let aescbc = keys("aescbc", &[("a", "ONE")]);
    assert_found(
        &format!("- {{resources: [a], providers: [{aescbc}, identity: {{}}]}}\n"),
        &[("aescbc-writes", first)],
    );
    // In a list that is only appended it does not write.
    let again = format!("{}- {{resources: [a], providers: [identity: {{}}]}}\n", secretbox(&[("a", "ONE")]));
    assert_found(&again, &[("resource-twice", "resources[1].resources[0]")]);
}

#[test]
fn keys_are_looked_at() {
    let key = |i: usize, field: &str| format!("resources[0].providers[0].secretbox.keys[{i}].{field}");
    assert_found(&secretbox(&[("a", "ONE"), ("b", "ONE")]), &[("secret-under-two-names", &key(1, "secret"))]);
    assert_found(&secretbox(&[("a", "ONE"), ("a", "TWO")]), &[("key-twice", &key(1, "name"))]);
    assert_found(&secretbox(&[("a", "ONE"), ("a", "ONE")]), &[("key-twice", &key(1, "name"))]);
    let both = format!(
        "- {{resources: [a], providers: [{}, {}, identity: {{}}]}}\n",
        keys("secretbox", &[("a", "ONE")]),
        keys("aesgcm", &[("a", "TWO"), ("b", "ONE")])
    );
    assert_found(&both, &[("secret-in-two-ciphers", "resources[0].providers[1].aesgcm.keys[1].secret")]);
}

/// The keys that the documentation of Kubernetes has printed, and what no generator prints.
#[test]
fn secrets_that_can_be_guessed_are_found() {
    let aesgcm = |secret: &str| {
        format!("- {{resources: [a], providers: [{}, identity: {{}}]}}\n", keys("aesgcm", &[("a", secret)]))
    };
    let path = "resources[0].providers[0].aesgcm.keys[0].secret";
    for secret in
        ["c2VjcmV0IGlzIHNlY3VyZQ==", "dGhpcyBpcyBwYXNzd29yZA==", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="]
    {
        assert_found(&aesgcm(secret), &[("example-key", path)]);
    }
    for secret in [
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "AAECAwQFBgcICQoLDA0ODw==",
        "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "VGhpcyBpcyBteSBzZWNyZXQgcGFzc3dvcmQgIG5vdCE=",
    ] {
        assert_found(&aesgcm(secret), &[("weak-secret", path)]);
    }
    assert_found(&aesgcm("SHORT"), &[]);
}

#[test]
fn plugins_and_plaintext_are_looked_at() {
    let kms = "{name: k, endpoint: 'unix:///a'}";
    assert_found(
        &format!("- {{resources: [a], providers: [kms: {kms}]}}\n"),
        &[("kms-v1", "resources[0].providers[0]"), ("no-identity", "resources[0].providers")],
    );
    let v2 = "{apiVersion: v2, name: k, endpoint: 'unix:///a'}";
    assert_found(&format!("- {{resources: [a], providers: [kms: {v2}, identity: {{}}]}}\n"), &[]);
}

#[test]
fn rules_that_mask_are_found() {
    let entry = |resources: &str| {
        format!("- {{resources: [{resources}], providers: [{}, identity: {{}}]}}\n", keys("aesgcm", &[("a", "ONE")]))
    };
    let wildcard = ("masking-rule", "resources[1].resources[0]");
    assert_found(&(entry("a.apps") + &entry("'*.apps'")), &[wildcard]);
    assert_found(&(entry("a") + &entry("'*.'")), &[wildcard]);
    assert_found(&(entry("a") + &entry("'*.*'")), &[wildcard]);
    assert_found(&(entry("a.apps") + &entry("'*.'")), &[]);
    assert_found(&entry("'*.*'"), &[]);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::temp_dir().join(format!("atrest-lint-{}.yaml", std::process::id()));
    std::fs::write(&path, format!("{HEADER}{}", secretbox(&[("a", ONE)]))).unwrap();
    for (mode, expected) in
        [(0o600, false), (0o400, false), (0o700, false), (0o640, true), (0o604, true), (0o620, true), (0o602, true)]
    {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let config = EncryptionConfiguration::from_path(&path, ConfigOptions::default()).unwrap();
        let rules: Vec<_> = config.lint().iter().map(|finding| (finding.rule(), finding.path().to_owned())).collect();
        let readable = vec![(LintRule::ReadableFile, String::new())];
        assert_eq!(rules, if expected { readable } else { vec![] }, "{mode:o}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn names_are_stable_and_texts_hold_no_secret() {
    let names: Vec<_> = LintRule::ALL.into_iter().map(LintRule::name).collect();
    let expected = "identity-first aescbc-writes key-twice secret-under-two-names secret-in-two-ciphers example-key \
                    weak-secret kms-v1 readable-file no-identity masking-rule resource-twice";
    assert_eq!(names.join(" "), expected);
    assert!(LintRule::by_name("no such rule").is_none());
    let config =
        read(&format!("- {{resources: [a], providers: [{}]}}\n", keys("aescbc", &[("a", "SHORT"), ("a", "SHORT")])));
    assert_eq!(config.lint()[0].severity(), Severity::Warning);
    let text: Vec<_> = config.lint().iter().map(|finding| format!("{finding} {finding:?}")).collect();
    assert_eq!(text.len(), 3);
    assert!(text.iter().all(|text| !text.contains(&SHORT[..8])));
    assert!(text[0].starts_with("warning: resources[0].providers[0]: aescbc writes"));
}
