//! A run that is killed at any point is finished by the next ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/configs.rs"]
mod configs;
#[path = "common/etcd.rs"]
mod etcd;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::process::Stdio;
use std::time::Duration;

use configs::{before, load, object, open, seal, today};
use etcd::{Etcd, PREFIX, outcome};

const VALUES: usize = 2000;
const KILLS: usize = 5;

fn random_below(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}

#[tokio::test]
async fn killed_and_started_again_until_all_is_fresh() {
    let etcd = Etcd::start().await;
    let config = etcd.file("config.json", today().to_string());
    let (old, today) = (before().map(|config| load(&config)), load(&today()));
    let key = |index: usize| format!("{PREFIX}namespace{}/secret{index}", index % 7);
    etcd.put_all((0..VALUES).map(|index| (key(index), seal(&old[index % 3], &key(index), &object(&key(index)))))).await;

    let count_fresh = async || {
        let mut fresh = 0;
        for (key, value) in etcd.all(PREFIX).await {
            let (plaintext, is_stale) =
                open(&today, &key, value.value()).expect("every value opens, whenever that was");
            assert_eq!(plaintext, object(&key));
            // Each is written once at most.
            assert_eq!(value.version(), if is_stale { 1 } else { 2 }, "{key}");
            fresh += usize::from(!is_stale);
        }
        fresh
    };
    let (mut kills, mut too_early, mut fresh) = (0, 0, 0);
    while kills < KILLS && fresh < VALUES {
        // One at a time, so that it takes a while.
        let mut program = etcd.program("rewrite", &config);
        let mut child = program.args(["--in-flight", "1", "--page", "64"]).stdout(Stdio::null()).spawn().unwrap();
        let wait = 20 + random_below(100 + 20 * too_early);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let now = count_fresh().await;
        assert!(now >= fresh, "what is done stays done");
        println!("killed after {wait} ms: {now} of {VALUES} are fresh");
        kills += usize::from(now > fresh);
        too_early += u64::from(now == fresh);
        fresh = now;
    }
    assert!(kills >= 2 && fresh > 0, "{kills} kills found it at work");

    let (stdout, status) = outcome(&etcd.program("rewrite", &config).output().unwrap());
    assert_eq!(status, Some(0));
    let rewritten = VALUES - fresh;
    assert!(stdout.contains(&format!("{fresh} fresh, 0 stale, {rewritten} rewritten, 0 unreadable")), "{stdout}");
    assert_eq!(count_fresh().await, VALUES);
}
