//! Sealing and opening with a KMS plugin, through its absence and back: with a plugin that comes late, goes, and comes
//! again.
//!
//! `cargo run --release --features kms-client,kms-plugin --example kms_client`, or with the endpoint of a plugin that
//! runs, such as `unix:///run/kms.sock`, behind `--`.
#![allow(clippy::std_instead_of_alloc)]

use core::time::Duration;
use std::sync::Arc;
use std::{env, process};

use atrest::{AsyncTransformer, KmsClient, KmsEndpoint, KmsPoller, KmsV2, LocalKek, Plugin, SystemClock};
use tokio::task::JoinHandle;

const AAD: &[u8] = b"/registry/secrets/default/login1";

type Failure = Box<dyn core::error::Error>;

/// A plugin of our own where no other was named.
async fn plugin(endpoint: &KmsEndpoint, kek: &Arc<LocalKek>) -> Result<JoinHandle<()>, Failure> {
    let listening = Plugin::new(Arc::clone(kek)).listen(endpoint.path()).await?;
    Ok(tokio::spawn(listening.serve_until(core::future::pending())))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let given = env::args().nth(1);
    let own = format!("unix://{}/atrest-{}.sock", env::temp_dir().display(), process::id());
    let endpoint = KmsEndpoint::parse(given.as_deref().unwrap_or(&own))?;
    let client = KmsClient::new(endpoint.clone()).with_timeout(Duration::from_millis(500));

    // Nothing waits for a plugin that is not there yet, for longer than one call may take.
    let vault = Arc::new(KmsV2::new("vault")?);
    let poller = KmsPoller::start(client.clone(), Arc::clone(&vault), SystemClock::default()).await;
    let transformer = AsyncTransformer::builder().kms_v2(vault, client).build()?;
    println!("at first: {}", poller.health());

    let kek = Arc::new(LocalKek::generate()?);
    let running = if given.is_none() { Some(plugin(&endpoint, &kek).await?) } else { None };
    while !poller.check().await.is_healthy() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    println!("then: {}", poller.health());
    let stored = transformer.seal(AAD, b"hunter2").await?;
    println!("sealed to {} bytes", stored.len());

    if let Some(running) = running {
        running.abort();
        let _ = running.await;
        // The seed is at hand: values are sealed for three minutes more, and opened for a day.
        let again = transformer.seal(AAD, b"hunter3").await?;
        assert_eq!(transformer.open(AAD, &again).await?.plaintext(), b"hunter3");
        println!("without the plugin: sealed and opened, with what is at hand");
    }
    assert_eq!(transformer.open(AAD, &stored).await?.plaintext(), b"hunter2");
    println!("opened");
    Ok(())
}
