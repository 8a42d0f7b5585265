//! A configuration file and a plugin that runs are all it takes.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/sockets.rs"]
mod sockets;

use std::sync::Arc;

use atrest::{ConfigOptions, EncryptionConfiguration, Error, LocalKek, Plugin};
use sockets::Folder;

const AAD: &[u8] = b"/registry/secrets/default/login1";

fn configuration(folder: &Folder) -> EncryptionConfiguration {
    let text = format!(
        "
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - kms: {{apiVersion: v2, name: two, endpoint: 'unix://{0}', timeout: 2s}}
  - kms: {{apiVersion: v1, name: one, endpoint: 'unix://{0}', timeout: 2s}}
- resources: [pods]
  providers:
  - kms: {{name: one, endpoint: 'unix://{0}', timeout: 200ms}}
",
        folder.socket().display()
    );
    EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).unwrap()
}

#[tokio::test]
async fn a_file_becomes_drivers_with_one_call() {
    let folder = Folder::new();
    let connected = configuration(&folder).connect_plugins().unwrap();
    // The plugin comes later.
    assert!(connected.check().await.iter().any(|(_, checked)| checked.is_err()));
    let error = connected.transformer("secrets").seal(AAD, b"hunter2").await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KmsNotReady, true));
    let error = connected.transformer("pods").seal(AAD, b"hunter2").await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KekUnreachable, true));

    let kek = Arc::new(LocalKek::generate().unwrap());
    let listening = Plugin::new(Arc::clone(&kek)).listen(folder.socket()).await.unwrap();
    let plugin = tokio::spawn(listening.serve_until(core::future::pending()));
    assert!(connected.check().await.iter().all(|(_, checked)| checked.is_ok()));
    let by_v2 = connected.transformer("secrets").seal(AAD, b"hunter2").await.unwrap();
    let by_v1 = connected.transformer("pods").seal(AAD, b"hunter2").await.unwrap();
    assert!(by_v2.starts_with(b"k8s:enc:kms:v2:two:") && by_v1.starts_with(b"k8s:enc:kms:v1:one:"));

    // Another process, with the same file.
    let other = configuration(&folder).connect_plugins().unwrap();
    assert!(other.check().await.iter().all(|(_, checked)| checked.is_ok()));
    for (stored, stale) in [(&by_v2, false), (&by_v1, true)] {
        let opened = other.transformer("secrets").open(AAD, stored).await.unwrap();
        assert_eq!((opened.plaintext(), opened.is_stale()), (&b"hunter2"[..], stale));
    }
    plugin.abort();
}
