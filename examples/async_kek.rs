//! A KEK that answers in its own time: a thousand opens at once ask it once. No runtime is needed; any will do.
//!
//! `cargo run --release --example async_kek`
#![allow(clippy::std_instead_of_alloc)]

use core::future::poll_fn;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Poll;
use std::sync::Arc;

use atrest::{AsyncKek, AsyncTransformer, Kek, KekFuture, KmsV1, LocalKek, SecretVec, Wrapped, WrappedDek};
use futures_util::future::join_all;

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// Stands for a KMS at the other end of a wire. Clones share it.
#[derive(Clone)]
struct Remote {
    kms: Arc<LocalKek>,
    calls: Arc<AtomicUsize>,
}

impl AsyncKek for Remote {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async { self.kms.key_id().map(Into::into) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move { self.kms.wrap_dek(dek, context) })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::Relaxed);
            // Where a real one would await the network, this one lets the others have their turn.
            let mut has_waited = false;
            poll_fn(|context| {
                if core::mem::replace(&mut has_waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            self.kms.unwrap_dek(&wrapped)
        })
    }
}

async fn run() -> Result<(), Box<dyn core::error::Error>> {
    let remote = Remote { kms: Arc::new(LocalKek::generate()?), calls: Arc::default() };
    let driver = || AsyncTransformer::builder().kms_v1(KmsV1::new("vault")?, remote.clone()).build();
    let stored = driver()?.seal(AAD, b"hunter2").await?;

    // Another process, which has never seen the DEK.
    let reader = driver()?;
    let opened = join_all((0..1000).map(|_| reader.open(AAD, &stored))).await;
    for value in &opened {
        assert_eq!(value.as_ref().map_err(ToString::to_string)?.plaintext(), b"hunter2");
    }
    println!("{} opens, {} call to unwrap", opened.len(), remote.calls.load(Ordering::Relaxed));
    Ok(())
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    pollster::block_on(run())
}
