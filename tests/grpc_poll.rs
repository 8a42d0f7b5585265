//! When a KMS is asked how it is, and what comes of the answers. Time is turned by the test; when what is due is what
//! Kubernetes' `config.go` says.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/scripted_plugin.rs"]
mod scripted_plugin;
#[path = "common/sockets.rs"]
mod sockets;
#[path = "common/tokio_clock.rs"]
mod tokio_clock;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use atrest::{
    AsyncTransformer, Error, Event, HashedKeyId, KmsClient, KmsEndpoint, KmsFault, KmsPoller, KmsV2, Observer,
    Operation, ProviderKind,
};
use tokio::time::{Instant, sleep_until};
use tonic::Code;

use scripted_plugin::{Answer, ScriptedPlugin};
use sockets::Folder;
use tokio_clock::TokioClock;

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// What the plugin says of itself, and the key that it wraps with.
#[derive(Clone, Copy)]
struct Says {
    status: Result<[&'static str; 3], Code>,
    wraps_with: &'static str,
}

const WELL: Says = Says { status: Ok(["v2", "ok", "id1"]), wraps_with: "id1" };
const AWAY: Says = Says { status: Err(Code::Unavailable), wraps_with: "id1" };

/// Error, key id's hash, and place of each rotation that was told.
type Rotations = Vec<(Option<Error>, Option<HashedKeyId>, Option<usize>)>;

/// Notes rotations, and panics after that where it is told to.
#[derive(Default)]
struct Record {
    rotations: Mutex<Rotations>,
    panics: AtomicBool,
}

impl Observer for Record {
    fn observe(&self, event: &Event<'_>) {
        if event.operation() == Operation::Rotate {
            assert_eq!(event.provider(), Some(ProviderKind::KmsV2));
            self.rotations.lock().unwrap().push((event.error(), event.key_id_hash(), event.provider_index()));
        }
        assert!(!self.panics.load(Ordering::SeqCst), "asked to panic");
    }
}

impl Record {
    fn take(&self) -> Rotations {
        core::mem::take(&mut self.rotations.lock().unwrap())
    }
}

struct Kms {
    _folder: Folder,
    plugin: ScriptedPlugin,
    says: Arc<Mutex<Says>>,
    asked_at: Arc<Mutex<Vec<u64>>>,
    started: Instant,
    poller: KmsPoller,
    provider: Arc<KmsV2>,
    transformer: AsyncTransformer,
    /// What the poller tells, and what the driver tells.
    records: [Arc<Record>; 2],
}

/// Fields 1 and following, each of type string.
fn fields(texts: &[&str]) -> Vec<u8> {
    let field =
        |(number, text): (u8, &&str)| [&[number << 3 | 2, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    (1..).zip(texts).flat_map(field).collect()
}

impl Kms {
    async fn start(says: Says) -> Self {
        let folder = Folder::new();
        let started = Instant::now();
        let (says, asked_at) = (Arc::new(Mutex::new(says)), Arc::new(Mutex::new(Vec::new())));
        let (script, log) = (Arc::clone(&says), Arc::clone(&asked_at));
        let plugin = ScriptedPlugin::start(&folder.socket(), move |method, _| {
            let says = *script.lock().unwrap();
            if !method.ends_with("Status") {
                return Answer::Bytes(fields(&["wrapped", says.wraps_with]));
            }
            log.lock().unwrap().push(started.elapsed().as_secs());
            match says.status {
                Ok(texts) => Answer::Bytes(fields(&texts)),
                Err(code) => Answer::Status(code, "away".into()),
            }
        });
        let (clock, provider) = (TokioClock::new(), Arc::new(KmsV2::new("vault").unwrap()));
        let client = KmsClient::new(KmsEndpoint::from_path(folder.socket()));
        let records: [Arc<Record>; 2] = Default::default();
        let observer = Arc::clone(&records[0]);
        let poller = KmsPoller::start_observed(client.clone(), Arc::clone(&provider), clock, observer, 0).await;
        let listed = Arc::clone(&provider);
        let builder = AsyncTransformer::builder().kms_v2(listed, client).clock(clock);
        let transformer = builder.observer(Arc::clone(&records[1])).build().unwrap();
        Self { _folder: folder, plugin, says, asked_at, started, poller, provider, transformer, records }
    }

    fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// Half a second after the start and so many seconds.
    async fn at(&self, seconds: u64) {
        sleep_until(self.started + Duration::from_millis(seconds * 1000 + 500)).await;
    }

    fn asked_at(&self) -> Vec<u64> {
        self.asked_at.lock().unwrap().clone()
    }

    fn faults(&self) -> Vec<KmsFault> {
        self.poller.health().faults().collect()
    }

    async fn seals(&self) -> Result<(), Error> {
        self.transformer.seal(AAD, b"hunter2").await.map(drop).map_err(|error| error.error())
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_kms_is_asked_each_minute() {
    let kms = Kms::start(WELL).await;
    assert!(kms.poller.health().is_healthy());
    assert_eq!(kms.seals().await, Ok(()));
    kms.at(200).await;
    assert_eq!(kms.asked_at(), [0, 60, 120, 180]);
    assert_eq!(kms.plugin.count("Encrypt"), 1);
    assert_eq!(kms.plugin.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn until_the_first_success_it_is_asked_each_ten_seconds() {
    let kms = Kms::start(AWAY).await;
    assert_eq!(kms.faults(), [KmsFault::Status(Error::KekUnreachable)]);
    assert!(kms.poller.cause().is_some());
    assert_eq!(kms.seals().await, Err(Error::KmsNotReady));
    kms.at(35).await;
    assert_eq!(kms.asked_at(), [0, 10, 20, 30]);
    kms.say(WELL);
    kms.at(41).await;
    assert!(kms.poller.health().is_healthy() && kms.poller.cause().is_none());
    assert_eq!(kms.seals().await, Ok(()));
    kms.at(130).await;
    // At second 60 the verdict of second 40 has just lapsed; that of 120 is due whatever came between.
    assert_eq!(kms.asked_at(), [0, 10, 20, 30, 40, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_holds_for_twenty_seconds_or_three() {
    let kms = Kms::start(WELL).await;
    for (seconds, asked) in [(5, 1), (19, 1), (20, 2), (39, 2)] {
        kms.at(seconds).await;
        assert!(kms.poller.check().await.is_healthy());
        assert_eq!(kms.asked_at().len(), asked, "{seconds}");
    }
    kms.say(AWAY);
    for (seconds, asked) in [(41, 3), (43, 3), (44, 4), (46, 4)] {
        kms.at(seconds).await;
        assert!(!kms.poller.check().await.is_healthy());
        assert_eq!(kms.asked_at().len(), asked, "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_it_is_asked_each_ten_seconds_until_a_success() {
    let kms = Kms::start(WELL).await;
    kms.at(50).await;
    kms.say(AWAY);
    kms.at(85).await;
    assert_eq!(kms.asked_at(), [0, 60, 70, 80]);
    kms.say(WELL);
    kms.at(200).await;
    assert_eq!(kms.asked_at(), [0, 60, 70, 80, 90, 120, 180]);
}

#[tokio::test(start_paused = true)]
async fn writes_end_three_minutes_after_the_last_answer_and_come_back() {
    let kms = Kms::start(WELL).await;
    let stored = kms.transformer.seal(AAD, b"hunter2").await.unwrap();
    kms.at(61).await;
    kms.say(AWAY);
    // The last answer was to the question of second 60.
    kms.at(238).await;
    assert_eq!(kms.seals().await, Ok(()));
    kms.at(241).await;
    let error = kms.transformer.seal(AAD, b"hunter2").await.unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KmsExpired, true));
    assert_eq!(kms.transformer.open(AAD, &stored).await.unwrap().plaintext(), b"hunter2");
    kms.say(WELL);
    kms.at(255).await;
    assert_eq!(kms.seals().await, Ok(()));
    // The same key, so the same seed.
    assert_eq!(kms.plugin.count("Encrypt"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_kms_that_answers_keeps_writes_alive() {
    for (status, fault) in [
        (["v2", "sick", "id1"], KmsFault::Healthz),
        (["v1", "ok", "id1"], KmsFault::Version),
        (["v2beta1", "ok", "id1"], KmsFault::VersionChanged),
    ] {
        let kms = Kms::start(WELL).await;
        kms.say(Says { status: Ok(status), ..WELL });
        kms.at(600).await;
        assert_eq!(kms.faults(), [fault]);
        assert_eq!(kms.seals().await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_id_that_cannot_be_ends_writes_in_time() {
    let kms = Kms::start(WELL).await;
    kms.say(Says { status: Ok(["v2", "ok", ""]), ..WELL });
    kms.at(100).await;
    assert_eq!((kms.faults(), kms.seals().await), (vec![KmsFault::KeyId], Ok(())));
    kms.at(190).await;
    assert_eq!((kms.faults(), kms.seals().await), (vec![KmsFault::KeyId], Err(Error::KmsExpired)));
    assert_eq!(kms.plugin.count("Encrypt"), 1);
}

#[tokio::test(start_paused = true)]
async fn another_key_brings_another_seed() {
    let kms = Kms::start(WELL).await;
    let stored = kms.transformer.seal(AAD, b"hunter2").await.unwrap();
    assert!(!kms.transformer.open(AAD, &stored).await.unwrap().is_stale());
    kms.say(Says { status: Ok(["v2", "ok", "id2"]), wraps_with: "id2" });
    kms.at(61).await;
    assert!(kms.poller.health().is_healthy());
    assert_eq!(kms.plugin.count("Encrypt"), 2);
    assert!(kms.transformer.open(AAD, &stored).await.unwrap().is_stale());
    assert_eq!(kms.plugin.count("Decrypt"), 0);
}

#[tokio::test(start_paused = true)]
async fn recovered_deks_go_when_their_time_is_over() {
    let kms = Kms::start(WELL).await;
    kms.say(Says { status: Ok(["v2", "ok", "id2"]), wraps_with: "id2" });
    kms.at(61).await;
    // The seed of before, for values that were sealed under it.
    assert_eq!(kms.provider.cache_stats().entries, 1);
    kms.at(24 * 3600).await;
    assert_eq!(kms.provider.cache_stats().entries, 1);
    kms.at(24 * 3600 + 121).await;
    assert_eq!(kms.provider.cache_stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_seed_under_another_key_than_named_is_not_taken() {
    let kms = Kms::start(WELL).await;
    let stored = kms.transformer.seal(AAD, b"hunter2").await.unwrap();
    kms.say(Says { status: Ok(["v2", "ok", "id2"]), wraps_with: "id3" });
    kms.at(75).await;
    assert_eq!(kms.faults(), [KmsFault::Rotation(Error::KekAnswer)]);
    assert_eq!(kms.asked_at(), [0, 60, 70]);
    assert_eq!(kms.seals().await, Ok(()));
    assert!(!kms.transformer.open(AAD, &stored).await.unwrap().is_stale());
    kms.at(190).await;
    assert_eq!(kms.seals().await, Err(Error::KmsExpired));
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_of_rotations_as_by_a_driver() {
    let kms = Kms::start(WELL).await;
    let [told, by_driver] = &kms.records;
    let id = |id: &str| Some(HashedKeyId::of(id));
    assert_eq!(told.take(), [(None, id("id1"), Some(0))]);
    kms.at(200).await;
    assert_eq!(told.take(), [], "there was none");
    for (named, wraps_with, error) in [("id2", "id3", Some(Error::KekAnswer)), ("id4", "id4", None)] {
        let status = Ok(["v2", "ok", named]);
        kms.say(Says { status, wraps_with });
        // The driver's own check, of the same change.
        let _ = kms.transformer.check().await;
        let expected = [(error, id(named), Some(0))];
        assert_eq!(by_driver.take(), expected);
        kms.say(Says { status: Ok(["v2", "ok", "between"]), wraps_with: "between" });
        kms.at(kms.started.elapsed().as_secs() + 30).await;
        assert!(kms.poller.check().await.is_healthy());
        told.take();
        kms.say(Says { status, wraps_with });
        kms.at(kms.started.elapsed().as_secs() + 30).await;
        kms.poller.check().await;
        assert_eq!(told.take()[0], expected[0]);
        by_driver.take();
    }
    assert_eq!(kms.faults(), []);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_ends_no_polling() {
    let kms = Kms::start(WELL).await;
    kms.records[0].panics.store(true, Ordering::SeqCst);
    for (seconds, key_id) in [(61, "id2"), (121, "id3")] {
        kms.say(Says { status: Ok(["v2", "ok", key_id]), wraps_with: key_id });
        kms.at(seconds).await;
        assert_eq!(kms.records[0].take().last().unwrap().1, Some(HashedKeyId::of(key_id)));
    }
    kms.at(400).await;
    assert_eq!((kms.seals().await, kms.faults()), (Ok(()), vec![]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_after_the_poller_is_dropped() {
    let Kms { _folder, poller, asked_at, plugin, .. } = Kms::start(WELL).await;
    drop(poller);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(*asked_at.lock().unwrap(), [0]);
    drop(plugin);
}
