//! What an observer is told where a KEK takes part: of wrapping, unwrapping, rotation and refusals, and nothing secret.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::panic::AssertUnwindSafe;
use std::borrow::Cow;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use atrest::{
    AesGcm, AesGcmKey, BlockingTransformer, Envelope, EnvelopeProvider, Error, Event, HashedKeyId, Kek, KekError,
    KmsV1, KmsV2, LocalKek, Observer, Operation, ProviderKind, Refusal, Secret, SecretVec, Wrapped, WrappedDek,
};

use Operation::{Open, Rotate, Seal, Unwrap, Wrap};

const AAD: &[u8] = b"/registry/secrets/default/login1";
static PLAINTEXT: [u8; 16] = *b"plain-Text*08/15";

/// Operation, error, index and kind of the provider, hash of the key id, stale.
type Said = (Operation, Option<Error>, Option<(usize, ProviderKind)>, Option<HashedKeyId>, bool);

#[derive(Clone, Default)]
struct Record(Arc<Mutex<(Vec<Said>, String)>>);

impl Observer for Record {
    fn observe(&self, event: &Event<'_>) {
        let place = event.provider_index().zip(event.provider());
        let mut record = self.0.lock().unwrap();
        record.0.push((event.operation(), event.error(), place, event.key_id_hash(), event.is_stale()));
        record.1 += &format!("{event:?}");
    }
}

impl Record {
    fn take(&self) -> Vec<Said> {
        core::mem::take(&mut self.0.lock().unwrap().0)
    }
}

/// Refuses all, for this reason.
struct Refusing(Refusal);

impl Kek for Refusing {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok("id-1".into())
    }

    fn wrap_dek(&self, _: &[u8], _: &[u8]) -> Result<Wrapped, KekError> {
        Err(self.0.into())
    }

    fn unwrap_dek(&self, _: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        Err(self.0.into())
    }
}

fn id(key_id: &str) -> Option<HashedKeyId> {
    Some(HashedKeyId::of(key_id))
}

fn kek(key_id: &str) -> LocalKek {
    LocalKek::new([(key_id, &Secret::from_slice(&[7; 32]).unwrap())]).unwrap()
}

fn gcm() -> AesGcm<'static> {
    AesGcm::new([("key", AesGcmKey::from_bytes(&[1; 32]).unwrap())]).unwrap()
}

#[test]
fn a_kms_v1_provider_tells_of_each_dek() {
    let place = Some((0, ProviderKind::KmsV1));
    let record = Record::default();
    let driver = || {
        let builder = BlockingTransformer::builder().kms_v1(KmsV1::new("vault").unwrap(), kek("id-1"));
        builder.observer(record.clone()).build().unwrap()
    };
    let stored = driver().seal(AAD, &PLAINTEXT).unwrap();
    assert_eq!(record.take(), [(Wrap, None, place, id("id-1"), false), (Seal, None, place, None, false)]);
    let reader = driver();
    reader.open(AAD, &stored).unwrap();
    // The value stores no key id.
    assert_eq!(record.take(), [(Unwrap, None, place, id(""), false), (Open, None, place, None, false)]);
    reader.open(AAD, &stored).unwrap();
    assert_eq!(record.take(), [(Open, None, place, None, false)]);
    reader.open(b"elsewhere", &stored).unwrap_err();
    assert_eq!(record.take(), [(Open, Some(Error::Open), place, None, false)]);
}

#[test]
fn a_kms_v2_provider_tells_of_rotations_and_stale_reads() {
    let place = Some((0, ProviderKind::KmsV2));
    let record = Record::default();
    let build = |key_id| {
        let builder = BlockingTransformer::builder().kms_v2(KmsV2::new("vault").unwrap(), kek(key_id));
        builder.provider(gcm()).observer(record.clone()).build().unwrap()
    };
    let driver = build("id-1");
    assert_eq!(driver.seal(AAD, &PLAINTEXT).unwrap_err().error(), Error::KmsNotReady);
    assert_eq!(record.take(), [(Seal, Some(Error::KmsNotReady), place, None, false)]);
    driver.check();
    assert_eq!(record.take(), [(Rotate, None, place, id("id-1"), false)]);
    driver.check();
    assert_eq!(record.take(), []);
    let stored = driver.seal(AAD, &PLAINTEXT).unwrap();
    driver.open(AAD, &stored).unwrap();
    assert_eq!(record.take(), [(Seal, None, place, id("id-1"), false), (Open, None, place, id("id-1"), false)]);
    let other = build("id-2");
    other.check();
    record.take();
    assert!(other.open(AAD, &stored).is_err(), "the embedded KEK authenticates the key id");
    let not_mine = Some(Error::KekNotMine);
    assert_eq!(record.take(), [(Unwrap, not_mine, place, id("id-1"), false), (Open, not_mine, place, None, false)]);

    let static_first = BlockingTransformer::builder().provider(gcm()).observer(record.clone()).build().unwrap();
    let by_key = static_first.seal(AAD, &PLAINTEXT).unwrap();
    driver.open(AAD, &by_key).unwrap();
    let gcm_at = |index| Some((index, ProviderKind::AesGcm));
    assert_eq!(record.take(), [(Seal, None, gcm_at(0), None, false), (Open, None, gcm_at(1), None, true)]);
}

#[test]
fn refusals_are_told() {
    for refusal in [Refusal::NotMine, Refusal::Gone, Refusal::Denied, Refusal::Unreachable] {
        let (record, refused) = (Record::default(), Some(refusal.error()));
        let place = Some((0, ProviderKind::KmsV2));
        let v2 = BlockingTransformer::builder().kms_v2(KmsV2::new("vault").unwrap(), Refusing(refusal));
        let v2 = v2.observer(record.clone()).build().unwrap();
        assert!(v2.check()[0].1.is_err());
        assert_eq!(record.take(), [(Rotate, refused, place, id("id-1"), false)]);

        let place = Some((0, ProviderKind::Envelope));
        let own = BlockingTransformer::builder().envelope(EnvelopeProvider::new(), Refusing(refusal));
        let own = own.observer(record.clone()).build().unwrap();
        own.seal(AAD, &PLAINTEXT).unwrap_err();
        assert_eq!(record.take(), [(Wrap, refused, place, None, false), (Seal, refused, place, None, false)]);
        let stored = Envelope::new(kek("id-1")).seal(AAD, &PLAINTEXT).unwrap();
        own.open(AAD, &stored).unwrap_err();
        assert_eq!(record.take(), [(Unwrap, refused, place, id("id-1"), false), (Open, refused, place, None, false)]);
    }
}

#[test]
fn an_envelope_tells_of_everything() {
    let place = Some((0, ProviderKind::Envelope));
    let record = Record::default();
    let mut envelope = Envelope::new(kek("id-1")).with_observer(Arc::new(record.clone()));
    let stored = envelope.seal(AAD, &PLAINTEXT).unwrap();
    let (wrap, seal) = ((Wrap, None, place, id("id-1"), false), (Seal, None, place, id("id-1"), false));
    assert_eq!(record.take(), [wrap, seal]);
    envelope.seal_into(&mut atrest::OsRandom, AAD, &PLAINTEXT, &mut [0; 500]).unwrap();
    assert_eq!(record.take(), [wrap, seal]);
    let sealer = envelope.sealer(AAD);
    sealer.seal(&PLAINTEXT).unwrap();
    sealer.seal(&PLAINTEXT).unwrap();
    assert_eq!(record.take(), [wrap, seal, seal]);
    let (unwrap, open) = ((Unwrap, None, place, id("id-1"), false), (Open, None, place, id("id-1"), false));
    envelope.open(AAD, &stored).unwrap();
    envelope.open_into(AAD, &stored, &mut [0; 16]).unwrap();
    assert_eq!(record.take(), [unwrap, open, unwrap, open]);
    envelope.kek_mut().add_first("id-2", &Secret::from_slice(&[8; 32]).unwrap()).unwrap();
    envelope.rewrap(AAD, &stored).unwrap();
    assert_eq!(
        record.take(),
        [unwrap, (Wrap, None, place, id("id-2"), false), (Rotate, None, place, id("id-1"), false)]
    );
    envelope.kek_mut().destroy("id-1");
    let gone = Some(Error::KekGone);
    envelope.open(AAD, &stored).unwrap_err();
    assert_eq!(record.take(), [(Unwrap, gone, place, id("id-1"), false), (Open, gone, place, id("id-1"), false)]);
    let shown = record.0.lock().unwrap().1.clone();
    for secret in ["plain-Text", "id-1", "id-2", "hunter", "[112, 108"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn rewrapping_by_a_driver_is_told() {
    let place = Some((1, ProviderKind::Envelope));
    let record = Record::default();
    let driver = |kek| {
        let builder = BlockingTransformer::builder().provider(gcm()).envelope(EnvelopeProvider::new(), kek);
        builder.observer(record.clone()).build().unwrap()
    };
    let stored = Envelope::new(kek("id-1")).seal(AAD, &PLAINTEXT).unwrap();
    let mut both = kek("id-1");
    both.add_first("id-2", &Secret::from_slice(&[8; 32]).unwrap()).unwrap();
    driver(both).rewrap(AAD, &stored).unwrap();
    let (unwrap, wrap) = ((Unwrap, None, place, id("id-1"), false), (Wrap, None, place, id("id-2"), false));
    assert_eq!(record.take(), [unwrap, wrap, (Rotate, None, place, id("id-1"), false)]);

    driver(kek("id-3")).rewrap(AAD, &stored).unwrap_err();
    let refused = Some(Error::KekNotMine);
    assert_eq!(
        record.take(),
        [(Unwrap, refused, place, id("id-1"), false), (Rotate, refused, place, id("id-1"), false)]
    );
    driver(kek("id-1")).rewrap(AAD, b"what is no envelope").unwrap_err();
    assert_eq!(record.take(), [], "no KEK was asked");
}

/// Panics once a value opened.
struct Panicking;

impl Observer for Panicking {
    fn observe(&self, event: &Event<'_>) {
        assert!(event.operation() != Open, "asked to panic");
    }
}

#[test]
fn no_plaintext_is_left_if_it_panics() {
    let envelope = Envelope::new(kek("id-1")).with_observer(Arc::new(Panicking));
    let driver = BlockingTransformer::builder().envelope(EnvelopeProvider::new(), kek("id-1")).observer(Panicking);
    let driver = driver.build().unwrap();
    let stored = envelope.seal(AAD, &PLAINTEXT).unwrap();
    let mut out = [0xee; 100];
    assert!(catch_unwind(AssertUnwindSafe(|| envelope.open_into(AAD, &stored, &mut out).unwrap())).is_err());
    assert_eq!(out, [0; 100]);
    let mut out = [0xee; 100];
    assert!(catch_unwind(AssertUnwindSafe(|| driver.open_into(AAD, &stored, &mut out).map(|_| ()).unwrap())).is_err());
    assert_eq!(out, [0; 100]);
}
