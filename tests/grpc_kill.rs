//! 64 readers and two writers while the plugin is killed and started again at random: no plaintext is wrong, and no write
//! that was reported is lost, and memory stays bounded. `ATREST_KILL_SECONDS` says for how long.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/sockets.rs"]
mod sockets;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;
use std::{env, fs};

use atrest::{
    AsyncTransformer, DekCache, KmsClient, KmsEndpoint, KmsPoller, KmsV1, KmsV1Client, KmsV2, LocalKek, OsRandom,
    Plugin, Random, SystemClock,
};
use tokio::task::JoinSet;
use tokio::time::sleep;

use sockets::Folder;

const OPENERS: usize = 64;

/// Bytes; what the test itself keeps, the values written, is some five million a minute.
const MEMORY_GROWTH_MAX: usize = 16 << 20;

type Kek = Arc<RwLock<LocalKek>>;
/// AAD, plaintext and stored value of each write that was reported.
type Store = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

fn random(below: u64) -> u64 {
    let mut bytes = [0; 4];
    OsRandom.fill(&mut bytes).unwrap();
    u64::from(u32::from_le_bytes(bytes)) % below
}

/// Bytes of memory that the process holds.
fn memory() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).map_or(0, |pages| pages.parse::<usize>().unwrap() * 4096)
}

/// KMS v2 first and v1 behind it, both without a cache, so that each open needs the plugin.
async fn server(folder: &Folder, v2_first: bool) -> (AsyncTransformer, KmsPoller) {
    let endpoint = || KmsEndpoint::from_path(folder.socket());
    let timeout = Duration::from_millis(500);
    let client = KmsClient::new(endpoint()).with_timeout(timeout);
    let v1_client = KmsV1Client::new(endpoint()).with_timeout(timeout);
    let v2 = Arc::new(KmsV2::new("v2").unwrap().with_cache(DekCache::disabled()));
    let v1 = KmsV1::new("v1").unwrap().with_cache(DekCache::disabled());
    let poller = KmsPoller::start(client.clone(), Arc::clone(&v2), SystemClock::default()).await;
    let builder = AsyncTransformer::builder();
    let builder = if v2_first {
        builder.kms_v2(v2, client).kms_v1(v1, v1_client)
    } else {
        builder.kms_v1(v1, v1_client).kms_v2(v2, client)
    };
    (builder.build().unwrap(), poller)
}

/// Runs the plugin for a while, kills it, and starts it again; at times with another key, or with its socket left behind.
async fn restart(folder: Arc<Folder>, kek: Kek, is_over: Arc<AtomicBool>) -> usize {
    let mut kills = 0;
    while !is_over.load(Ordering::SeqCst) {
        let listening = Plugin::new(Arc::clone(&kek)).listen(folder.socket()).await.unwrap();
        let plugin = tokio::spawn(listening.serve_until(core::future::pending()));
        sleep(Duration::from_millis(20 + random(300))).await;
        plugin.abort();
        assert!(plugin.await.is_err());
        kills += 1;
        if random(4) == 0 {
            drop(std::os::unix::net::UnixListener::bind(folder.socket()).unwrap());
        }
        if random(8) == 0 {
            kek.write().unwrap().rotate().unwrap();
        }
        sleep(Duration::from_millis(random(200))).await;
    }
    kills
}

async fn write(server: Arc<AsyncTransformer>, store: Store, is_over: Arc<AtomicBool>) {
    for number in 0.. {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let (aad, plaintext) = (format!("/registry/secrets/{number}"), format!("secret {number}"));
        match server.seal(aad.as_bytes(), plaintext.as_bytes()).await {
            Ok(stored) => store.lock().unwrap().push((aad, plaintext, stored)),
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn read(server: Arc<AsyncTransformer>, store: Store, is_over: Arc<AtomicBool>, opened: Arc<AtomicUsize>) {
    while !is_over.load(Ordering::SeqCst) {
        let len = u64::try_from(store.lock().unwrap().len()).unwrap();
        if len == 0 {
            sleep(Duration::from_millis(10)).await;
            continue;
        }
        let index = usize::try_from(random(len)).unwrap();
        let (aad, plaintext, stored) = store.lock().unwrap()[index].clone();
        match server.open(aad.as_bytes(), &stored).await {
            Ok(value) => {
                assert_eq!(value.plaintext(), plaintext.as_bytes());
                opened.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_wrong_and_nothing_is_lost() {
    let seconds = env::var("ATREST_KILL_SECONDS").map_or(10, |seconds| seconds.parse().unwrap());
    let folder = Arc::new(Folder::new());
    let kek: Kek = Arc::new(RwLock::new(LocalKek::generate().unwrap()));
    let (store, is_over, opened) = (Store::default(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let restarts = tokio::spawn(restart(Arc::clone(&folder), Arc::clone(&kek), Arc::clone(&is_over)));
    let (v2, _v2_poller) = server(&folder, true).await;
    let (v1, _v1_poller) = server(&folder, false).await;
    let servers = [Arc::new(v2), Arc::new(v1)];
    let mut tasks = JoinSet::new();
    for server in &servers {
        tasks.spawn(write(Arc::clone(server), Arc::clone(&store), Arc::clone(&is_over)));
    }
    for index in 0..OPENERS {
        let server = Arc::clone(&servers[index % 2]);
        tasks.spawn(read(server, Arc::clone(&store), Arc::clone(&is_over), Arc::clone(&opened)));
    }
    let started = Instant::now();
    // The most at any time in the first quarter, and after it.
    let (mut memory_at_first, mut memory_later) = (0, 0);
    while started.elapsed() < Duration::from_secs(seconds) {
        sleep(Duration::from_millis(100)).await;
        let is_early = started.elapsed() < Duration::from_secs(seconds) / 4;
        let most = if is_early { &mut memory_at_first } else { &mut memory_later };
        *most = memory().max(*most);
    }
    is_over.store(true, Ordering::SeqCst);
    tasks.join_all().await;
    let kills = restarts.await.unwrap();

    // With the plugin back for good, every write that was reported is there.
    let _ = fs::remove_file(folder.socket());
    let listening = Plugin::new(kek).listen(folder.socket()).await.unwrap();
    let _plugin = tokio::spawn(listening.serve_until(core::future::pending()));
    let (fresh, poller) = server(&folder, true).await;
    assert!(poller.check().await.is_healthy());
    let store = store.lock().unwrap().clone();
    for (aad, plaintext, stored) in &store {
        assert_eq!(fresh.open(aad.as_bytes(), stored).await.unwrap().plaintext(), plaintext.as_bytes());
    }
    assert!(memory_later < memory_at_first + MEMORY_GROWTH_MAX, "{memory_at_first} {memory_later}");
    assert!(!cfg!(target_os = "linux") || memory_at_first > 0, "memory was measured");
    println!(
        "{kills} kills, {} writes, {} opens, {memory_at_first} bytes of memory, then {memory_later} at most",
        store.len(),
        opened.load(Ordering::SeqCst)
    );
    assert!(kills > 5 && store.len() > 50 && opened.load(Ordering::SeqCst) > 1000);
}
