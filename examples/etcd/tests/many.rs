//! Many values and long ones, in bounded memory: `ATREST_ETCD_VALUES` says how many, and with `--nocapture` the rate and
//! the memory are shown.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/configs.rs"]
mod configs;
#[path = "common/etcd.rs"]
mod etcd;

use std::time::Instant;

use configs::{before, load, object, open, seal, today};
use etcd::{Etcd, PREFIX, outcome};

/// The most memory that the program may take for values of the usual size, in KiB.
const MEMORY_MAX: u64 = 64 << 10;

/// And for a page of the longest ones.
const MEMORY_MAX_LONG: u64 = 128 << 10;

/// Values of 1 MiB, together longer than what is read at once.
const LONG: usize = 40;

/// The memory that the program says it took.
fn memory(stdout: &str) -> u64 {
    let line = stdout.lines().find_map(|line| line.strip_suffix(" KiB of memory at most"));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn many_values() {
    let values = std::env::var("ATREST_ETCD_VALUES").map_or(2000, |text| text.parse::<usize>().unwrap());
    let etcd = Etcd::start().await;
    let config = etcd.file("config.json", today().to_string());
    let (old, now) = (before().map(|config| load(&config)), load(&today()));
    let key = |index: usize| format!("{PREFIX}namespace{}/secret{index}", index % 97);
    let plaintext = |key: &str| object(&format!("{key}{}", "#".repeat(1000)));
    let started = Instant::now();
    etcd.put_all((0..values).map(|index| (key(index), seal(&old[index % 3], &key(index), &plaintext(&key(index))))))
        .await;
    println!("{values} values of 1 KiB written in {:.1?}", started.elapsed());

    for (mode, status, counts) in [
        ("scan", 4, format!("0 fresh, {values} stale, 0 rewritten, 0 unreadable")),
        ("rewrite", 0, format!("0 fresh, 0 stale, {values} rewritten, 0 unreadable")),
        ("rewrite", 0, format!("{values} fresh, 0 stale, 0 rewritten, 0 unreadable")),
    ] {
        let (stdout, exited) = outcome(&etcd.program(mode, &config).output().unwrap());
        assert_eq!(exited, Some(status));
        assert!(stdout.contains(&counts), "{counts}");
        assert!(memory(&stdout) < MEMORY_MAX);
    }
    let stored = etcd.all(PREFIX).await;
    assert_eq!(stored.len(), values);
    for (key, value) in stored {
        assert_eq!(open(&now, &key, value.value()), Some((plaintext(&key), false)));
    }
}

#[tokio::test]
async fn a_page_of_long_values_does_not_take_more_memory_than_it_may() {
    let etcd = Etcd::start().await;
    let config = etcd.file("config.json", today().to_string());
    let old = load(&before()[1]);
    let long = object(&"#".repeat(1 << 20));
    for index in 0..LONG {
        let key = format!("{PREFIX}default/long{index:03}");
        etcd.put(&key, seal(&old, &key, &long)).await;
    }
    // As long as etcd takes it, which is too long in a swap, or with a longer name of a key.
    let longest = format!("{PREFIX}default/longest");
    let shorter = load(&configs::config(&[configs::provider("aesgcm", &[("b", 2)])]));
    let (mut taken, mut refused): (usize, usize) = (1 << 20, 3 << 19);
    while refused - taken > 1 {
        let len = taken.midpoint(refused);
        let value = seal(&shorter, &longest, &vec![b'#'; len]);
        let is_taken = etcd.kv.clone().put(longest.clone(), value, None).await.is_ok();
        *if is_taken { &mut taken } else { &mut refused } = len;
    }
    let reads_it = configs::config(&[configs::provider("aesgcm", &[("2026-11", 4), ("2025-08", 2), ("b", 2)])]);
    let reads_it = etcd.file("longest.json", reads_it.to_string());

    let (stdout, status) = outcome(&etcd.program("rewrite", &reads_it).output().unwrap());
    assert_eq!(status, Some(3));
    assert!(stdout.contains(&format!("0 fresh, 0 stale, {LONG} rewritten, 0 unreadable, 1 left")));
    assert!(stdout.contains(&format!("left {longest}: etcd does not take it: ")));
    assert!(memory(&stdout) < MEMORY_MAX_LONG);
    assert_eq!(etcd.program("scan", &config).status().unwrap().code(), Some(3));
}
