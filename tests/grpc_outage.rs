//! A plugin that is not there, is slow, or comes back: what goes on meanwhile, and what the error says.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/faulty_kek.rs"]
mod faulty_kek;
#[path = "common/sockets.rs"]
mod sockets;
#[path = "common/tokio_clock.rs"]
mod tokio_clock;

use core::time::Duration;
use std::sync::Arc;

use atrest::{
    AsyncTransformer, CallError, Error, KmsClient, KmsEndpoint, KmsPoller, KmsV1, KmsV1Client, KmsV2, LocalKek, Plugin,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use faulty_kek::{Fault, Faulty};
use sockets::Folder;
use tokio_clock::TokioClock;

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// A plugin that ends when the handle is aborted, and removes its socket then.
async fn plugin(folder: &Folder, kek: &Arc<Faulty>) -> JoinHandle<()> {
    let listening = Plugin::new(Arc::clone(kek)).listen(folder.socket()).await.unwrap();
    tokio::spawn(listening.serve_until(core::future::pending()))
}

async fn kill(plugin: JoinHandle<()>) {
    plugin.abort();
    assert!(plugin.await.is_err());
}

/// A reader and writer as an API server has it: polled, with a cache of its own.
async fn server(folder: &Folder) -> (AsyncTransformer, KmsPoller) {
    let (clock, provider) = (TokioClock::new(), Arc::new(KmsV2::new("vault").unwrap()));
    let client = KmsClient::new(KmsEndpoint::from_path(folder.socket()));
    let poller = KmsPoller::start(client.clone(), Arc::clone(&provider), clock).await;
    (AsyncTransformer::builder().kms_v2(provider, client).clock(clock).build().unwrap(), poller)
}

async fn opens(server: &AsyncTransformer, stored: &[u8]) -> Result<(), CallError> {
    server.open(AAD, stored).await.map(|opened| assert_eq!(opened.plaintext(), b"hunter2"))
}

#[tokio::test(start_paused = true)]
async fn a_server_starts_before_its_plugin() {
    let (folder, kek) = (Folder::new(), Arc::new(Faulty::new()));
    let started = Instant::now();
    let (server, poller) = server(&folder).await;
    assert!(started.elapsed() < Duration::from_secs(4), "no longer than one timeout");
    assert!(!poller.health().is_healthy());
    let error = server.seal(AAD, b"hunter2").await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KmsNotReady, true));

    let plugin = plugin(&folder, &kek).await;
    sleep(Duration::from_secs(11)).await;
    assert!(poller.health().is_healthy());
    let stored = server.seal(AAD, b"hunter2").await.unwrap();
    opens(&server, &stored).await.unwrap();
    drop(plugin);
}

#[tokio::test(start_paused = true)]
async fn reads_go_on_from_the_cache_and_others_say_that_they_can_be_tried_again() {
    let (folder, kek) = (Folder::new(), Arc::new(Faulty::new()));
    let first = plugin(&folder, &kek).await;
    let (other, _other_poller) = server(&folder).await;
    let (seen, unseen) = (other.seal(AAD, b"hunter2").await.unwrap(), {
        let (third, _poller) = server(&folder).await;
        third.seal(AAD, b"hunter2").await.unwrap()
    });
    let (server, _poller) = server(&folder).await;
    opens(&server, &seen).await.unwrap();
    let own = server.seal(AAD, b"hunter2").await.unwrap();

    kill(first).await;
    // Far beyond the end of writes, and within the time of the cache.
    for _ in 0..20 {
        sleep(Duration::from_secs(3600)).await;
        opens(&server, &seen).await.unwrap();
        opens(&server, &own).await.unwrap();
    }
    let error = opens(&server, &unseen).await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KekUnreachable, true));
    assert!(error.cause().is_some());
    let error = server.seal(AAD, b"hunter2").await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KmsExpired, true));

    let second = plugin(&folder, &kek).await;
    opens(&server, &unseen).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    opens(&server, &server.seal(AAD, b"hunter2").await.unwrap()).await.unwrap();
    drop(second);
}

#[tokio::test]
async fn a_slow_plugin_is_one_that_cannot_be_reached() {
    let (folder, kek) = (Folder::new(), Arc::new(Faulty::new()));
    let _plugin = plugin(&folder, &kek).await;
    let driver = |millis| {
        let client =
            KmsV1Client::new(KmsEndpoint::from_path(folder.socket())).with_timeout(Duration::from_millis(millis));
        AsyncTransformer::builder().kms_v1(KmsV1::new("vault").unwrap(), client).build().unwrap()
    };
    let stored = driver(10_000).seal(AAD, b"hunter2").await.unwrap();
    kek.set(Fault::Slow(Duration::from_millis(1000)));
    let hasty = driver(400);
    let error = opens(&hasty, &stored).await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KekUnreachable, true));
    let cause = core::error::Error::source(error.cause().unwrap()).unwrap().to_string();
    assert!(cause.contains("no answer within"), "{cause}");
    opens(&driver(10_000), &stored).await.unwrap();
    kek.set(Fault::None);
    opens(&hasty, &stored).await.unwrap();
}

#[tokio::test]
async fn a_plugin_with_another_key_is_not_taken_for_damaged_data() {
    let folder = Folder::new();
    let first = plugin(&folder, &Arc::new(Faulty::new())).await;
    let stored = server(&folder).await.0.seal(AAD, b"hunter2").await.unwrap();
    kill(first).await;
    let listening = Plugin::new(LocalKek::generate().unwrap()).listen(folder.socket()).await.unwrap();
    let _second = tokio::spawn(listening.serve_until(core::future::pending()));
    let error = opens(&server(&folder).await.0, &stored).await.unwrap_err();
    assert_eq!(error.error(), Error::KekNotMine);
}
