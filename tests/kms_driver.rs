//! Drivers ask a KEK once, however many opens need the same DEK, whoever gives up, and whatever the KEK does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::future::Future;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::borrow::Cow;
use std::sync::{Arc, Barrier};
use std::thread;

use atrest::{
    AsyncKek, AsyncTransformer, BlockingTransformer, CallError, DekCache, EnvelopeProvider, Error, Kek, KekError,
    KekFuture, KmsV1, KmsV2, LocalKek, Opened, Refusal, SecretVec, Wrapped, WrappedDek,
};
use futures_util::future::join_all;
use pollster::block_on;

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// A KEK that counts what it is asked, and whose answers wait until it is opened. Clones are one KEK.
#[derive(Clone)]
struct Gate(Arc<Inner>);

struct Inner {
    kek: LocalKek,
    unwraps: AtomicUsize,
    is_open: AtomicBool,
    refuses: AtomicBool,
    panics: AtomicBool,
}

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Inner {
            kek: LocalKek::generate().unwrap(),
            unwraps: AtomicUsize::new(0),
            is_open: AtomicBool::new(true),
            refuses: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        }))
    }

    fn unwraps(&self) -> usize {
        self.0.unwraps.load(Ordering::SeqCst)
    }

    fn set(flag: &AtomicBool, value: bool) {
        flag.store(value, Ordering::SeqCst);
    }
}

impl Kek for Gate {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.0.kek.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.0.kek.wrap_dek(dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.0.unwraps.fetch_add(1, Ordering::SeqCst);
        assert!(!self.0.panics.load(Ordering::SeqCst), "a KEK that panics");
        if self.0.refuses.load(Ordering::SeqCst) {
            return Err(KekError::new(Refusal::Unreachable, "the cable is cut"));
        }
        self.0.kek.unwrap_dek(wrapped)
    }
}

impl AsyncKek for Gate {
    fn key_id(&self) -> KekFuture<'_, String> {
        Box::pin(async { Kek::key_id(self).map(Cow::into_owned) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], context: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move { Kek::wrap_dek(self, dek, context) })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move {
            let answer = Kek::unwrap_dek(self, &wrapped);
            Opening(self).await;
            answer
        })
    }
}

/// Ready once the gate is open; wakes at once, so that whoever waits looks again.
struct Opening<'g>(&'g Gate);

impl Future for Opening<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.0.is_open.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn v1() -> KmsV1 {
    KmsV1::new("vault").unwrap()
}

/// A value, and a driver that has never seen it.
fn driver_and_value(gate: &Gate) -> (AsyncTransformer, Vec<u8>) {
    let writer = AsyncTransformer::builder().kms_v1(v1(), gate.clone()).build().unwrap();
    let stored = block_on(writer.seal(AAD, b"hunter2")).unwrap();
    (AsyncTransformer::builder().kms_v1(v1(), gate.clone()).build().unwrap(), stored)
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn is_right(opened: Result<Opened<'_, SecretVec>, CallError>) -> bool {
    opened.unwrap().plaintext() == b"hunter2"
}

/// A KEK whose calls block for a while.
struct Slow(Gate);

impl Kek for Slow {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Kek::key_id(&self.0)
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        Kek::wrap_dek(&self.0, dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        thread::sleep(Duration::from_millis(300));
        Kek::unwrap_dek(&self.0, wrapped)
    }
}

#[test]
fn a_thousand_threads_make_one_call() {
    let gate = Gate::new();
    let (_, stored) = driver_and_value(&gate);
    let driver = BlockingTransformer::builder().kms_v1(v1(), Slow(gate.clone())).build().unwrap();
    let start = Barrier::new(1000);
    thread::scope(|scope| {
        for _ in 0..1000 {
            scope.spawn(|| {
                start.wait();
                assert!(is_right(driver.open(AAD, &stored)));
            });
        }
    });
    assert_eq!(gate.unwraps(), 1);
}

#[test]
fn a_thousand_futures_make_one_call() {
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    Gate::set(&gate.0.is_open, false);
    let mut opens: Vec<_> = (0..1000).map(|_| Box::pin(driver.open(AAD, &stored))).collect();
    assert!(opens.iter_mut().all(|open| poll_once(open.as_mut()).is_pending()));
    Gate::set(&gate.0.is_open, true);
    assert!(block_on(join_all(opens)).into_iter().all(is_right));
    assert_eq!(gate.unwraps(), 1);
}

#[test]
fn a_dropped_future_leaves_the_call_to_the_others() {
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    Gate::set(&gate.0.is_open, false);
    let mut opens: Vec<_> = (0..10).map(|_| Box::pin(driver.open(AAD, &stored))).collect();
    assert!(opens.iter_mut().all(|open| poll_once(open.as_mut()).is_pending()));
    // The first of them made the call.
    drop(opens.remove(0));
    Gate::set(&gate.0.is_open, true);
    assert!(block_on(join_all(opens)).into_iter().all(is_right));
    assert_eq!(gate.unwraps(), 1);
}

#[test]
fn when_all_have_gone_the_next_asks_anew() {
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    Gate::set(&gate.0.is_open, false);
    let mut opens: Vec<_> = (0..10).map(|_| Box::pin(driver.open(AAD, &stored))).collect();
    assert!(opens.iter_mut().all(|open| poll_once(open.as_mut()).is_pending()));
    drop(opens);
    Gate::set(&gate.0.is_open, true);
    assert!(is_right(block_on(driver.open(AAD, &stored))));
    assert!(is_right(block_on(driver.open(AAD, &stored))));
    assert_eq!(gate.unwraps(), 2);
}

#[test]
fn a_call_from_before_the_caches_were_cleared_is_kept_from_those_after() {
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    clear_while_a_call_is_under_way(&gate, &driver, &stored);
    assert!(is_right(block_on(driver.open(AAD, &stored))));
    assert_eq!(gate.unwraps(), 3);
}

#[test]
fn without_a_cache_it_is_too() {
    let gate = Gate::new();
    let (_, stored) = driver_and_value(&gate);
    let v1 = v1().with_cache(DekCache::disabled());
    let driver = AsyncTransformer::builder().kms_v1(v1, gate.clone()).build().unwrap();
    clear_while_a_call_is_under_way(&gate, &driver, &stored);
}

fn clear_while_a_call_is_under_way(gate: &Gate, driver: &AsyncTransformer, stored: &[u8]) {
    Gate::set(&gate.0.is_open, false);
    let mut before = Box::pin(driver.open(AAD, stored));
    assert!(poll_once(before.as_mut()).is_pending());
    driver.clear_caches();
    let mut after = Box::pin(driver.open(AAD, stored));
    assert!(poll_once(after.as_mut()).is_pending());
    assert_eq!(gate.unwraps(), 2, "the second does not wait for the first");
    drop(after);
    Gate::set(&gate.0.is_open, true);
    assert!(is_right(block_on(before)));
    assert!(is_right(block_on(driver.open(AAD, stored))));
    assert_eq!(gate.unwraps(), 3, "the answer to the first is not kept");
}

#[test]
fn a_refusal_is_for_those_who_waited_and_not_for_later() {
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    Gate::set(&gate.0.refuses, true);
    Gate::set(&gate.0.is_open, false);
    let mut opens: Vec<_> = (0..100).map(|_| Box::pin(driver.open(AAD, &stored))).collect();
    assert!(opens.iter_mut().all(|open| poll_once(open.as_mut()).is_pending()));
    Gate::set(&gate.0.is_open, true);
    for opened in block_on(join_all(opens)) {
        let error = opened.unwrap_err();
        assert_eq!(error.error(), Error::KekUnreachable);
        let cause = core::error::Error::source(error.cause().unwrap()).unwrap();
        assert_eq!(cause.to_string(), "the cable is cut");
    }
    assert_eq!(gate.unwraps(), 1);
    Gate::set(&gate.0.refuses, false);
    assert!(is_right(block_on(driver.open(AAD, &stored))));
    assert_eq!(gate.unwraps(), 2);
}

#[test]
fn a_kek_that_panics_has_refused_for_now() {
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    Gate::set(&gate.0.panics, true);
    let error = block_on(driver.open(AAD, &stored)).unwrap_err();
    assert_eq!((error.error(), error.is_retryable()), (Error::KekUnreachable, true));
    Gate::set(&gate.0.panics, false);
    assert!(is_right(block_on(driver.open(AAD, &stored))));
}

#[test]
fn each_dek_and_each_provider_has_its_own_call() {
    let (gate, other) = (Gate::new(), Gate::new());
    let (_, stored) = driver_and_value(&gate);
    let (_, another) = driver_and_value(&gate);
    let listed_twice =
        AsyncTransformer::builder().kms_v1(v1(), other.clone()).kms_v1(v1(), gate.clone()).build().unwrap();
    let opens = [&stored, &another, &stored].map(|stored| listed_twice.open(AAD, stored));
    for opened in block_on(join_all(opens)) {
        assert_eq!((opened.as_ref().unwrap().provider_index(), opened.as_ref().unwrap().is_stale()), (1, true));
        assert!(is_right(opened));
    }
    // The first knows neither DEK; how often it is asked again depends on who waited.
    assert_eq!(gate.unwraps(), 2);
    assert!(other.unwraps() >= 2);
}

#[test]
fn without_a_cache_only_those_who_wait_share_a_call() {
    let gate = Gate::new();
    let (_, stored) = driver_and_value(&gate);
    let uncached = v1().with_cache(DekCache::disabled());
    let driver = AsyncTransformer::builder().kms_v1(uncached, gate.clone()).build().unwrap();
    assert!(is_right(block_on(driver.open(AAD, &stored))));
    assert!(is_right(block_on(driver.open(AAD, &stored))));
    assert_eq!(gate.unwraps(), 2);
    Gate::set(&gate.0.is_open, false);
    let mut opens: Vec<_> = (0..10).map(|_| Box::pin(driver.open(AAD, &stored))).collect();
    assert!(opens.iter_mut().all(|open| poll_once(open.as_mut()).is_pending()));
    Gate::set(&gate.0.is_open, true);
    assert!(block_on(join_all(opens)).into_iter().all(is_right));
    assert_eq!(gate.unwraps(), 3);
}

#[test]
fn every_kind_of_provider_works_in_both_drivers() {
    let gate = Gate::new();
    let v2 = || KmsV2::new("vault").unwrap();
    let futures = [
        AsyncTransformer::builder().kms_v1(v1(), gate.clone()).build().unwrap(),
        AsyncTransformer::builder().kms_v2(v2(), gate.clone()).build().unwrap(),
        AsyncTransformer::builder().envelope(EnvelopeProvider::new(), gate.clone()).build().unwrap(),
    ];
    let blocking = [
        BlockingTransformer::builder().kms_v1(v1(), gate.clone()).build().unwrap(),
        BlockingTransformer::builder().kms_v2(v2(), gate.clone()).build().unwrap(),
        BlockingTransformer::builder().envelope(EnvelopeProvider::new(), gate.clone()).build().unwrap(),
    ];
    for (future, blocking) in futures.iter().zip(&blocking) {
        assert!(block_on(future.check()).into_iter().all(|(_, checked)| checked.is_ok()));
        assert!(blocking.check().into_iter().all(|(_, checked)| checked.is_ok()));
        let stored = block_on(future.seal(AAD, b"hunter2")).unwrap();
        assert!(is_right(blocking.open(AAD, &stored)));
        assert!(is_right(block_on(future.open(AAD, &blocking.seal(AAD, b"hunter2").unwrap()))));
        let mut out = vec![0xee; blocking.open_len_max(AAD, &stored)];
        assert_eq!(blocking.open_into(AAD, &stored, &mut out).unwrap().plaintext(), b"hunter2");
        assert!(!blocking.open_into(b"elsewhere", &stored, &mut out).unwrap_err().is_retryable());
        assert!(out.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn futures_can_be_sent_and_leave_no_plaintext() {
    fn sent<T: Send>(future: T) -> T {
        future
    }
    let gate = Gate::new();
    let (driver, stored) = driver_and_value(&gate);
    drop(sent(driver.seal(AAD, b"hunter2")));
    drop(sent(driver.check()));
    drop(sent(driver.open(AAD, &stored)));
    Gate::set(&gate.0.is_open, false);
    let mut out = [0xee; 100];
    {
        let mut open = pin!(sent(driver.open_into(AAD, &stored, &mut out)));
        assert!(poll_once(open.as_mut()).is_pending());
    }
    assert_eq!(out, [0; 100]);
}
