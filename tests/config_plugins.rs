//! A configuration file and a plugin that runs are all it takes.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/sockets.rs"]
mod sockets;

use core::time::Duration;
use std::sync::{Arc, RwLock};

use atrest::{ConfigOptions, EncryptionConfiguration, Error, KmsFault, LocalKek, Plugin};
use sockets::Folder;
use tokio::time::sleep;

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

#[tokio::test]
async fn a_file_becomes_drivers_whose_plugins_are_asked_by_themselves() {
    let folder = Folder::new();
    let polled = configuration(&folder).poll_plugins().await.unwrap();
    let faults = |health: Option<Vec<(usize, atrest::KmsHealth)>>| -> Vec<(usize, Vec<KmsFault>)> {
        health.unwrap().into_iter().map(|(index, health)| (index, health.faults().collect())).collect()
    };
    let away = Error::KekUnreachable;
    let expected = [KmsFault::Status(away), KmsFault::Wrap(away), KmsFault::Wrap(away)].map(|fault| vec![fault]);
    assert_eq!(faults(polled.health().await), expected.into_iter().enumerate().collect::<Vec<_>>());
    let error = polled.transformer("secrets").seal(AAD, b"hunter2").await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KmsNotReady, true));

    let kek = Arc::new(RwLock::new(LocalKek::generate().unwrap()));
    let listening = Plugin::new(Arc::clone(&kek)).listen(folder.socket()).await.unwrap();
    let plugin = tokio::spawn(listening.serve_until(core::future::pending()));
    // A bad verdict holds for three seconds.
    sleep(Duration::from_millis(3100)).await;
    assert_eq!(faults(polled.health().await), [(0, vec![]), (1, vec![]), (2, vec![])]);
    let stored = polled.transformer("secrets").seal(AAD, b"hunter2").await.unwrap();
    assert_eq!(polled.transformer("secrets").open(AAD, &stored).await.unwrap().plaintext(), b"hunter2");

    // Well is well for twenty seconds, whatever came since.
    plugin.abort();
    assert!(plugin.await.is_err());
    assert_eq!(faults(polled.health().await), [(0, vec![]), (1, vec![]), (2, vec![])]);
    assert!(configuration(&folder).connect_plugins().unwrap().health().await.is_none());
}
