//! Whoever writes while values are sealed again loses nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/configs.rs"]
mod configs;
#[path = "common/etcd.rs"]
mod etcd;

use core::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use atrest::EncryptionConfiguration;
use atrest_etcd::{Mode, Outcome, Report, Resource, Run, Settled, Stop, run, settle};
use configs::{before, load, object, open, resource, seal, today};
use etcd::{Etcd, PREFIX};

/// A value that is stale when it is read, and what is there in its place when it is swapped.
async fn overtaken(etcd: &Etcd, resource: &Resource, then: impl AsyncFnOnce(&str)) -> Settled {
    let key = "/registry/secrets/default/raced";
    etcd.put(key, seal(&load(&before()[1]), key, &object("first"))).await;
    let read = etcd.get(key).await.unwrap();
    then(key).await;
    settle(&mut etcd.kv.clone(), resource, read).await.unwrap()
}

#[tokio::test]
async fn a_value_that_changed_after_it_was_read_is_judged_again() {
    let etcd = Etcd::start().await;
    let (resource, today) = (resource(&today()), load(&today()));
    let stored = |key: &'static str| async { etcd.get(key).await.unwrap().value().to_vec() };
    let key = "/registry/secrets/default/raced";

    let fresh = seal(&today, key, &object("second"));
    let settled = overtaken(&etcd, &resource, async |key| etcd.put(key, fresh.clone()).await).await;
    assert!(matches!(settled.outcome, Outcome::Fresh) && settled.conflicts == 1, "{settled:?}");
    assert_eq!(stored(key).await, fresh);

    let stale = seal(&load(&before()[2]), key, &object("third"));
    let settled = overtaken(&etcd, &resource, async |key| etcd.put(key, stale).await).await;
    assert!(matches!(settled.outcome, Outcome::Rewritten { .. }) && settled.conflicts == 1, "{settled:?}");
    assert_eq!(open(&today, key, &stored(key).await), Some((object("third"), false)));

    // The same bytes again are another write.
    let settled = overtaken(&etcd, &resource, async |key| {
        let same = stored("/registry/secrets/default/raced").await;
        etcd.put(key, same).await;
    });
    assert_eq!(settled.await.conflicts, 1);

    let damaged = b"k8s:enc:aesgcm:v1:2025-08:of somebody else entirely, and 30 bytes long";
    let settled = overtaken(&etcd, &resource, async |key| etcd.put(key, damaged).await).await;
    assert!(matches!(settled.outcome, Outcome::Unreadable(_)), "{settled:?}");
    assert_eq!(stored(key).await, damaged);

    let settled = overtaken(&etcd, &resource, async |key| drop(etcd.kv.clone().delete(key, None).await.unwrap())).await;
    assert!(matches!(settled.outcome, Outcome::Gone) && settled.conflicts == 1, "{settled:?}");
    assert!(etcd.get(key).await.is_none());
}

#[tokio::test]
async fn what_etcd_refuses_for_another_reason_than_its_length_ends_the_run() {
    let etcd = Etcd::start().await;
    let resource = resource(&today());
    let key = "/registry/secrets/default/a";
    etcd.put(key, seal(&load(&before()[1]), key, &object("a"))).await;
    let read = etcd.get(key).await.unwrap();
    // From here on etcd wants a user, and calls it an invalid argument that there is none.
    let mut auth = etcd.client.clone();
    auth.role_add("root").await.unwrap();
    auth.user_add("root", "password", None).await.unwrap();
    auth.user_grant_role("root", "root").await.unwrap();
    auth.auth_enable().await.unwrap();
    match settle(&mut etcd.kv.clone(), &resource, read).await {
        Err(Stop::Etcd(etcd_client::Error::GRpcStatus(status))) => assert_eq!(status.code() as i32, 3, "{status}"),
        other => panic!("{other:?}"),
    }
}

/// Writes to the same few keys all the time, with old keys and with today's, until it is told to stop; what it wrote
/// last to each.
async fn write(etcd: &Etcd, with: &[EncryptionConfiguration], stop: &Cell<bool>) -> BTreeMap<String, Vec<u8>> {
    let mut last = BTreeMap::new();
    let mut writes = 0;
    while !stop.get() || last.len() < 20 {
        let key = format!("{PREFIX}default/hot{}", writes % 20);
        let plaintext = object(&format!("write {writes}"));
        etcd.put(&key, seal(&with[writes / 20 % with.len()], &key, &plaintext)).await;
        last.insert(key, plaintext);
        writes += 1;
    }
    println!("{writes} writes");
    last
}

#[tokio::test]
async fn no_update_is_lost_and_all_is_fresh_in_the_end() {
    let etcd = Etcd::start().await;
    let (resource, today) = (resource(&today()), load(&today()));
    let old = before().map(|config| load(&config));
    let quiet = |index: usize| format!("{PREFIX}default/quiet{index}");
    etcd.put_all((0..200).map(|index| (quiet(index), seal(&old[index % 3], &quiet(index), &object(&quiet(index))))))
        .await;

    let task = Run {
        prefix: PREFIX.into(),
        page: 7.try_into().unwrap(),
        in_flight: 4.try_into().unwrap(),
        mode: Mode::Rewrite,
    };
    let stop = Cell::new(false);
    let mut conflicts = 0;
    let rewriting = async {
        let deadline = Instant::now() + Duration::from_secs(60);
        while conflicts < 50 {
            let mut report = Report::new(&resource);
            run(&etcd.kv, &resource, &task, &mut report, |_| {}).await.unwrap();
            assert_eq!(report.verdicts.unreadable + report.verdicts.gone, 0, "{}", report.verdicts);
            conflicts += report.verdicts.conflicts;
            assert!(Instant::now() < deadline, "{conflicts} conflicts");
        }
        stop.set(true);
    };
    let [cbc, gcm, secretbox] = old;
    let writer = [cbc, gcm, secretbox, load(&configs::today())];
    let (last, ()) = futures_util::future::join(write(&etcd, &writer, &stop), rewriting).await;
    println!("{conflicts} conflicts");

    let mut report = Report::new(&resource);
    run(&etcd.kv, &resource, &task, &mut report, |_| {}).await.unwrap();
    assert_eq!((report.verdicts.exit_status(), report.verdicts.total()), (0, 220), "{}", report.verdicts);
    let stored = etcd.all(PREFIX).await;
    assert_eq!(stored.len(), 220);
    for (key, value) in stored {
        let plaintext = last.get(&key).cloned().unwrap_or_else(|| object(&key));
        assert_eq!(open(&today, &key, value.value()), Some((plaintext, false)), "{key}");
    }
}
