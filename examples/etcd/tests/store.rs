//! A store with values of ours, of the API server's own code, and unreadable ones: counted, written again, and read by
//! that code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/configs.rs"]
mod configs;
#[path = "common/etcd.rs"]
mod etcd;
#[allow(dead_code, reason = "the library's own tests use the rest")]
#[path = "../../../tests/interop/upstream.rs"]
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use atrest::ProviderKind::{AesCbc, AesGcm, Secretbox};
use atrest_etcd::{Mode, Pages, Report, Run, run};
use configs::{before, config, load, object, open, provider, resource, seal, today};
use etcd::{Etcd, PREFIX, outcome};
use etcd_client::PutOptions;
use serde_json::json;
use upstream::Upstream;

/// How many values each of the configurations writes: with AES-CBC, AES-GCM, secretbox, and today's key.
const OURS: [usize; 4] = [40, 50, 30, 25];
const UPSTREAM: [usize; 4] = [10, 12, 14, 11];
const PLAIN: usize = 20;

fn start_upstream() -> Upstream {
    Upstream::start(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop"))
}

/// Values by their keys, all of which open with today's configuration.
fn good(upstream: &mut Upstream) -> BTreeMap<String, Vec<u8>> {
    let [cbc, gcm, secretbox] = before();
    let mut values = BTreeMap::new();
    for (number, config) in [cbc, gcm, secretbox, today()].iter().enumerate() {
        for index in 0..OURS[number] {
            let key = format!("{PREFIX}ours/{number}-{index}");
            values.insert(key.clone(), seal(&load(config), &key, &object(&key)));
        }
        let theirs = upstream.load(config).expect().handle;
        for index in 0..UPSTREAM[number] {
            let key = format!("{PREFIX}upstream/{number}-{index}");
            let sealed = upstream.seal(theirs, key.as_bytes(), &object(&key)).expect();
            values.insert(key, sealed.bytes());
        }
        upstream.close(theirs);
    }
    for index in 0..PLAIN {
        let key = format!("{PREFIX}plain/{index}");
        values.insert(key.clone(), object(&key));
    }
    values
}

/// Values that do not open with today's configuration, for many reasons.
fn bad() -> BTreeMap<String, Vec<u8>> {
    let gcm = |key: &str| seal(&load(&before()[1]), key, &object(key));
    let other = |kind, name| load(&config(&[provider(kind, &[(name, 99)])]));
    let mut values: Vec<(&str, Vec<u8>)> = vec![
        ("wrong-key", seal(&other("aesgcm", "2025-08"), "/registry/secrets/bad/wrong-key", b"k8s\0of another key")),
        ("no-such-key", seal(&other("aesgcm", "1999"), "/registry/secrets/bad/no-such-key", b"k8s\0")),
        ("moved", gcm("/registry/secrets/ours/elsewhere")),
        ("secretbox", seal(&other("secretbox", "2024"), "/registry/secrets/bad/secretbox", b"k8s\0")),
        ("unknown", b"k8s:enc:rot13:v1:key:frperg".to_vec()),
        ("prefix-alone", b"k8s:enc:aesgcm:v1:".to_vec()),
        ("kms", b"k8s:enc:kms:v2:vault:not protobuf".to_vec()),
        // Plaintext to identity, which is in the list.
        ("damaged-prefix", [b"k8s:gnc", &gcm("/registry/secrets/bad/damaged-prefix")[7..]].concat()),
        ("names", [b"k8s:enc:aesgcm:v1:", &*b"\x1b[2J\n:".repeat(50)].concat()),
        (
            "noise",
            (0..=255).cycle().take(999).fold(b"k8s:enc:secretbox:v1:2024:".to_vec(), |mut all, byte| {
                all.push(byte);
                all
            }),
        ),
        ("opens-to-noise", cbc_noise("/registry/secrets/bad/opens-to-noise")),
    ];
    for (name, left) in [("cut-to-the-name", 26), ("cut-to-the-nonce", 38), ("cut-by-one", usize::MAX)] {
        let mut value = gcm(&format!("{PREFIX}bad/{name}"));
        value.truncate(left.min(value.len() - 1));
        values.push((name, value));
    }
    values.into_iter().map(|(name, value)| (format!("{PREFIX}bad/{name}"), value)).collect()
}

/// A value of AES-CBC under a wrong key that opens all the same, as one in 256 does.
fn cbc_noise(key: &str) -> Vec<u8> {
    let (other, today) = (load(&config(&[provider("aescbc", &[("2023", 98)])])), load(&today()));
    let mut values = (0..100_000).map(|_| seal(&other, key, &object("precious")));
    values.find(|value| open(&today, key, value).is_some()).unwrap()
}

#[tokio::test]
async fn a_store_is_counted_and_written_again() {
    let etcd = Etcd::start().await;
    let mut upstream = start_upstream();
    let (good, bad) = (good(&mut upstream), bad());
    // Of other resources, on both sides of the prefix.
    let others = ["/registry/configmaps/a", "/registry/secrets0", "/registry/secretsmith/a", "/registry/secrets"]
        .map(|key| (key.to_owned(), b"plain".to_vec()));
    etcd.put_all(good.iter().chain(&bad).map(|(key, value)| (key.clone(), value.clone())).chain(others.clone())).await;
    let leased = format!("{PREFIX}ours/0-0");
    let lease = etcd.client.clone().lease_grant(600, None).await.unwrap().id();
    let options = PutOptions::new().with_lease(lease);
    etcd.kv.clone().put(&*leased, good[&leased].clone(), Some(options)).await.unwrap();
    let stored = etcd.all("/registry/").await;

    counts_as_it_should(&etcd).await;
    let path = etcd.file("config.json", today().to_string());
    let listed = |stdout: &str| -> BTreeSet<String> {
        let lines = stdout.lines().filter_map(|line| line.strip_prefix("unreadable "));
        lines.map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    };
    let stale = good.len() - OURS[3] - UPSTREAM[3];
    for (mode, fresh, stale, rewritten) in
        [("scan", 36, stale, 0), ("rewrite", 36, 0, stale), ("rewrite", good.len(), 0, 0), ("scan", good.len(), 0, 0)]
    {
        let (stdout, status) = outcome(&etcd.program(mode, &path).output().unwrap());
        let counts = format!("{fresh} fresh, {stale} stale, {rewritten} rewritten, {} unreadable, 0 left", bad.len());
        assert!(stdout.contains(&counts), "{counts}");
        assert_eq!(status, Some(3));
        assert_eq!(listed(&stdout), bad.keys().cloned().collect());
        assert!(!stdout.contains('\x1b') && !stdout.contains("precious"));
    }

    let after = etcd.all("/registry/").await;
    assert_eq!(after.len(), stored.len());
    for (key, value) in bad.iter().chain(&BTreeMap::from(others.clone())) {
        assert_eq!(after[key].value(), value, "{key}");
        assert_eq!(after[key].mod_revision(), stored[key].mod_revision(), "{key}");
    }
    let theirs = upstream.load(&today()).expect().handle;
    for key in good.keys() {
        let opened = upstream.open(theirs, key.as_bytes(), after[key].value()).expect();
        assert_eq!((opened.bytes(), opened.stale), (object(key), false), "{key}");
        assert_eq!(after[key].lease(), if *key == leased { lease } else { 0 });
        assert!(after[key].version() <= stored[key].version() + 1, "{key} is written once");
    }
}

/// What is counted is what was put there.
async fn counts_as_it_should(etcd: &Etcd) {
    let resource = resource(&today());
    let mut report = Report::new(&resource);
    let task =
        Run { prefix: PREFIX.into(), page: 10.try_into().unwrap(), in_flight: 3.try_into().unwrap(), mode: Mode::Scan };
    run(&etcd.kv, &resource, &task, &mut report, |_| {}).await.unwrap();
    let inventory = &report.inventory;
    let count = |kind, name| inventory.count(kind, name).values;
    // Of what does not open, what could have been written like this counts under its name.
    assert_eq!(count(AesCbc, "2023"), 40 + 10 + 1);
    assert_eq!(count(AesGcm, "2025-08"), 50 + 12 + 3);
    assert_eq!(count(Secretbox, "2024"), 30 + 14 + 2);
    assert_eq!(count(AesGcm, "2026-11"), 25 + 11);
    assert_eq!(count(AesGcm, "1999"), 1);
    assert_eq!(inventory.unencrypted().values, 20 + 1);
    assert_eq!(inventory.total().values, 212 + 14);
    assert_eq!(report.verdicts.unreadable, 14);
}

#[tokio::test]
async fn a_run_that_cannot_begin_or_go_on_says_so() {
    let mut etcd = Etcd::start().await;
    let config = etcd.file("config.json", today().to_string());
    let code = |etcd: &Etcd, arguments: &[&str]| {
        etcd.program("rewrite", &config).args(arguments).output().unwrap().status.code()
    };
    assert_eq!(code(&etcd, &[]), Some(0));
    assert_eq!(code(&etcd, &["--resource", "configmaps"]), Some(2));
    for prefix in ["", "/registry/secrets", "/registry/sec"] {
        assert_eq!(code(&etcd, &["--prefix", prefix]), Some(2), "{prefix}");
    }
    assert_eq!(code(&etcd, &["--cacert", "/does/not/exist"]), Some(2));
    assert_eq!(etcd.program("scan", Path::new("/does/not/exist")).status().unwrap().code(), Some(2));
    etcd.stop();
    assert_eq!(code(&etcd, &[]), Some(1));
}

#[tokio::test]
async fn values_of_one_resource_are_not_sealed_with_keys_of_another() {
    let etcd = Etcd::start().await;
    let mut both = today();
    let other = json!({"resources": ["configmaps"], "providers": [provider("aesgcm", &[("of configmaps", 9), ("2025-08", 2)])]});
    both["resources"].as_array_mut().unwrap().push(other);
    let path = etcd.file("config.json", both.to_string());
    let old = load(&before()[1]);
    for key in ["/registry/secrets/default/a", "/registry/configmaps/default/a"] {
        etcd.put(key, seal(&old, key, &object(key))).await;
    }
    let stored = etcd.revisions().await;
    let output = etcd.program("rewrite", &path).args(["--resource", "configmaps"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("needs --prefix"));
    assert_eq!(etcd.revisions().await, stored);

    let arguments = ["--resource", "configmaps", "--prefix", "/registry/configmaps/"];
    assert_eq!(outcome(&etcd.program("rewrite", &path).args(arguments).output().unwrap()).1, Some(0));
    assert_eq!(etcd.revisions().await["/registry/secrets/default/a"], stored["/registry/secrets/default/a"]);
    let now = etcd.get("/registry/configmaps/default/a").await.unwrap();
    assert!(now.value().starts_with(b"k8s:enc:aesgcm:v1:of configmaps:"));
}

#[tokio::test]
async fn a_key_that_seals_is_never_told_to_be_needless() {
    let etcd = Etcd::start().await;
    let path = etcd.file("config.json", today().to_string());
    let key = format!("{PREFIX}default/a");
    etcd.put(&key, seal(&load(&before()[1]), &key, &object("a"))).await;
    let (stdout, status) = outcome(&etcd.program("scan", &path).output().unwrap());
    assert_eq!(status, Some(4));
    let needless = stdout.lines().filter_map(|line| line.strip_prefix("no value under this prefix needs "));
    assert_eq!(needless.collect::<BTreeSet<_>>(), ["aescbc key \"2023\"", "secretbox key \"2024\""].into());
}

#[tokio::test]
async fn pages_miss_no_key_and_repeat_none() {
    let etcd = Etcd::start().await;
    let ends: [&[u8]; 7] = [b"", b"a", b"a\0", b"a\0\0", b"a-", b"a\xff", b"\xff\xff"];
    let keys = ends.map(|end| [PREFIX.as_bytes(), end].concat());
    for key in &keys {
        etcd.kv.clone().put(&**key, "value", None).await.unwrap();
    }
    for limit in 1..9 {
        let mut pages = Pages::new(PREFIX.as_bytes(), limit.try_into().unwrap());
        let mut found = Vec::new();
        while let Some(page) = pages.next(&mut etcd.kv.clone()).await.unwrap() {
            assert!(page.len() <= usize::try_from(limit).unwrap());
            found.extend(page.iter().map(|value| value.key().to_vec()));
        }
        assert_eq!(found, keys, "{limit} at once");
    }
}

#[tokio::test]
async fn etcd_is_spoken_to_over_tls() {
    let etcd = Etcd::start_as("https").await;
    let config = etcd.file("config.json", today().to_string());
    let key = format!("{PREFIX}default/a");
    etcd.put(&key, seal(&load(&before()[0]), &key, &object("a"))).await;
    let mut without = etcd.program("rewrite", &config);
    assert_eq!(without.status().unwrap().code(), Some(2));
    let mut with = etcd.program("rewrite", &config);
    assert_eq!(outcome(&with.arg("--cacert").arg(etcd.authority()).output().unwrap()).1, Some(0));
    let stored = etcd.get(&key).await.unwrap();
    assert_eq!(open(&load(&today()), &key, stored.value()), Some((object("a"), false)));
}
