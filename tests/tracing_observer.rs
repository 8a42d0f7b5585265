//! The events of `tracing` that an observer emits, seen by a subscriber.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::fmt::Debug;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use atrest::{
    AesGcm, AesGcmKey, Error, Event, Identity, Observer, Operation, ProviderKind, TracingObserver, Transformer,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

const PLAINTEXT: &[u8] = b"plain-Text*08/15";

/// Target, level, and the fields with their types.
type Seen = (String, Level, BTreeMap<String, String>);

/// Keeps every event up to a level.
struct Keeping {
    up_to: Level,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Subscriber for Keeping {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.up_to
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        panic!("no span is opened")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        self.seen.lock().unwrap().push((metadata.target().into(), *metadata.level(), fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().into(), format!("shown {value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), format!("str {value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), format!("u64 {value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), format!("bool {value}"));
    }
}

/// What a subscriber sees up to a level.
fn seen_up_to(up_to: Level, run: impl FnOnce()) -> Vec<Seen> {
    let seen = Arc::default();
    tracing::subscriber::with_default(Keeping { up_to, seen: Arc::clone(&seen) }, run);
    Arc::into_inner(seen).unwrap().into_inner().unwrap()
}

fn fields(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

fn transformer() -> Transformer<'static> {
    let aesgcm = AesGcm::new([("2026-11", AesGcmKey::from_bytes(&[7; 32]).unwrap())]).unwrap();
    let builder = Transformer::builder().provider(aesgcm).provider(Identity::new());
    builder.observer(Arc::new(TracingObserver)).build().unwrap()
}

#[test]
fn one_event_with_its_fields_for_each_call() {
    let transformer = transformer();
    let seen = seen_up_to(Level::TRACE, || {
        let mut stored = transformer.seal(b"aad", PLAINTEXT).unwrap();
        transformer.open(b"aad", PLAINTEXT).unwrap();
        *stored.last_mut().unwrap() ^= 1;
        transformer.open(b"aad", &stored).unwrap_err();
    });
    let expected = [
        (
            Level::DEBUG,
            fields(&[
                ("operation", "str seal"),
                ("provider", "shown aesgcm"),
                ("provider_index", "u64 0"),
                ("key_name", "str 2026-11"),
                ("bytes", "u64 16"),
                ("stale", "bool false"),
            ]),
        ),
        (
            Level::DEBUG,
            fields(&[
                ("operation", "str open"),
                ("provider", "shown identity"),
                ("provider_index", "u64 1"),
                ("bytes", "u64 16"),
                ("stale", "bool true"),
            ]),
        ),
        (
            Level::WARN,
            fields(&[
                ("operation", "str open"),
                ("provider", "shown aesgcm"),
                ("provider_index", "u64 0"),
                // 18 of the prefix, 8 of the name, 12 of the nonce, 16 of the plaintext, 16 of the tag.
                ("bytes", "u64 70"),
                ("stale", "bool false"),
                ("error", "shown the value does not open"),
            ]),
        ),
    ];
    assert_eq!(seen, expected.map(|(level, fields)| ("atrest".to_owned(), level, fields)));
}

#[test]
fn a_key_id_is_seen_as_its_hash() {
    let event = Event::new(Operation::Unwrap, Err(Error::KekDenied), 60);
    let event = event.by_provider(2, ProviderKind::KmsV2).with_key_id("abc");
    let seen = seen_up_to(Level::TRACE, || TracingObserver.observe(&event));
    let (_, level, fields) = &seen[0];
    assert_eq!(
        (*level, fields["operation"].as_str(), fields["provider"].as_str()),
        (Level::WARN, "str unwrap", "shown kms v2")
    );
    // FIPS 180-4's example "abc".
    let hash = "shown sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(fields["key_id_hash"], hash);
    assert_eq!(fields["error"], "shown the KEK denied its use");
}

#[test]
fn the_level_decides_what_is_seen() {
    let calls = || {
        let transformer = transformer();
        transformer.seal(b"aad", PLAINTEXT).unwrap();
        transformer.open(b"aad", b"k8s:enc:aesgcm:v1:2026-11:").unwrap_err();
    };
    for (up_to, count) in [(Level::ERROR, 0), (Level::WARN, 1), (Level::INFO, 1), (Level::DEBUG, 2)] {
        assert_eq!(seen_up_to(up_to, calls).len(), count, "{up_to}");
    }
}
