//! From a key in the file to a KMS plugin, from one key of the plugin to the next, and what happens without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/configs.rs"]
mod configs;
#[path = "common/etcd.rs"]
mod etcd;

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, RwLock};

use atrest::{Kek, KekError, LocalKek, Plugin, Refusal, SecretVec, Wrapped, WrappedDek};
use atrest_etcd::Judgement;
use configs::{before, config, load, object, provider, resource, seal};
use etcd::{Etcd, PREFIX, outcome};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Says of every DEK that is not its own that it cannot be reached, as many a plugin does.
#[derive(Clone)]
struct Vague(Arc<RwLock<LocalKek>>);

impl Kek for Vague {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(self.0.read().unwrap().key_id()?.into_owned().into())
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.0.read().unwrap().wrap_dek(dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.0.read().unwrap().unwrap_dek(wrapped).map_err(|_| Refusal::Unreachable.into())
    }
}

async fn serve(kek: &Vague, socket: &Path) -> JoinHandle<()> {
    let listening = Plugin::new(kek.clone()).listen(socket).await.unwrap();
    tokio::spawn(listening.serve_until(core::future::pending()))
}

fn with_plugin(socket: &Path) -> Value {
    let endpoint = format!("unix://{}", socket.to_str().unwrap());
    let kms = json!({"kms": {"apiVersion": "v2", "name": "vault", "endpoint": endpoint, "timeout": "1s"}});
    config(&[kms, provider("secretbox", &[("2024", 3)])])
}

/// The last byte of the wrapped DEK changed, which is of the tag.
fn damaged(stored: &[u8]) -> Vec<u8> {
    let prefix = b"k8s:enc:kms:v2:vault:".len();
    // A message of protobuf: the data come first, then the key id and the wrapped DEK, each behind a tag and its length.
    let mut at = prefix;
    loop {
        let (tag, len) = (stored[at], usize::from(stored[at + 1]));
        assert!(len < 128);
        at += 2 + len;
        if tag >> 3 == 3 {
            let mut stored = stored.to_vec();
            stored[at - 1] ^= 1;
            return stored;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_key_to_a_plugin_and_on() {
    let etcd = Etcd::start().await;
    let socket = etcd.file("unused", "").with_file_name("kms.sock");
    let today = with_plugin(&socket);
    let path = etcd.file("config.json", today.to_string());
    let old = load(&before()[2]);
    let key = |index| format!("{PREFIX}default/{index}");
    etcd.put_all((0..50).map(|index| (key(index), seal(&old, &key(index), &object(&key(index)))))).await;
    let rewrite = || outcome(&etcd.program("rewrite", &path).output().unwrap());

    // Values open, and cannot be sealed.
    let (stdout, status) = rewrite();
    assert_eq!(status, Some(1));
    assert!(stdout.contains(" 0 rewritten, 0 unreadable"), "{stdout}");

    let kek = Vague(Arc::new(RwLock::new(LocalKek::generate().unwrap())));
    let plugin = serve(&kek, &socket).await;
    let (stdout, status) = rewrite();
    assert_eq!(status, Some(0));
    assert!(stdout.contains("0 fresh, 0 stale, 50 rewritten, 0 unreadable"), "{stdout}");
    assert!(stdout.contains("no value under this prefix needs secretbox key \"2024\""), "{stdout}");

    kek.0.write().unwrap().rotate().unwrap();
    let bad = damaged(etcd.get(&key(7)).await.unwrap().value());
    etcd.put(&key(7), bad.clone()).await;
    let (stdout, status) = rewrite();
    assert_eq!(status, Some(3));
    assert!(stdout.contains("0 fresh, 0 stale, 49 rewritten, 1 unreadable"), "{stdout}");
    assert!(stdout.contains(&format!("unreadable {}: ", key(7))), "{stdout}");

    let resource = resource(&today);
    resource.check().await.unwrap();
    for (key, value) in etcd.all(PREFIX).await {
        match resource.judge(key.as_bytes(), value.value()).await.unwrap() {
            Judgement::Unreadable(_) => assert_eq!(value.value(), bad),
            judgement => assert!(matches!(judgement, Judgement::Fresh), "{key}"),
        }
    }

    plugin.abort();
    let _ = plugin.await;
    let (stdout, status) = rewrite();
    assert_eq!(status, Some(1));
    assert!(stdout.contains("0 fresh, 0 stale, 0 rewritten, 0 unreadable"), "{stdout}");
}
