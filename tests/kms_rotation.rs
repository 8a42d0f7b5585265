//! What a driver makes of a KEK that is rotated, destroyed, or does not answer: stale reads, rewrapping, caches that are
//! cleared, also while calls are under way, checks that do not wait for each other; and that no more is kept of those calls.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::borrow::Cow;
use std::sync::{Arc, RwLock};
use std::thread;

use atrest::{
    AsyncKek, AsyncTransformer, BlockingTransformer, Envelope, EnvelopeProvider, EnvelopeTransformer, Error, Kek,
    KekError, KekFuture, KmsV1, KmsV2, LocalKek, OsRandom, SealStep, Secret, SecretVec, Step, Time, Wrapped,
    WrappedDek, inspect,
};

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// An embedded KEK that can be rotated while drivers hold it.
#[derive(Clone)]
struct Rotating(Arc<RwLock<LocalKek>>);

impl Rotating {
    fn new(key_id: &str) -> Self {
        Self(Arc::new(RwLock::new(LocalKek::generate_as(key_id).unwrap())))
    }

    fn rotate(&self, key_id: &str) {
        self.0.write().unwrap().add_first(key_id, &Secret::generate().unwrap()).unwrap();
    }
}

impl Kek for Rotating {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(self.0.key_id()?.into_owned().into())
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.0.wrap_dek(dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.0.unwrap_dek(wrapped)
    }
}

fn own(kek: &Rotating) -> BlockingTransformer {
    BlockingTransformer::builder().envelope(EnvelopeProvider::new(), kek.clone()).build().unwrap()
}

fn check(driver: &BlockingTransformer) {
    driver.check().into_iter().for_each(|(_, checked)| checked.unwrap());
}

#[test]
fn values_under_the_old_key_are_stale_once_the_kek_was_asked() {
    let kek = Rotating::new("old");
    let driver = own(&kek);
    let stored = driver.seal(AAD, b"hunter2").unwrap();
    kek.rotate("new");
    assert!(!driver.open(AAD, &stored).unwrap().is_stale());
    for driver in [driver, own(&kek)] {
        check(&driver);
        assert!(driver.open(AAD, &stored).unwrap().is_stale());
        let rewrapped = driver.rewrap(AAD, &stored).unwrap();
        assert!(!driver.open(AAD, &rewrapped).unwrap().is_stale());
        let key_id = |stored| inspect(stored).candidates().next().unwrap().key_id().unwrap();
        assert_eq!((key_id(&stored), key_id(&rewrapped)), ("old", "new"));
        // The payload: salt, commitment, text and tag.
        assert_eq!(stored[stored.len() - 87..], rewrapped[rewrapped.len() - 87..]);
        assert_eq!(driver.rewrap(b"elsewhere", &stored).unwrap_err().error(), Error::KekNotMine);
        let mut changed = stored.clone();
        let commitment = stored.len() - 30;
        changed[commitment] ^= 1;
        assert_eq!(driver.rewrap(AAD, &changed).unwrap_err().error(), Error::Open);
    }
}

#[test]
fn nothing_is_rewrapped_that_is_no_own_envelope() {
    let kek = Rotating::new("old");
    let v1 = || KmsV1::new("vault").unwrap();
    let driver = BlockingTransformer::builder().kms_v1(v1(), kek.clone()).build().unwrap();
    let stored = driver.seal(AAD, b"hunter2").unwrap();
    assert_eq!(driver.rewrap(AAD, &stored).unwrap_err().error(), Error::NoMatchingProvider);
    assert_eq!(own(&kek).rewrap(AAD, &stored).unwrap_err().error(), Error::NoMatchingProvider);
}

#[test]
fn a_destroyed_kek_reaches_a_driver_when_its_caches_are_cleared() {
    let kek = Rotating::new("old");
    let (v1, v2) = (Arc::new(KmsV1::new("vault").unwrap()), Arc::new(KmsV2::new("vault").unwrap()));
    let provider = Arc::new(EnvelopeProvider::new());
    let driver = BlockingTransformer::builder()
        .envelope(Arc::clone(&provider), kek.clone())
        .kms_v1(Arc::clone(&v1), kek.clone())
        .kms_v2(Arc::clone(&v2), kek.clone())
        .build()
        .unwrap();
    check(&driver);
    let own = Envelope::new(kek.clone()).seal(AAD, b"hunter2").unwrap();
    let by_v1 = BlockingTransformer::builder().kms_v1(KmsV1::new("vault").unwrap(), kek.clone()).build().unwrap();
    let by_v1 = by_v1.seal(AAD, b"hunter2").unwrap();
    let by_v2 = BlockingTransformer::builder().kms_v2(KmsV2::new("vault").unwrap(), kek.clone()).build().unwrap();
    check(&by_v2);
    let by_v2 = by_v2.seal(AAD, b"hunter2").unwrap();
    for stored in [&own, &by_v1, &by_v2] {
        driver.open(AAD, stored).unwrap();
    }
    assert_eq!([v1.cache_stats(), v2.cache_stats(), provider.cache_stats()].map(|stats| stats.entries), [1, 1, 1]);
    kek.rotate("new");
    kek.0.write().unwrap().destroy("old");
    assert!(driver.open(AAD, &own).is_ok(), "its DEK is at hand");
    driver.clear_caches();
    assert_eq!([v1.cache_stats(), v2.cache_stats(), provider.cache_stats()].map(|stats| stats.entries), [0, 0, 0]);
    assert_eq!(driver.open(AAD, &own).unwrap_err().error(), Error::KekGone);
    assert_eq!(driver.open(AAD, &by_v2).unwrap_err().error(), Error::KekGone);
    // KMS v1 stores no key id: whose it was cannot be told.
    assert_eq!(driver.open(AAD, &by_v1).unwrap_err().error(), Error::KekNotMine);
}

/// A list of one provider that is not KMS v2, and a value of it.
fn lists_and_values(kek: &Rotating) -> [(EnvelopeTransformer<'static>, Vec<u8>); 2] {
    let own = EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap();
    let v1 = EnvelopeTransformer::builder().wrapped(KmsV1::new("vault").unwrap()).build().unwrap();
    let writer = BlockingTransformer::builder().kms_v1(KmsV1::new("vault").unwrap(), kek.clone()).build().unwrap();
    [(own, Envelope::new(kek.clone()).seal(AAD, b"hunter2").unwrap()), (v1, writer.seal(AAD, b"hunter2").unwrap())]
}

#[test]
fn what_a_kek_answers_to_a_call_from_before_the_caches_were_cleared_is_not_kept() {
    let kek = Rotating::new("old");
    for (list, stored) in lists_and_values(&kek) {
        let now = Time::default();
        let mut out = vec![0; stored.len()];
        for clears in [true, false] {
            let Step::Unwrap(pending) = list.open_into(now, AAD, &stored, &mut out).unwrap() else { panic!("at hand") };
            let dek = kek.unwrap_dek(&pending.request()).unwrap();
            if clears {
                list.clear_caches();
            }
            assert!(matches!(pending.answer(now, &dek, &mut out), Ok(Step::Ready(_))), "it opens all the same");
            let is_kept = matches!(list.open_into(now, AAD, &stored, &mut out), Ok(Step::Ready(_)));
            assert_eq!(is_kept, !clears);
        }
    }
}

#[test]
fn a_dek_of_kms_v1_that_was_wrapped_before_the_caches_were_cleared_is_not_kept() {
    let (kek, now) = (Rotating::new("old"), Time::default());
    let [_, (list, _)] = lists_and_values(&kek);
    for clears in [true, false] {
        let SealStep::Wrap(pending) = list.seal(&mut OsRandom, now, AAD, 7).unwrap() else { panic!("at hand") };
        let answer = kek.wrap_dek(pending.expose_dek(), pending.context()).unwrap();
        if clears {
            list.clear_caches();
        }
        let stored = pending.answer(now, answer).unwrap().seal_to_vec(&mut OsRandom, b"hunter2").unwrap();
        let mut out = vec![0; stored.len()];
        let is_kept = matches!(list.open_into(now, AAD, &stored, &mut out), Ok(Step::Ready(_)));
        assert_eq!(is_kept, !clears);
    }
}

#[test]
fn a_seed_that_was_written_with_goes_with_the_caches_after_the_check_that_brings_another() {
    let kek = Rotating::new("old");
    let driver = BlockingTransformer::builder().kms_v2(KmsV2::new("vault").unwrap(), kek.clone()).build().unwrap();
    check(&driver);
    let stored = driver.seal(AAD, b"hunter2").unwrap();
    kek.rotate("new");
    kek.0.write().unwrap().destroy("old");
    driver.clear_caches();
    assert!(driver.open(AAD, &stored).is_ok(), "it is still what is written with");
    check(&driver);
    assert!(driver.open(AAD, &stored).is_ok(), "it is one of the recovered DEKs");
    driver.clear_caches();
    assert_eq!(driver.open(AAD, &stored).unwrap_err().error(), Error::KekGone);
}

/// Never answers.
struct Hung;

impl AsyncKek for Hung {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(core::future::pending())
    }

    fn wrap_dek<'a>(&'a self, _: &'a [u8], _: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(core::future::pending())
    }

    fn unwrap_dek<'a>(&'a self, _: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(core::future::pending())
    }
}

/// Answers at once.
struct Ready(Rotating);

impl AsyncKek for Ready {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async { self.0.key_id().map(Cow::into_owned) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move { self.0.wrap_dek(dek, context) })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move { self.0.unwrap_dek(&wrapped) })
    }
}

#[test]
fn a_kms_that_does_not_answer_holds_up_no_other() {
    let kek = Rotating::new("id");
    let v2 = |name| KmsV2::new(name).unwrap();
    let driver =
        AsyncTransformer::builder().kms_v2(v2("hung"), Hung).kms_v2(v2("vault"), Ready(kek.clone())).build().unwrap();
    {
        let mut checked = pin!(driver.check());
        assert!(checked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let elsewhere = BlockingTransformer::builder().kms_v2(v2("vault"), kek).build().unwrap();
    check(&elsewhere);
    let stored = elsewhere.seal(AAD, b"hunter2").unwrap();
    let mut open = pin!(driver.open(AAD, &stored));
    let Poll::Ready(opened) = open.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!("it waits") };
    assert_eq!(opened.unwrap().plaintext(), b"hunter2");
    assert!(pollster::block_on(driver.check_provider(1)).is_ok());
    assert!(pollster::block_on(driver.check_provider(7)).is_ok(), "there is nothing to ask");
}

#[test]
fn calls_that_are_over_are_not_kept() {
    let kek = Rotating::new("id");
    let v1 = || BlockingTransformer::builder().kms_v1(KmsV1::new("vault").unwrap(), kek.clone()).build().unwrap();
    let writer = v1();
    let values: Vec<_> = (0..2000).map(|_| writer.seal(AAD, b"hunter2").unwrap()).collect();
    let reader = v1();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| values.iter().for_each(|stored| drop(reader.open(AAD, stored).unwrap())));
        }
    });
    assert!(format!("{reader:?}").contains("Flights(0)"));
}
