//! A KEK as a plugin: its socket, its answers, and its end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/faulty_kek.rs"]
mod faulty_kek;
#[path = "common/sockets.rs"]
mod sockets;

use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;

use atrest::{
    AsyncKek, Kek, KekError, KmsClient, KmsEndpoint, KmsV1Client, LocalKek, Plugin, Refusal, SecretVec, Wrapped,
    WrappedDek,
};
use futures_util::future::join_all;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use faulty_kek::{Fault, Faulty};
use sockets::Folder;

const DEK: &[u8; 32] = b"thirty-two bytes that are a DEK.";

fn client(path: impl Into<PathBuf>) -> KmsClient {
    KmsClient::new(KmsEndpoint::from_path(path))
}

/// A plugin that is there, and what ends it.
async fn served(plugin: Plugin, folder: &Folder) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let listening = plugin.listen(folder.socket()).await.unwrap();
    let (end, ended) = oneshot::channel();
    (end, tokio::spawn(listening.serve_until(async { drop(ended.await) })))
}

async fn round_trip(client: &dyn AsyncKek) -> Result<(), KekError> {
    let wrapped = client.wrap_dek(DEK, b"").await?;
    let annotations: Vec<_> =
        wrapped.annotations().iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let request = WrappedDek::new(wrapped.key_id(), wrapped.bytes(), b"").with_annotations(&annotations);
    assert_eq!(client.unwrap_dek(request).await?.expose(), DEK);
    Ok(())
}

#[tokio::test]
async fn both_versions_wrap_and_unwrap() {
    let folder = Folder::new();
    let kek = LocalKek::generate().unwrap();
    let key_id = Kek::key_id(&kek).unwrap().into_owned();
    let _plugin = served(Plugin::new(kek), &folder).await;
    let v2 = client(folder.socket());
    let status = v2.status().await.unwrap();
    assert_eq!((status.version(), status.healthz(), status.key_id()), ("v2", "ok", &*key_id));
    round_trip(&v2).await.unwrap();
    round_trip(&KmsV1Client::new(KmsEndpoint::from_path(folder.socket()))).await.unwrap();
}

#[test]
fn all_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + core::fmt::Debug>() {}
    shared::<KmsClient>();
    shared::<KmsV1Client>();
    shared::<atrest::KmsPoller>();
    shared::<KmsEndpoint>();
    shared::<atrest::GrpcError>();
    shared::<Plugin>();
    shared::<atrest::ListeningPlugin>();
}

#[tokio::test]
async fn an_abstract_socket_serves_too() {
    let name = format!("@atrest-{}", std::process::id());
    let listening = Plugin::new(LocalKek::generate().unwrap()).listen(&name).await.unwrap();
    let _task = tokio::spawn(listening.serve_until(core::future::pending()));
    let endpoint = KmsEndpoint::parse(&format!("unix:///{name}")).unwrap();
    round_trip(&KmsClient::new(endpoint)).await.unwrap();
    assert!(!fs::exists(&name).unwrap());
    let again = Plugin::new(LocalKek::generate().unwrap()).listen(&name).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn the_socket_is_for_its_owner_unless_said_otherwise() {
    for (plugin, expected) in [
        (Plugin::new(LocalKek::generate().unwrap()), 0o600),
        (Plugin::new(LocalKek::generate().unwrap()).mode(0o660), 0o660),
    ] {
        let folder = Folder::new();
        let _plugin = served(plugin, &folder).await;
        assert_eq!(fs::metadata(folder.socket()).unwrap().permissions().mode() & 0o777, expected);
    }
}

#[tokio::test]
async fn only_a_socket_that_nobody_listens_on_is_replaced() {
    let plugin = || Plugin::new(LocalKek::generate().unwrap());
    let folder = Folder::new();
    drop(UnixListener::bind(folder.socket()).unwrap());
    assert!(fs::exists(folder.socket()).unwrap());
    let running = served(plugin(), &folder).await;
    round_trip(&client(folder.socket())).await.unwrap();

    // One that is served.
    assert_eq!(plugin().listen(folder.socket()).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    round_trip(&client(folder.socket())).await.unwrap();
    drop(running);

    // One that listens without answering.
    let folder = Folder::new();
    let _silent = UnixListener::bind(folder.socket()).unwrap();
    assert_eq!(plugin().listen(folder.socket()).await.unwrap_err().kind(), ErrorKind::AddrInUse);

    // What is no socket.
    let folder = Folder::new();
    fs::write(folder.socket(), b"precious").unwrap();
    assert_eq!(plugin().listen(folder.socket()).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(fs::read(folder.socket()).unwrap(), b"precious");
    let folder = Folder::new();
    fs::create_dir(folder.socket()).unwrap();
    assert!(plugin().listen(folder.socket()).await.is_err());
    assert_eq!(plugin().listen(folder.path().join("no/kms.sock")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Each on a thread of its own, so that they meet anywhere.
#[test]
fn of_plugins_that_start_on_one_abandoned_socket_at_once_one_listens() {
    const PLUGINS: usize = 4;
    for round in 0..300 {
        let folder = Arc::new(Folder::new());
        drop(UnixListener::bind(folder.socket()).unwrap());
        let (start, end) = (Arc::new(Barrier::new(PLUGINS)), Arc::new(Barrier::new(PLUGINS)));
        let listen = |_| {
            let (folder, start, end) = (Arc::clone(&folder), Arc::clone(&start), Arc::clone(&end));
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                start.wait();
                let listening = runtime.block_on(Plugin::with_async(Never).listen(folder.socket()));
                end.wait();
                listening.map(|_| ()).map_err(|error| error.kind())
            })
        };
        let threads: Vec<_> = (0..PLUGINS).map(listen).collect();
        let mut outcomes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        outcomes.sort_by_key(Result::is_err);
        assert_eq!(outcomes[0], Ok(()), "{round}");
        assert_eq!(outcomes[1..], [Err(ErrorKind::AddrInUse); PLUGINS - 1], "{round}");
        assert!(!fs::exists(folder.socket()).unwrap());
    }
}

/// The file may go at any moment while it is looked at.
#[test]
fn a_plugin_that_starts_while_another_ends_listens_or_finds_it_there() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 0..1000 {
        let (folder, start) = (Folder::new(), Barrier::new(2));
        let (first, second) = (runtime(), runtime());
        let ending = first.block_on(Plugin::with_async(Never).listen(folder.socket())).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _entered = first.enter();
                start.wait();
                drop(ending);
            });
            start.wait();
            match second.block_on(Plugin::with_async(Never).listen(folder.socket())).map_err(|error| error.kind()) {
                Ok(_) | Err(ErrorKind::AddrInUse) => {}
                Err(other) => panic!("{round}: {other:?}"),
            }
        });
    }
}

#[tokio::test]
async fn a_folder_that_others_keep_locked_keeps_no_plugin_from_starting() {
    let folder = Folder::new();
    let locked = fs::File::open(folder.path()).unwrap();
    flock(&locked, FlockOperation::LockExclusive).unwrap();
    let started = std::time::Instant::now();
    let _plugin = served(Plugin::new(LocalKek::generate().unwrap()), &folder).await;
    assert!(started.elapsed() > Duration::from_secs(2), "{:?}", started.elapsed());
    round_trip(&client(folder.socket())).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_for_calls_under_way_and_for_nothing_else() {
    let folder = Folder::new();
    let kek = Arc::new(Faulty::new());
    let (end, ended) = served(Plugin::new(Arc::clone(&kek)), &folder).await;
    let (idle, busy) = (client(folder.socket()), client(folder.socket()));
    round_trip(&idle).await.unwrap();
    kek.set(Fault::Slow(Duration::from_millis(300)));
    let call = tokio::spawn(async move { busy.wrap_dek(DEK, b"").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    end.send(()).unwrap();
    assert!(call.await.unwrap().is_ok());
    ended.await.unwrap();
    assert!(!fs::exists(folder.socket()).unwrap());
    let late = idle.with_timeout(Duration::from_millis(50)).status().await;
    assert_eq!(late.unwrap_err().refusal(), Refusal::Unreachable);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let folder = Folder::new();
    let listening = Plugin::with_async(Never).grace(Duration::from_millis(100)).listen(folder.socket()).await.unwrap();
    let client = client(folder.socket());
    let call = tokio::spawn(async move { client.with_timeout(Duration::from_secs(2)).status().await });
    let started = std::time::Instant::now();
    listening.serve_until(tokio::time::sleep(Duration::from_millis(100))).await;
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(call.await.unwrap().unwrap_err().refusal(), Refusal::Unreachable);
}

/// A KEK that never answers.
struct Never;

impl AsyncKek for Never {
    fn key_id(&self) -> atrest::KekFuture<'_, String> {
        Box::pin(core::future::pending())
    }

    fn wrap_dek<'a>(&'a self, _: &'a [u8], _: &'a [u8]) -> atrest::KekFuture<'a, Wrapped> {
        panic!("a KEK that panics")
    }

    fn unwrap_dek<'a>(&'a self, _: WrappedDek<'a>) -> atrest::KekFuture<'a, SecretVec> {
        Box::pin(async { panic!("a KEK that panics") })
    }
}

#[tokio::test]
async fn a_kek_that_panics_ends_the_call_and_nothing_else() {
    let folder = Folder::new();
    let _plugin = served(Plugin::with_async(Never), &folder).await;
    let client = client(folder.socket());
    for _ in 0..3 {
        assert_eq!(client.wrap_dek(DEK, b"").await.unwrap_err().refusal(), Refusal::Unreachable);
        let unwrapped = client.unwrap_dek(WrappedDek::new("id", b"wrapped", b"")).await;
        assert_eq!(unwrapped.unwrap_err().refusal(), Refusal::Unreachable);
    }
}

#[tokio::test]
async fn a_plugin_that_is_dropped_leaves_no_file_and_takes_no_other() {
    let folder = Folder::new();
    let (_end, task) = served(Plugin::new(LocalKek::generate().unwrap()), &folder).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(!fs::exists(folder.socket()).unwrap());

    let (end, ended) = served(Plugin::new(LocalKek::generate().unwrap()), &folder).await;
    fs::remove_file(folder.socket()).unwrap();
    let _another = UnixListener::bind(folder.socket()).unwrap();
    end.send(()).unwrap();
    ended.await.unwrap();
    assert!(fs::exists(folder.socket()).unwrap());
}

#[tokio::test]
async fn a_rotation_is_seen_by_the_next_call() {
    let folder = Folder::new();
    let kek = Arc::new(RwLock::new(LocalKek::generate().unwrap()));
    let _plugin = served(Plugin::new(Arc::clone(&kek)), &folder).await;
    let client = client(folder.socket());
    let before = client.wrap_dek(DEK, b"").await.unwrap();
    assert_eq!(client.status().await.unwrap().key_id(), before.key_id());
    kek.write().unwrap().rotate().unwrap();
    let after = client.wrap_dek(DEK, b"").await.unwrap();
    assert_ne!(after.key_id(), before.key_id());
    assert_eq!(client.status().await.unwrap().key_id(), after.key_id());
    for wrapped in [before, after] {
        let request = WrappedDek::new(wrapped.key_id(), wrapped.bytes(), b"");
        assert_eq!(client.unwrap_dek(request).await.unwrap().expose(), DEK);
    }
}

/// A KEK that keeps what it needs in annotations, and insists on getting all of it back.
struct Annotating;

impl Annotating {
    fn annotations() -> BTreeMap<String, Vec<u8>> {
        let entry = |index: u8| (format!("a{index}.example.org"), vec![index; usize::from(index)]);
        (0..200).map(entry).collect()
    }
}

impl Kek for Annotating {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(Cow::Borrowed("id1"))
    }

    fn wrap_dek(&self, dek: &[u8], _: &[u8]) -> Result<Wrapped, KekError> {
        Ok(Wrapped::new("id1", dek.iter().map(|byte| !byte).collect::<Vec<_>>()).with_annotations(Self::annotations()))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        let given = wrapped.annotations().iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        if given.collect::<BTreeMap<_, _>>() != Self::annotations() || wrapped.key_id() != "id1" {
            return Err(Refusal::NotMine.into());
        }
        Ok(SecretVec::from_vec(wrapped.bytes().iter().map(|byte| !byte).collect()))
    }
}

#[tokio::test]
async fn annotations_come_back_as_they_went() {
    let folder = Folder::new();
    let _plugin = served(Plugin::new(Annotating), &folder).await;
    let v2 = client(folder.socket());
    round_trip(&v2).await.unwrap();
    let wrapped = v2.wrap_dek(DEK, b"").await.unwrap();
    let unwrapped = v2.unwrap_dek(WrappedDek::new("id1", wrapped.bytes(), b"")).await;
    assert_eq!(unwrapped.unwrap_err().refusal(), Refusal::NotMine);
    // Values of v1 have no place for them.
    let v1 = KmsV1Client::new(KmsEndpoint::from_path(folder.socket()));
    assert_eq!(v1.wrap_dek(DEK, b"").await.unwrap_err().refusal(), Refusal::Unreachable);
}

#[tokio::test]
async fn a_refusal_arrives_with_its_cause() {
    let folder = Folder::new();
    let kek = Arc::new(Faulty::new());
    let _plugin = served(Plugin::new(Arc::clone(&kek)), &folder).await;
    let client = client(folder.socket());
    for (refusal, arrives) in [
        (Refusal::NotMine, Refusal::NotMine),
        // The protocol does not tell it from a key that is missing for now.
        (Refusal::Gone, Refusal::NotMine),
        (Refusal::Denied, Refusal::Denied),
        (Refusal::Unreachable, Refusal::Unreachable),
    ] {
        kek.set(Fault::Refuse(refusal));
        let error = client.unwrap_dek(WrappedDek::new("id", b"wrapped", b"")).await.unwrap_err();
        assert_eq!(error.refusal(), arrives, "{refusal:?}");
        let cause = core::error::Error::source(&error).unwrap().to_string();
        assert!(cause.ends_with(&format!("{refusal}: the scripted cause")), "{cause}");
    }
    for fault in [Fault::WrappedLen(0), Fault::WrappedLen(1025), Fault::KeyId(String::new())] {
        kek.set(fault);
        assert_eq!(client.wrap_dek(DEK, b"").await.unwrap_err().refusal(), Refusal::Unreachable);
    }
    kek.set(Fault::WrappedLen(1024));
    assert_eq!(client.wrap_dek(DEK, b"").await.unwrap().bytes().len(), 1024);
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let folder = Folder::new();
    let kek = Arc::new(Faulty::new());
    let _plugin = served(Plugin::new(Arc::clone(&kek)), &folder).await;
    let client = client(folder.socket());
    let error = client.wrap_dek(&vec![7; 128 * 1024], b"").await.unwrap_err();
    assert_eq!(error.refusal(), Refusal::Unreachable);
    assert_eq!(kek.calls(), 0);
    round_trip(&client).await.unwrap();
}

/// Answers when so many calls are under way at once, and refuses if they do not come.
struct Together {
    calls: Mutex<usize>,
    changed: Condvar,
}

const TOGETHER: usize = 100;

impl Kek for Together {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(calls, Duration::from_secs(20), |calls| *calls < TOGETHER);
        if waited.unwrap().1.timed_out() { Err(Refusal::Unreachable.into()) } else { Ok(Cow::Borrowed("id1")) }
    }

    fn wrap_dek(&self, _: &[u8], _: &[u8]) -> Result<Wrapped, KekError> {
        Err(Refusal::Denied.into())
    }

    fn unwrap_dek(&self, _: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        Err(Refusal::Denied.into())
    }
}

#[tokio::test]
async fn many_calls_are_answered_at_once() {
    let folder = Folder::new();
    let kek = Together { calls: Mutex::new(0), changed: Condvar::new() };
    let _plugin = served(Plugin::new(kek), &folder).await;
    let client = client(folder.socket()).with_timeout(Duration::from_secs(30));
    assert!(join_all((0..TOGETHER).map(|_| client.status())).await.into_iter().all(|status| status.is_ok()));
}

#[tokio::test]
async fn what_is_no_grpc_does_no_harm() {
    let folder = Folder::new();
    let _plugin = served(Plugin::new(LocalKek::generate().unwrap()), &folder).await;
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0xff; 1000]] {
        UnixStream::connect(folder.socket()).unwrap().write_all(bytes).unwrap();
    }
    round_trip(&client(folder.socket())).await.unwrap();
}
