//! A changed file comes into use together with the connections to its KMS plugins, and not while one of them is down.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/table_kek.rs"]
mod table_kek;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use atrest::{
    AsyncKek, CallError, ConfigWatcher, ConfigurationInUse, ConnectedConfiguration, EncryptionConfiguration, Error,
    Refusal, ReloadEvent,
};
use pollster::block_on;
use table_kek::TableKek;

const MINUTE: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);
const AAD: &[u8] = b"/registry/a/default/login1";

/// A configuration whose plugin has this number in its name.
fn text(number: usize, timeout: &str) -> String {
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [a]\n  \
         providers: [kms: {{apiVersion: v2, name: k{number}, endpoint: 'unix:///k', timeout: {timeout}}}]\n"
    )
}

struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("atrest-reload-kms-{name}-{}.yaml", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Connects all plugins to this KEK, and asks it.
fn connect(config: &EncryptionConfiguration, kek: &TableKek) -> Result<ConnectedConfiguration, CallError> {
    let kek: Arc<dyn AsyncKek> = Arc::new(kek.clone());
    let connected = config.connect::<CallError>(|_| Ok(Arc::clone(&kek)))?;
    block_on(connected.check()).into_iter().try_for_each(|(_, checked)| checked)?;
    Ok(connected)
}

fn name(config: &EncryptionConfiguration) -> String {
    config.kms().next().unwrap().settings().name().to_owned()
}

/// The number of the configuration in use, after a value was sealed and opened with what belongs to it: the stored
/// value has the name of the plugin from the rules, and the key id from the connection.
fn number(in_use: &ConfigurationInUse) -> usize {
    let number = name(in_use)[1..].parse().unwrap();
    let driver = in_use.connected().unwrap().transformer("a");
    let stored = block_on(driver.seal(AAD, b"plain")).unwrap();
    assert!(stored.starts_with(format!("k8s:enc:kms:v2:k{number}:").as_bytes()), "rules of another configuration");
    let key_id = format!("<{number}>");
    assert!(stored.windows(key_id.len()).any(|part| part == key_id.as_bytes()), "a connection of another one");
    assert_eq!(block_on(driver.open(AAD, &stored)).unwrap().plaintext(), b"plain");
    number
}

#[test]
fn a_thousand_reloads_under_four_readers_never_part_rules_and_connections() {
    const RELOADS: usize = 1000;
    let file = File::new("thousand", &text(0, "1s"));
    // The connection of each configuration wraps with a key of its own.
    let of_its_own = |config: &EncryptionConfiguration| {
        let kek = TableKek::new(&format!("<{}>", &name(config)[1..]));
        connect(config, &kek)
    };
    let mut watcher = ConfigWatcher::open(&file.0)
        .unwrap()
        .with_kms(of_its_own)
        .unwrap()
        .observe(|event| assert!(matches!(event, ReloadEvent::Applied(_)), "{event:?}"));
    let (done, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    let live = watcher.live();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (mut latest, mut numbers) = (0, HashSet::new());
                while !done.load(Ordering::Relaxed) {
                    let number = number(&live.load());
                    assert!(number >= latest, "an old configuration came back");
                    latest = number;
                    numbers.insert(latest);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                assert_eq!(number(&live.load()), RELOADS);
                assert!(numbers.len() > 1, "the reader saw no change");
            });
        }
        let mut now = Instant::now();
        for i in 1..=RELOADS {
            fs::write(&file.0, text(i, "1s")).unwrap();
            now += MINUTE + Duration::from_secs(1);
            watcher.step(now);
            assert_eq!(number(&live.load()), i);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(reads.load(Ordering::Relaxed) > RELOADS);
}

#[test]
fn a_configuration_whose_kms_is_down_keeps_the_old_one_and_its_connections() {
    let file = File::new("down", &text(1, "1s"));
    let keks = ["<1>", "<2>"].map(TableKek::new);
    keks[1].refuse(Refusal::Unreachable);
    let (of_config, events) = (keks.clone(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&events);
    let mut watcher = ConfigWatcher::open(&file.0)
        .unwrap()
        .with_kms(move |config| connect(config, &of_config[usize::from(name(config) == "k2")]))
        .unwrap()
        .observe(move |event| {
            seen.lock().unwrap().push(match event {
                ReloadEvent::Unhealthy(config, error) => (name(config), Some(error.error())),
                ReloadEvent::Applied(config) => (name(config), None),
                other => panic!("{other:?}"),
            });
        });
    let live = watcher.live();
    fs::write(&file.0, text(2, "1s")).unwrap();
    let mut now = Instant::now();
    let until = now + Duration::from_secs(10);
    while now <= until {
        now = watcher.step(now).max(now + MS);
        assert_eq!(number(&live.load()), 1);
    }
    assert_eq!(*events.lock().unwrap(), [("k2".to_owned(), Some(Error::KekUnreachable))]);
    // It comes up, and is taken at the next try.
    keks[1].refuse(None);
    let until = now + Duration::from_secs(1);
    while now <= until {
        now = watcher.step(now).max(now + MS);
    }
    assert_eq!(number(&live.load()), 2);
    assert_eq!(events.lock().unwrap().last(), Some(&("k2".to_owned(), None)));
    assert_eq!((keks[0].wraps(), keks[1].wraps()), (1, 1), "each was connected once");
}

#[test]
fn without_a_kms_there_are_drivers_too_and_with_an_unconnected_one_none() {
    let identity =
        text(1, "1s").replace("kms: {apiVersion: v2, name: k1, endpoint: 'unix:///k', timeout: 1s}", "identity: {}");
    let file = File::new("first", &identity);
    let live = ConfigWatcher::open(&file.0).unwrap().live();
    assert_eq!(block_on(live.load().connected().unwrap().transformer("a").seal(AAD, b"x")).unwrap(), b"x");
    fs::write(&file.0, text(1, "1s")).unwrap();
    let watcher = ConfigWatcher::open(&file.0).unwrap();
    assert!(watcher.live().load().connected().is_none());
    let refused = watcher.with_kms(|_| Err(Error::KekDenied.into())).unwrap_err();
    assert_eq!(refused.error(), Error::KekDenied);
}

/// The grace period is twice the timeout, and begins when the new connections are in use, not when they were asked for.
#[test]
fn old_connections_are_closed_when_their_grace_period_is_over_and_not_before() {
    let file = File::new("grace", &text(1, "100ms"));
    let closed = Arc::new(AtomicUsize::new(0));
    let on_close = Arc::clone(&closed);
    let mut watcher = ConfigWatcher::open(&file.0)
        .unwrap()
        .with_kms(|config| {
            thread::sleep(300 * MS);
            connect(config, &TableKek::new(&format!("<{}>", &name(config)[1..])))
        })
        .unwrap()
        .on_close(move |old| {
            assert_eq!(name(old), "k1");
            on_close.fetch_add(1, Ordering::SeqCst);
        });
    let live = watcher.live();
    let old = Arc::downgrade(&live.load());
    fs::write(&file.0, text(2, "100ms")).unwrap();
    let start = Instant::now();
    let until = watcher.step(start);
    assert_eq!(number(&live.load()), 2);
    assert!(until - start >= 500 * MS, "{:?}", until - start);
    watcher.step(until - 50 * MS);
    assert_eq!((closed.load(Ordering::SeqCst), number(&old.upgrade().unwrap())), (0, 1));
    watcher.step(until);
    assert_eq!((closed.load(Ordering::SeqCst), old.strong_count()), (1, 0));
}
