//! The counters and histograms that an observer keeps, seen by a recorder.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use atrest::{
    AesGcm, AesGcmKey, Error, Event, Identity, MetricsObserver, Observer, Operation, ProviderKind, Transformer,
};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

/// Every series with what was added to it.
type Series = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

#[derive(Default)]
struct Keeping {
    series: Series,
    described: Mutex<Vec<String>>,
}

struct One(Series, String);

impl One {
    fn add(&self, value: u64) {
        self.0.lock().unwrap().entry(self.1.clone()).or_default().push(value);
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, _: u64) {
        panic!("counters are only incremented")
    }
}

impl HistogramFn for One {
    fn record(&self, value: f64) {
        assert_eq!(value.fract(), 0.0);
        self.add(format!("{value}").parse().unwrap());
    }
}

impl Keeping {
    fn one(&self, key: &Key) -> Arc<One> {
        let mut labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        Arc::new(One(Arc::clone(&self.series), format!("{}{{{}}}", key.name(), labels.join(","))))
    }

    fn describe(&self, kind: &str, name: &KeyName) {
        self.described.lock().unwrap().push(format!("{kind} {}", name.as_str()));
    }

    /// The sum and the number of what was added to each series of this name.
    fn sums(&self, name: &str) -> Vec<(String, u64, usize)> {
        let series = self.series.lock().unwrap();
        let of_name = series.iter().filter_map(|(key, values)| Some((key.strip_prefix(name)?, values)));
        of_name.map(|(labels, values)| (labels.to_owned(), values.iter().sum(), values.len())).collect()
    }
}

impl Recorder for Keeping {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe("counter", &name);
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        panic!("there is no gauge")
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        assert_eq!(unit, Some(Unit::Bytes));
        self.describe("histogram", &name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("there is no gauge")
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

fn rows(rows: &[(&str, u64, usize)]) -> Vec<(String, u64, usize)> {
    rows.iter().map(|&(labels, sum, count)| (labels.to_owned(), sum, count)).collect()
}

#[test]
fn calls_are_counted_by_what_they_were() {
    let recorder = Keeping::default();
    with_local_recorder(&recorder, || {
        let key = |byte| AesGcmKey::from_bytes(&[byte; 32]).unwrap();
        let old = Transformer::builder().provider(AesGcm::new([("old", key(2))]).unwrap()).build().unwrap();
        let aesgcm = AesGcm::new([("new", key(1)), ("old", key(2))]).unwrap();
        let builder = Transformer::builder().provider(aesgcm).provider(Identity::new());
        let transformer = builder.observer(Arc::new(MetricsObserver::new())).build().unwrap();
        let mut stored = transformer.seal(b"aad", b"12345").unwrap();
        transformer.open(b"aad", &stored).unwrap();
        transformer.open(b"aad", &old.seal(b"aad", b"12345").unwrap()).unwrap();
        transformer.open(b"aad", b"plain").unwrap();
        transformer.open(b"aad", b"k8s:enc:rot13:").unwrap_err();
        stored.truncate(40);
        transformer.open(b"aad", &stored).unwrap_err();
    });
    const GCM: &str = "k8s:enc:aesgcm:v1:";
    assert_eq!(
        recorder.sums("atrest_operations_total"),
        rows(&[
            ("{operation=open,outcome=no_match,provider=unknown}", 1, 1),
            ("{operation=open,outcome=ok,provider=identity}", 1, 1),
            (&format!("{{operation=open,outcome=ok,provider={GCM}}}"), 2, 2),
            (&format!("{{operation=open,outcome=open,provider={GCM}}}"), 1, 1),
            (&format!("{{operation=seal,outcome=ok,provider={GCM}}}"), 1, 1),
        ])
    );
    // 18 of the prefix, 4 of the name, 12 of the nonce, 5 of the plaintext, 16 of the tag.
    assert_eq!(
        recorder.sums("atrest_operation_bytes"),
        rows(&[
            ("{operation=open,provider=identity}", 5, 1),
            (&format!("{{operation=open,provider={GCM}}}"), 110, 2),
            (&format!("{{operation=seal,provider={GCM}}}"), 5, 1),
        ])
    );
    assert_eq!(
        recorder.sums("atrest_stale_reads_total"),
        rows(&[("{provider=identity}", 1, 1), (&format!("{{provider={GCM}}}"), 1, 1),])
    );
    assert_eq!(
        recorder.sums("atrest_key_operations_total"),
        rows(&[
            (&format!("{{key=new,operation=open,provider={GCM}}}"), 1, 1),
            (&format!("{{key=new,operation=seal,provider={GCM}}}"), 1, 1),
            (&format!("{{key=old,operation=open,provider={GCM}}}"), 1, 1),
        ])
    );
    assert_eq!(
        *recorder.described.lock().unwrap(),
        [
            "counter atrest_operations_total",
            "histogram atrest_operation_bytes",
            "counter atrest_stale_reads_total",
            "counter atrest_key_operations_total",
        ]
    );
}

#[test]
fn errors_are_counted_by_what_can_be_done() {
    let recorder = Keeping::default();
    let outcomes = [
        (Error::Open, "open"),
        (Error::NoMatchingProvider, "no_match"),
        (Error::NoMatchingKey, "no_match"),
        (Error::KekNotMine, "kek"),
        (Error::KekGone, "kek"),
        (Error::KekDenied, "kek"),
        (Error::KekAnswer, "kek"),
        (Error::KekUnreachable, "unavailable"),
        (Error::Random, "unavailable"),
        (Error::KmsNotReady, "unavailable"),
        (Error::SealsExhausted, "other"),
    ];
    let observer = MetricsObserver::new();
    with_local_recorder(&recorder, || {
        for (error, _) in outcomes {
            observer.observe(&Event::new(Operation::Unwrap, Err(error), 9).with_key_id("id").as_stale(true));
        }
    });
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (_, outcome) in outcomes {
        *expected.entry(format!("{{operation=unwrap,outcome={outcome},provider=unknown}}")).or_default() += 1;
    }
    let counted = recorder.sums("atrest_operations_total").into_iter().map(|(labels, sum, _)| (labels, sum)).collect();
    assert_eq!(expected, counted);
    for name in ["atrest_operation_bytes", "atrest_stale_reads_total", "atrest_key_operations_total"] {
        assert!(recorder.sums(name).is_empty(), "{name} is of what succeeded");
    }
}

#[test]
fn a_key_id_is_a_label_as_its_hash_and_never_one_too_many() {
    let recorder = Keeping::default();
    let observer = MetricsObserver::new();
    let unwrap = |id: &str| {
        observer.observe(&Event::new(Operation::Unwrap, Ok(()), 9).by_provider(0, ProviderKind::KmsV2).with_key_id(id));
    };
    with_local_recorder(&recorder, || {
        unwrap("abc");
        let long = "x".repeat(MetricsObserver::KEY_LEN_MAX + 1);
        observer.observe(&Event::new(Operation::Seal, Ok(()), 9).with_key_name(&long));
        observer.observe(&Event::new(Operation::Seal, Ok(()), 9).with_key_name(&long[1..]));
        (0..1000).for_each(|id| unwrap(&id.to_string()));
        unwrap("abc");
    });
    let counted = recorder.sums("atrest_key_operations_total");
    let sum =
        |key: &str| counted.iter().filter(|(labels, ..)| labels.contains(key)).map(|(_, sum, _)| *sum).sum::<u64>();
    // FIPS 180-4's example "abc".
    assert_eq!(sum("{key=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,"), 2);
    assert_eq!(sum("{key=xxx"), 1);
    assert_eq!(sum("{key=sha256:"), 2 + 98, "the first hundred keys have a label of their own");
    assert_eq!(sum("{key=other,operation=unwrap"), 1000 - 98);
    assert_eq!(sum("{key=other,operation=seal"), 1);
    assert!(!counted.iter().any(|(labels, ..)| labels.contains("key=999") || labels.contains("key=1,")));
}
