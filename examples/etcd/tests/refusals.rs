//! A value counts as unreadable only if its KMS plugin shows that it is well; else the run stops and the value is as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/configs.rs"]
mod configs;
#[path = "common/etcd.rs"]
mod etcd;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use atrest::{Kek, KekError, LocalKek, Plugin, Refusal, SecretVec, Wrapped, WrappedDek};
use configs::{config, load, object, provider};
use etcd::{Etcd, PREFIX, outcome};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Unwraps its own DEKs, and says of others that it cannot be reached.
    Well,
    /// Says so once of a DEK of its own.
    Slips,
    /// Wraps, and unwraps nothing.
    HalfDown,
    /// Lets nobody unwrap.
    Denies,
}

#[derive(Clone)]
struct Moody(Arc<LocalKek>, Arc<Mutex<Mood>>);

impl Moody {
    fn new() -> Self {
        Self(Arc::new(LocalKek::generate().unwrap()), Arc::new(Mutex::new(Mood::Well)))
    }

    fn set(&self, mood: Mood) {
        *self.1.lock().unwrap() = mood;
    }

    async fn serve(&self, socket: &Path) -> JoinHandle<()> {
        let listening = Plugin::new(self.clone()).listen(socket).await.unwrap();
        tokio::spawn(listening.serve_until(core::future::pending()))
    }
}

impl Kek for Moody {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.0.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.0.wrap_dek(dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        let mut mood = self.1.lock().unwrap();
        match *mood {
            Mood::Well => {}
            Mood::Slips => {
                *mood = Mood::Well;
                return Err(Refusal::Unreachable.into());
            }
            Mood::HalfDown => return Err(Refusal::Unreachable.into()),
            Mood::Denies => return Err(Refusal::Denied.into()),
        }
        self.0.unwrap_dek(wrapped).map_err(|_| Refusal::Unreachable.into())
    }
}

fn kms(version: &str, name: &str, socket: &Path) -> Value {
    let endpoint = format!("unix://{}", socket.to_str().unwrap());
    json!({"kms": {"apiVersion": version, "name": name, "endpoint": endpoint, "timeout": "1s"}})
}

/// An etcd with values of a plugin, a configuration that reads them, and one that writes them anew with secretbox.
struct Store {
    etcd: Etcd,
    socket: PathBuf,
    rewrites: PathBuf,
    values: [String; 5],
}

impl Store {
    async fn new(version: &str, kek: &Moody) -> (Self, JoinHandle<()>) {
        let etcd = Etcd::start().await;
        let socket = etcd.file("unused", "").with_file_name("kms.sock");
        let plugin = kek.serve(&socket).await;
        let secretbox = || provider("secretbox", &[("2026", 4)]);
        // Plugins that are away, of this resource and of another one, and which none of these values needs.
        let away = socket.with_file_name("away.sock");
        let mut rewrites = config(&[secretbox(), kms(version, "vault", &socket), kms("v2", "away", &away)]);
        let other = json!({"resources": ["configmaps"], "providers": [kms("v2", "away2", &away), secretbox()]});
        rewrites["resources"].as_array_mut().unwrap().push(other);
        let rewrites = etcd.file("config.json", rewrites.to_string());

        let wrote = load(&config(&[kms(version, "vault", &socket)])).connect_plugins().unwrap();
        wrote.check().await.into_iter().for_each(|(_, checked)| checked.unwrap());
        let values = [0, 1, 2, 3, 4].map(|index| format!("{PREFIX}default/{index}"));
        for key in &values {
            etcd.put(key, wrote.transformer("secrets").seal(key.as_bytes(), &object(key)).await.unwrap()).await;
        }
        (Self { etcd, socket, rewrites, values }, plugin)
    }

    /// Changes the wrapped DEK of a value.
    async fn damage(&self, key: &str) {
        let mut stored = self.etcd.get(key).await.unwrap().value().to_vec();
        let at = if stored.starts_with(b"k8s:enc:kms:v1:") {
            // Behind the prefix and a length of two bytes.
            "k8s:enc:kms:v1:vault:".len() + 2 + 40
        } else {
            // Field 3 of the message, behind its tag and its length; all are short.
            let mut at = "k8s:enc:kms:v2:vault:".len();
            while stored[at] >> 3 != 3 {
                assert!(stored[at + 1] < 128);
                at += 2 + usize::from(stored[at + 1]);
            }
            at + 1 + usize::from(stored[at + 1])
        };
        stored[at] ^= 1;
        self.etcd.put(key, stored).await;
    }

    fn rewrite(&self) -> (String, Option<i32>) {
        outcome(&self.etcd.program("rewrite", &self.rewrites).output().unwrap())
    }

    async fn stops_and_leaves_all(&self) {
        let before = self.etcd.revisions().await;
        let (stdout, status) = self.rewrite();
        assert_eq!(status, Some(1));
        assert!(stdout.contains(" 0 rewritten, 0 unreadable, 0 left"), "{stdout}");
        assert_eq!(self.etcd.revisions().await, before);
    }
}

async fn is_judged_by_its_own_plugin(version: &str) {
    let kek = Moody::new();
    let (store, plugin) = Store::new(version, &kek).await;
    for mood in [Mood::HalfDown, Mood::Denies] {
        kek.set(mood);
        store.stops_and_leaves_all().await;
    }
    plugin.abort();
    let _ = plugin.await;
    store.stops_and_leaves_all().await;

    let _plugin = kek.serve(&store.socket).await;
    kek.set(Mood::Well);
    store.damage(&store.values[2]).await;
    let (stdout, status) = store.rewrite();
    assert_eq!(status, Some(3));
    assert!(stdout.contains("0 fresh, 0 stale, 4 rewritten, 1 unreadable, 0 left"), "{stdout}");
    assert!(stdout.contains(&format!("unreadable {}: ", store.values[2])), "{stdout}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_v1_is_judged_by_its_own_plugin() {
    is_judged_by_its_own_plugin("v1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_v2_is_judged_by_its_own_plugin() {
    is_judged_by_its_own_plugin("v2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_slips_once_is_asked_again() {
    for version in ["v1", "v2"] {
        let kek = Moody::new();
        let (store, _plugin) = Store::new(version, &kek).await;
        // With one value at a time, the first is what it slips at.
        kek.set(Mood::Slips);
        let mut program = store.etcd.program("rewrite", &store.rewrites);
        let (stdout, status) = outcome(&program.args(["--in-flight", "1"]).output().unwrap());
        assert!(*kek.1.lock().unwrap() == Mood::Well);
        assert_eq!(status, Some(0));
        assert!(stdout.contains("0 fresh, 0 stale, 5 rewritten, 0 unreadable, 0 left"), "{stdout}");
    }
}

#[tokio::test]
async fn values_of_v1_without_a_plugin_are_not_unreadable() {
    let etcd = Etcd::start().await;
    let socket = etcd.file("unused", "").with_file_name("nobody.sock");
    let config = etcd.file("config.json", config(&[kms("v1", "vault", &socket)]).to_string());
    let key = format!("{PREFIX}default/a");
    etcd.put(&key, [b"k8s:enc:kms:v1:vault:\0\x20", &[7; 32 + 12 + 30][..]].concat()).await;
    for mode in ["scan", "rewrite"] {
        let (stdout, status) = outcome(&etcd.program(mode, &config).output().unwrap());
        assert_eq!(status, Some(1));
        assert!(stdout.contains("0 unreadable"), "{stdout}");
    }
}
