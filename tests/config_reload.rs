//! A changed file comes into use at once and whole, and a bad one not at all.
#![allow(clippy::unwrap_used, clippy::panic)]

extern crate alloc;

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use atrest::{
    ConfigDraft, ConfigOptions, ConfigWatcher, EncryptionConfiguration, Error, KeyEntry, ProviderEntry, Reload,
    ReloadEvent, ReloadStep, SecretVec,
};

const OPTIONS: ConfigOptions = ConfigOptions { reload: true };
const MINUTE: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);

/// A configuration whose two entries both have a key of this number and name.
fn numbered(number: usize) -> ConfigDraft {
    let mut draft = ConfigDraft::new();
    for resource in ["a", "b"] {
        let (mut secret, number_bytes) = ([7; 32], number.to_le_bytes());
        secret[..number_bytes.len()].copy_from_slice(&number_bytes);
        let key = KeyEntry::new(number.to_string(), SecretVec::from_slice(&secret).unwrap());
        draft.add_entry([resource], [ProviderEntry::Secretbox(vec![key]), ProviderEntry::Identity]);
    }
    draft
}

fn text(number: usize) -> String {
    numbered(number).to_yaml(OPTIONS).unwrap().to_string()
}

fn with_kms(timeout: &str) -> String {
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [a]\n  \
         providers: [kms: {{apiVersion: v2, name: k, endpoint: 'unix:///k', timeout: {timeout}}}]\n"
    )
}

fn config(text: &str) -> Arc<EncryptionConfiguration> {
    Arc::new(EncryptionConfiguration::from_yaml(text, OPTIONS).unwrap())
}

fn waits_until(reload: &mut Reload, now: Instant) -> Duration {
    match reload.next(now) {
        ReloadStep::Wait(until) => until - now,
        step => panic!("{step:?}"),
    }
}

fn reads(reload: &mut Reload, now: Instant) -> bool {
    matches!(reload.next(now), ReloadStep::Read)
}

/// The number of the key that seals for a resource.
fn number(config: &EncryptionConfiguration, resource: &str) -> usize {
    let transformer = config.transformer(resource).unwrap();
    let stored = transformer.seal(b"", b"plain").unwrap();
    transformer.open(b"", &stored).unwrap().key_name().unwrap().parse().unwrap()
}

#[test]
fn the_file_is_read_at_once_and_then_every_minute() {
    let start = Instant::now();
    let mut reload = Reload::new(config(&text(1)), start);
    assert!(reads(&mut reload, start));
    assert!(reload.content(Ok(text(1).as_bytes()), start).is_none());
    assert_eq!(waits_until(&mut reload, start), MINUTE);
    assert_eq!(waits_until(&mut reload, start + MINUTE - MS), MS);
    assert!(reads(&mut reload, start + MINUTE));
}

#[test]
fn a_changed_file_is_taken_once_it_is_healthy() {
    let start = Instant::now();
    let mut reload = Reload::new(config(&with_kms("4s")), start);
    assert!(reload.content(Ok(text(1).as_bytes()), start).is_none());
    assert_eq!(reload.current().hash(), config(&with_kms("4s")).hash(), "not before it is healthy");
    // Every 100 ms, at once first.
    for i in 0..5 {
        let now = start + 100 * i * MS;
        assert!(matches!(reload.next(now), ReloadStep::CheckHealth(new) if new.hash() == config(&text(1)).hash()));
        assert!(reload.health(Err(Error::KekUnreachable.into()), now).is_none());
        assert_eq!(waits_until(&mut reload, now), 100 * MS);
    }
    let now = start + Duration::from_secs(1);
    let event = reload.health(Ok(()), now).unwrap();
    assert!(matches!(event, ReloadEvent::Applied(new) if number(&new, "a") == 1));
    assert_eq!(number(reload.current(), "b"), 1);
    // The old connections are closed after twice the old timeout.
    assert_eq!(waits_until(&mut reload, now), Duration::from_secs(8));
    let closed = reload.next(now + Duration::from_secs(8));
    assert!(matches!(closed, ReloadStep::Close(old) if old.kms().count() == 1));
    assert_eq!(waits_until(&mut reload, now + Duration::from_secs(8)), MINUTE - Duration::from_secs(8));
}

#[test]
fn what_does_not_become_healthy_in_time_is_not_taken() {
    // At least 10 s, or as long as the plugins may take.
    for (timeout, seconds) in [("1s", 10), ("20s", 40)] {
        let start = Instant::now();
        let mut reload = Reload::new(config(&text(1)), start);
        assert!(reload.content(Ok(with_kms(timeout).as_bytes()), start).is_none());
        let mut now = start;
        let event = loop {
            match reload.next(now) {
                ReloadStep::CheckHealth(_) => match reload.health(Err(Error::KekUnreachable.into()), now) {
                    Some(event) => break event,
                    None => now += 100 * MS,
                },
                step => panic!("{step:?}"),
            }
        };
        assert!(matches!(event, ReloadEvent::Unhealthy(..)));
        assert_eq!(now - start, Duration::from_secs(seconds));
        assert_eq!(number(reload.current(), "a"), 1);
        assert_eq!(waits_until(&mut reload, now), 5 * MS);
    }
}

#[test]
fn a_bad_file_is_refused_and_read_again_ever_more_rarely() {
    let start = Instant::now();
    let mut reload = Reload::new(config(&text(1)), start);
    let mut now = start;
    for i in 0..100 {
        let event = if i % 2 == 0 {
            reload.content(Ok(b"kind: x"), now)
        } else {
            reload.content(Err(std::io::ErrorKind::NotFound.into()), now)
        };
        assert!(matches!(event, Some(ReloadEvent::Refused(_))));
        let wait = waits_until(&mut reload, now);
        assert_eq!(wait, MINUTE.min(5 * MS * 2_u32.pow(i.min(20))), "after {i} failures");
        now += wait;
    }
    assert_eq!(number(reload.current(), "a"), 1);
    // The next good one is taken, and the count begins anew.
    assert!(reload.content(Ok(text(2).as_bytes()), now).is_none());
    assert!(matches!(reload.next(now), ReloadStep::CheckHealth(_)));
    assert!(reload.health(Ok(()), now).is_some());
    assert!(reload.content(Ok(b"kind: x"), now).is_some());
    assert!(matches!(reload.next(now), ReloadStep::Close(_)));
    assert_eq!(waits_until(&mut reload, now), 5 * MS);
}

/// Two plugins of v1 with one name are allowed at start and not with reload.
#[test]
fn a_changed_file_is_read_with_the_rules_of_reload() {
    let kms = "kms: {name: k, endpoint: 'unix:///k'}";
    let text = format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [a]\n  \
         providers: [{kms}, {kms}]\n"
    );
    EncryptionConfiguration::from_yaml(&text, ConfigOptions::default()).unwrap();
    let mut reload = Reload::new(config(&with_kms("1s")), Instant::now());
    assert!(matches!(reload.content(Ok(text.as_bytes()), Instant::now()), Some(ReloadEvent::Refused(_))));
}

struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("atrest-reload-{name}-{}.yaml", std::process::id())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_thousand_reloads_under_four_readers_lose_nothing() {
    const RELOADS: usize = 1000;
    let file = File::new("thousand");
    numbered(0).write_to(&file.0, OPTIONS).unwrap();
    let applied = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&applied);
    let mut watcher = ConfigWatcher::open(&file.0).unwrap().observe(move |event| match event {
        ReloadEvent::Applied(config) => seen.lock().unwrap().push(number(config, "a")),
        other => panic!("{other:?}"),
    });
    let (done, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    let live = watcher.live();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut latest = 0;
                let mut numbers = HashSet::new();
                while !done.load(Ordering::Relaxed) {
                    let config = live.load();
                    let both = [number(&config, "a"), number(&config, "b")];
                    assert_eq!(both[0], both[1], "half of one configuration and half of another");
                    assert!(both[0] >= latest, "an old configuration came back");
                    latest = both[0];
                    numbers.insert(latest);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                assert_eq!(number(&live.load(), "a"), RELOADS);
                assert!(numbers.len() > 1, "the reader saw no change");
            });
        }
        let mut now = Instant::now();
        for i in 1..=RELOADS {
            numbered(i).write_to(&file.0, OPTIONS).unwrap();
            now += MINUTE + Duration::from_secs(1);
            watcher.step(now);
            assert_eq!(number(&live.load(), "b"), i);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(*applied.lock().unwrap(), (1..=RELOADS).collect::<Vec<_>>());
    assert!(reads.load(Ordering::Relaxed) > RELOADS);
}

#[test]
fn a_bad_file_keeps_the_configuration_in_use() {
    let file = File::new("bad");
    numbered(1).write_to(&file.0, OPTIONS).unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let mut watcher = ConfigWatcher::open(&file.0).unwrap().observe(move |event| {
        seen.lock().unwrap().push(match event {
            ReloadEvent::Applied(_) => "applied",
            ReloadEvent::Refused(_) => "refused",
            _ => "unhealthy",
        });
    });
    let live = watcher.live();
    let mut now = Instant::now();
    let mut step = |content: Option<&str>| {
        match content {
            Some(content) => fs::write(&file.0, content).unwrap(),
            None => fs::remove_file(&file.0).unwrap(),
        }
        now += MINUTE + Duration::from_secs(1);
        watcher.step(now);
        number(&live.load(), "a")
    };
    assert_eq!(step(Some("half a fi")), 1);
    assert_eq!(step(Some(&text(2)[..200])), 1);
    assert_eq!(step(None), 1);
    assert_eq!(step(Some(&text(2))), 2);
    assert_eq!(step(Some(&text(2))), 2);
    // Nobody was given to ask for the health of a plugin.
    assert_eq!(step(Some(&with_kms("1s"))), 2);
    let until = now + Duration::from_secs(11);
    while now < until {
        now = watcher.step(now).max(now + MS);
    }
    assert_eq!(number(&live.load(), "a"), 2);
    let events = events.lock().unwrap();
    assert_eq!(events[..5], ["refused", "refused", "refused", "applied", "unhealthy"]);
}
