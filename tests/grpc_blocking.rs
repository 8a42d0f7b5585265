//! A plugin of a KEK whose calls block, and go on when nobody waits for them any more.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/sockets.rs"]
mod sockets;

use core::time::Duration;
use std::borrow::Cow;
use std::sync::{Arc, Condvar, Mutex};

use atrest::{AsyncKek, Kek, KekError, KmsClient, KmsEndpoint, Plugin, Refusal, SecretVec, Wrapped, WrappedDek};
use futures_util::future::join_all;
use tokio::runtime::Builder;
use tokio::time::sleep;

use sockets::Folder;

/// Calls under way that the documentation of `Plugin` promises.
const CALLS_MAX: usize = 256;
const DEK: &[u8; 32] = b"thirty-two bytes that are a DEK.";
const SHORT: Duration = Duration::from_millis(500);

/// An HSM that hangs until it is let go.
#[derive(Default)]
struct Hung {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    let_go: bool,
    calls: usize,
    under_way: usize,
}

impl Hung {
    fn hang(&self) {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        state.under_way += 1;
        let mut state = self.changed.wait_while(state, |state| !state.let_go).unwrap();
        state.under_way -= 1;
    }

    fn let_go(&self) {
        self.state.lock().unwrap().let_go = true;
        self.changed.notify_all();
    }

    fn calls(&self) -> usize {
        self.state.lock().unwrap().calls
    }

    fn under_way(&self) -> usize {
        self.state.lock().unwrap().under_way
    }
}

impl Kek for Hung {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.hang();
        Ok(Cow::Borrowed("id1"))
    }

    fn wrap_dek(&self, dek: &[u8], _: &[u8]) -> Result<Wrapped, KekError> {
        self.hang();
        Ok(Wrapped::new("id1", dek.iter().map(|byte| !byte).collect::<Vec<_>>()))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.hang();
        Ok(SecretVec::from_vec(wrapped.bytes().iter().map(|byte| !byte).collect()))
    }
}

/// A runtime waits for its blocking calls when it is dropped, in a test that fails too.
struct LetGo(Arc<Hung>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

/// Runs a test with a plugin of a KEK that hangs, on so many threads for calls that block.
fn with_hung<F: Future<Output = ()>>(threads: usize, test: impl FnOnce(Arc<Hung>, KmsClient) -> F) {
    let runtime = Builder::new_multi_thread().enable_all().max_blocking_threads(threads).build().unwrap();
    runtime.block_on(async {
        let folder = Folder::new();
        let kek = Arc::new(Hung::default());
        let _let_go = LetGo(Arc::clone(&kek));
        let listening = Plugin::new(Arc::clone(&kek)).listen(folder.socket()).await.unwrap();
        let plugin = tokio::spawn(listening.serve_until(core::future::pending()));
        test(kek, KmsClient::new(KmsEndpoint::from_path(folder.socket()))).await;
        plugin.abort();
    });
}

async fn give_up(client: &KmsClient, calls: usize) {
    let client = client.clone().with_timeout(SHORT);
    for refused in join_all((0..calls).map(|_| client.unwrap_dek(WrappedDek::new("id1", DEK, b"")))).await {
        assert_eq!(refused.unwrap_err().refusal(), Refusal::Unreachable);
    }
    // Until the plugin has heard of it.
    sleep(SHORT).await;
}

#[test]
fn calls_that_hang_are_bounded_however_often_clients_try_again() {
    with_hung(2 * CALLS_MAX, async |kek, client| {
        for _ in 0..4 {
            give_up(&client, 150).await;
        }
        assert_eq!((kek.calls(), kek.under_way()), (CALLS_MAX, CALLS_MAX));
        kek.let_go();
        assert_eq!(client.wrap_dek(DEK, b"").await.unwrap().key_id(), "id1");
        while kek.under_way() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(kek.calls(), CALLS_MAX + 1, "calls that were given up while they waited for a place");
    });
}

#[test]
fn a_call_that_waits_for_a_thread_is_not_made_for_nobody() {
    with_hung(1, async |kek, client| {
        give_up(&client, 20).await;
        assert_eq!(kek.calls(), 1);
        kek.let_go();
        assert_eq!(client.wrap_dek(DEK, b"").await.unwrap().key_id(), "id1");
        assert_eq!(kek.calls(), 2);
    });
}
