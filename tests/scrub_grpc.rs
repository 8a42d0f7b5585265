//! The messages that a DEK crosses the socket in are wiped when they are dropped, at both ends, whatever becomes of a call.
//! The buffers of HTTP/2, which are not, are far longer than a message with a DEK: only short blocks are looked into.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/search.rs"]
mod search;
#[path = "common/sockets.rs"]
mod sockets;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::future::pending;
use core::hint::black_box;
use core::time::Duration;
use std::sync::Arc;

use atrest::{
    AsyncTransformer, AsyncTransformerBuilder, CallError, Error, KmsClient, KmsEndpoint, KmsV1, KmsV1Client, KmsV2,
    Plugin, Refusal,
};
use search::{Searching, freed_short_while, look_for};
use sockets::Folder;
use table_kek::{Script, TableKek};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

const AAD: &[u8] = b"/registry/secrets/default/login1";
const TEXT: &[u8] = b"hunter2 and more";

/// No message with a DEK of 32 bytes is longer, and no buffer is shorter.
const SHORT: usize = 1024;

fn builders(endpoint: &KmsEndpoint) -> [AsyncTransformerBuilder; 2] {
    let builder = AsyncTransformer::builder;
    let timeout = Duration::from_secs(20);
    [
        builder().kms_v1(KmsV1::new("a").unwrap(), KmsV1Client::new(endpoint.clone()).with_timeout(timeout)),
        builder().kms_v2(KmsV2::new("a").unwrap(), KmsClient::new(endpoint.clone()).with_timeout(timeout)),
    ]
}

async fn check(driver: &AsyncTransformer) -> Result<(), CallError> {
    driver.check().await.into_iter().try_for_each(|(_, checked)| checked)
}

/// Seals and opens by a plugin, and has it fail, all on this thread.
async fn run(kek: TableKek) {
    let folder = Folder::new();
    let listening = Plugin::with_async(kek.clone()).listen(folder.socket()).await.unwrap();
    let plugin = tokio::spawn(listening.serve_until(pending()));
    let endpoint = KmsEndpoint::from_path(folder.socket());
    for version in 0..2 {
        let driver = || builders(&endpoint).into_iter().nth(version).unwrap().build().unwrap();
        let [writer, reader] = [driver(), driver()];
        check(&writer).await.unwrap();
        check(&reader).await.unwrap();
        let stored = Box::pin(writer.seal(AAD, TEXT)).await.unwrap();
        assert!(Box::pin(reader.open(AAD, &stored)).await.unwrap().plaintext() == TEXT);
        let faults: [fn(&mut Script); 4] = [
            |script| script.refuses = Some(Refusal::Denied),
            |script| (script.wrapped_len, script.dek_len) = (Some(70_000), Some(31)),
            |script| script.panics = true,
            |script| script.key_id = "id2".into(),
        ];
        for fault in faults {
            kek.set(fault);
            let reader = driver();
            let _ = check(&reader).await;
            let _ = Box::pin(reader.open(AAD, &stored)).await;
            let _ = check(&writer).await;
            let _ = Box::pin(writer.seal(AAD, TEXT)).await;
            kek.set(|script| {
                let on_wrap = script.on_wrap.take();
                *script = Script { key_id: "id1".into(), on_wrap, ..Script::default() };
            });
        }
        // A call that is given up while the plugin has it.
        kek.set(|script| script.polls = 1_000_000);
        let reader = driver();
        let abandoned = tokio::time::timeout(Duration::from_millis(50), Box::pin(reader.open(AAD, &stored))).await;
        assert!(abandoned.is_err() || abandoned.unwrap().is_err_and(|error| error.error() == Error::KmsNotReady));
        kek.set(|script| script.polls = 0);
    }
    plugin.abort();
    assert!(plugin.await.is_err());
}

fn on_this_thread(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future);
}

#[test]
fn what_is_looked_for_is_found() {
    let dek: &'static [u8] = b"\x03The-quick[brown]fox|jumps=over!";
    let found = |len: usize| {
        freed_short_while(SHORT, || {
            look_for(|| dek, true);
            drop(black_box([dek.to_vec(), vec![0; len]].concat()));
        })
    };
    assert_eq!((found(0), found(SHORT)), (2, 1));
}

#[test]
fn messages_are_wiped() {
    for last in [false, true] {
        for half in [0..16, 16..32] {
            let kek = TableKek::new("id1");
            let part = half.clone();
            kek.set(|script| {
                script.on_wrap = Some(Arc::new(move |dek| look_for(|| &dek[part.clone()], last)));
            });
            let found = freed_short_while(SHORT, || on_this_thread(run(kek.clone())));
            assert!(kek.wraps() > 2);
            assert_eq!(found, 0, "{half:?}, of the last: {last}");
        }
    }
}
