//! What the providers whose DEKs a KEK wraps tell of themselves, and what a list of them tells of a value.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use atrest::{
    AesGcm, AesGcmKey, CacheLimits, DekCache, Envelope, EnvelopeProvider, EnvelopeTransformer, Error, Event,
    HashedKeyId, Identity, Kek, KmsV1, KmsV2, LocalKek, Observer, Operation, ProviderKind, Rewrap, Step,
    WrappedProvider,
};
use by_hand::{AAD, NOW, seal};
use table_kek::TableKek;

const TICK: Duration = Duration::from_nanos(1);

/// Two DEKs, for the time of the limit and not a moment longer.
fn two_for(ttl: Duration) -> DekCache {
    DekCache::new(CacheLimits::new(NonZeroUsize::new(2).unwrap(), ttl))
}

fn aesgcm(name: &str) -> AesGcm<'static> {
    AesGcm::new([(name, AesGcmKey::from_bytes(&[7; 32]).unwrap())]).unwrap()
}

#[test]
fn a_provider_of_kms_has_a_name_that_a_prefix_can_hold() {
    for name in ["", ":", "a:b"] {
        assert_eq!(KmsV2::new(name).unwrap_err(), Error::ProviderName, "{name:?}");
    }
    assert_eq!(KmsV1::new("").unwrap_err(), Error::ProviderName);
    // As Kubernetes has it: in v1 a colon is a character like any other.
    assert_eq!(KmsV1::new("a:b").unwrap().name(), Some("a:b"));
    assert_eq!(KmsV2::new("a b").unwrap().name(), Some("a b"));
    assert_eq!((EnvelopeProvider::new().name(), EnvelopeProvider::default().name()), (None, None));
    assert_eq!(EnvelopeTransformer::builder().build().unwrap_err(), Error::NoProvider);
}

#[test]
fn a_dek_is_wrapped_anew_step_by_step() {
    let kek = LocalKek::generate().unwrap();
    let stored = Envelope::new(&kek).seal(AAD, b"hunter2").unwrap();
    let rewrap = Rewrap::begin(AAD, &stored).unwrap();
    let rewrap = rewrap.answer(kek.unwrap_dek(&rewrap.request()).unwrap()).unwrap();
    assert_eq!(rewrap.context(), AAD);
    let other = LocalKek::generate().unwrap();
    let rewrapped = rewrap.answer(&other.wrap_dek(rewrap.expose_dek(), rewrap.context()).unwrap()).unwrap();
    assert_eq!(Envelope::new(&other).open(AAD, &rewrapped).unwrap().expose(), b"hunter2");
}

#[test]
fn a_cache_of_ones_own_is_used() {
    let kek = TableKek::new("id1");
    let v1 = Arc::new(KmsV1::new("a").unwrap().with_cache(two_for(Duration::MAX)));
    let own = Arc::new(EnvelopeProvider::new().with_cache(two_for(Duration::MAX)));
    let lists = [
        EnvelopeTransformer::builder().shared_wrapped(v1.clone()).build().unwrap(),
        EnvelopeTransformer::builder().shared_wrapped(own.clone()).build().unwrap(),
    ];
    for list in &lists {
        let stored: Vec<_> = (0..3).map(|_| seal(list, &kek)).collect();
        for stored in &stored {
            by_hand::open(list, &[&kek], stored).unwrap();
        }
    }
    assert_eq!([v1.cache_stats().entries, own.cache_stats().entries], [2, 2]);
}

#[test]
fn purging_a_list_drops_what_is_over() {
    let kek = TableKek::new("id1");
    let v1 = Arc::new(KmsV1::new("a").unwrap().with_cache(two_for(Duration::from_secs(9))));
    let list = EnvelopeTransformer::builder().provider(aesgcm("k")).shared_wrapped(v1.clone()).build().unwrap();
    seal(&EnvelopeTransformer::builder().shared_wrapped(v1.clone()).build().unwrap(), &kek);
    list.purge(NOW.after(Duration::from_secs(9)));
    assert_eq!(v1.cache_stats().entries, 1);
    list.purge(NOW.after(Duration::from_secs(9) + TICK));
    assert_eq!((v1.cache_stats().entries, v1.cache_stats().evicted_by_age), (0, 1));
}

#[test]
fn a_value_of_another_prefix_needs_no_room() {
    // Of the provider b all but the prefix would be a value.
    let stored = [&b"k8s:enc:kms:v1:a:\0\0"[..], &[7; 100]].concat();
    let list = |name| EnvelopeTransformer::builder().wrapped(KmsV1::new(name).unwrap()).build().unwrap();
    assert_eq!([list("a").open_len_max(AAD, &stored), list("b").open_len_max(AAD, &stored)], [72, 0]);
}

#[test]
fn an_opened_value_names_the_provider_of_kms() {
    let kek = TableKek::new("id1");
    let list = |name| EnvelopeTransformer::builder().wrapped(KmsV1::new(name).unwrap()).provider(aesgcm("k"));
    let transformer = list("a").build().unwrap();
    let by_key = seal(&EnvelopeTransformer::builder().provider(aesgcm("k")).build().unwrap(), &kek);
    for (stored, names) in [(&seal(&transformer, &kek), (Some("a"), None)), (&by_key, (None, Some("k")))] {
        let mut out = [0; 200];
        let Step::Ready(opened) = transformer.open_into(NOW, AAD, stored, &mut out).unwrap() else { panic!("a DEK") };
        assert_eq!((opened.provider_name(), opened.key_name()), names);
    }
}

#[derive(Default)]
struct Record(Mutex<Vec<Said>>);

/// Operation, provider, key name, hash of the key id.
type Said = (Operation, Option<(usize, ProviderKind)>, Option<String>, Option<HashedKeyId>);

impl Observer for Record {
    fn observe(&self, event: &Event<'_>) {
        let place = event.provider_index().zip(event.provider());
        let name = event.key_name().map(str::to_owned);
        self.0.lock().unwrap().push((event.operation(), place, name, event.key_id_hash()));
    }
}

#[test]
fn an_observer_is_told_of_keys_by_name_or_id() {
    let (kek, record) = (TableKek::new("id1"), Arc::new(Record::default()));
    let told = || core::mem::take(&mut *record.0.lock().unwrap());
    let id = Some(HashedKeyId::of("id1"));

    let list = EnvelopeTransformer::builder().provider(aesgcm("k")).provider(Identity::new());
    let list = list.observer(record.clone()).build().unwrap();
    seal(&list, &kek);
    let place = Some((0, ProviderKind::AesGcm));
    assert_eq!(told(), [(Operation::Seal, place, Some("k".to_owned()), None)]);
    // Identity, whose prefix is empty, is not the provider of a value that it refuses.
    let foreign = b"k8s:enc:secretbox:v1:k:and so on";
    assert_eq!(by_hand::open(&list, &[], foreign).unwrap_err(), Error::NoMatchingProvider);
    assert_eq!(told(), [(Operation::Open, None, None, None)]);

    let list = EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).observer(record.clone());
    seal(&list.build().unwrap(), &kek);
    let place = Some((0, ProviderKind::Envelope));
    assert_eq!(told(), [(Operation::Wrap, place, None, id), (Operation::Seal, place, None, id)]);
}
