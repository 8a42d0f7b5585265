//! What an observer is told of each call, that it is told nothing secret, and that no plaintext is left if it panics.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/doubles.rs"]
mod doubles;
#[path = "common/search.rs"]
mod search;

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Event, HashedKeyId, Identity, Observer, Operation, Provider,
    ProviderKind, Secretbox, SecretboxKey, Transformer,
};
use doubles::{Counter, Failing};
use search::{Searching, freed_with};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

static PLAINTEXT: [u8; 16] = *b"plain-Text*08/15";
const AAD: &[u8] = b"/registry/secrets/default/login1";
const GCM: ProviderKind = ProviderKind::AesGcm;
const NACL: ProviderKind = ProviderKind::Secretbox;

/// What an event says: operation, error, bytes, provider and its place, key name, stale.
type Said = (Operation, Option<Error>, usize, Option<(usize, ProviderKind)>, Option<String>, bool);

/// Keeps what it is told; panics if it was told to.
#[derive(Default)]
struct Record {
    said: Mutex<Vec<Said>>,
    shown: Mutex<String>,
    panics: bool,
}

impl Observer for Record {
    fn observe(&self, event: &Event<'_>) {
        let provider = event.provider_index().zip(event.provider());
        assert_eq!(event.is_ok(), event.error().is_none());
        let (operation, error, name) = (event.operation(), event.error(), event.key_name().map(Into::into));
        self.said.lock().unwrap().push((operation, error, event.bytes(), provider, name, event.is_stale()));
        *self.shown.lock().unwrap() += &format!("{event:?}{event:#?}");
        assert!(!self.panics, "asked to panic");
    }
}

impl Record {
    fn panicking() -> Self {
        Self { panics: true, ..Self::default() }
    }

    /// What was said since the last time.
    fn take(&self) -> Vec<Said> {
        core::mem::take(&mut self.said.lock().unwrap())
    }
}

fn gcm_key(byte: u8) -> AesGcmKey {
    AesGcmKey::from_bytes(&[byte; 32]).unwrap()
}

fn gcm() -> AesGcm<'static> {
    AesGcm::new([("new", gcm_key(1)), ("old", gcm_key(2))]).unwrap()
}

fn nacl() -> Secretbox<'static> {
    Secretbox::new([("box", SecretboxKey::from_bytes(&[3; 32]).unwrap())]).unwrap()
}

fn by(provider: &dyn Provider) -> Vec<u8> {
    let mut stored = vec![0; provider.sealed_len(PLAINTEXT.len()).unwrap()];
    provider.seal_into(&mut Counter::default(), AAD, &PLAINTEXT, &mut stored).unwrap();
    stored
}

/// Runs with a transformer that owns aesgcm, secretbox and identity, and with one that borrows them.
fn with_both(run: impl Fn(&Transformer<'_>, &Record)) {
    let (gcm, nacl, identity) = (gcm(), nacl(), Identity::new());
    let providers: [&dyn Provider; 3] = [&gcm, &nacl, &identity];
    let record = Record::default();
    run(&Transformer::borrowed(&providers).unwrap().with_observer(&record), &record);
    let shared = Arc::new(Record::default());
    let builder = Transformer::builder().provider(self::gcm()).provider(self::nacl()).provider(identity);
    run(&builder.observer(Arc::<Record>::clone(&shared)).build().unwrap(), &shared);
}

/// Seals by every call; all tell the same.
fn seal_all(transformer: &Transformer<'_>, out_len: usize) -> [Result<usize, Error>; 2] {
    let mut out = vec![0; out_len];
    let into = transformer.seal_into(&mut Counter::default(), AAD, &PLAINTEXT, &mut out);
    let mut buffer = [&PLAINTEXT[..], &vec![0; out_len.saturating_sub(16)]].concat();
    buffer.truncate(out_len);
    [into, transformer.seal_in_place(&mut Counter::default(), AAD, 16, &mut buffer)]
}

#[test]
fn every_seal_is_told_once() {
    with_both(|transformer, record| {
        let said = |error| (Operation::Seal, error, 16, Some((0, GCM)), Some("new".to_owned()), false);
        let len = transformer.sealed_len(16).unwrap();
        assert_eq!(seal_all(transformer, len), [Ok(len), Ok(len)]);
        assert_eq!(record.take(), [said(None), said(None)]);
        let small = Error::BufferTooSmall { needed: len };
        assert_eq!(seal_all(transformer, 20), [Err(small), Err(small)]);
        assert_eq!(record.take(), [said(Some(small)), said(Some(small))]);

        transformer.seal(AAD, &PLAINTEXT).unwrap();
        transformer.seal_with(&mut Counter::default(), AAD, &PLAINTEXT).unwrap();
        assert_eq!(record.take(), [said(None), said(None)]);
        assert_eq!(transformer.seal_with(&mut Failing::default(), AAD, &PLAINTEXT), Err(Error::Random));
        assert_eq!(record.take(), [said(Some(Error::Random))]);
        let too_long = transformer.seal_in_place(&mut Counter::default(), AAD, usize::MAX, &mut []);
        assert_eq!(too_long, Err(Error::TooLong));
        let (operation, error, bytes, ..) = record.take().remove(0);
        assert_eq!((operation, error, bytes), (Operation::Seal, Some(Error::TooLong), usize::MAX));
    });
}

#[test]
fn identity_seals_without_a_name() {
    let record = Record::default();
    let transformer = Transformer::builder().provider(Identity::new()).build().unwrap().with_observer(&record);
    transformer.seal(AAD, &PLAINTEXT).unwrap();
    assert_eq!(transformer.seal(AAD, b"k8s:enc:"), Err(Error::LooksEncrypted));
    let said = |error, bytes| (Operation::Seal, error, bytes, Some((0, ProviderKind::Identity)), None, false);
    assert_eq!(record.take(), [said(None, 16), said(Some(Error::LooksEncrypted), 8)]);
}

/// Opens by every call, and returns how each ended.
fn open_all(transformer: &Transformer<'_>, stored: &[u8]) -> [Option<Error>; 3] {
    let mut out = vec![0; transformer.open_len_max(stored)];
    let into = transformer.open_into(AAD, stored, &mut out).err();
    let in_place = transformer.open_in_place(AAD, &mut stored.to_vec()).err();
    [into, in_place, transformer.open(AAD, stored).err()]
}

#[test]
fn every_open_is_told_once() {
    let old = AesGcm::new([("old", gcm_key(2))]).unwrap();
    let lost = AesGcm::new([("new", gcm_key(9))]).unwrap();
    let unnamed = AesGcm::new([("another", gcm_key(1))]).unwrap();
    let cbc = AesCbc::new([("cbc", AesCbcKey::from_bytes(&[4; 32]).unwrap())]).unwrap();
    let plain = Some((2, ProviderKind::Identity));
    let cases = [
        (by(&gcm()), None, Some((0, GCM)), Some("new"), false),
        (by(&old), None, Some((0, GCM)), Some("old"), true),
        (by(&nacl()), None, Some((1, NACL)), Some("box"), true),
        (PLAINTEXT.to_vec(), None, plain, None, true),
        (by(&lost), Some(Error::Open), Some((0, GCM)), None, false),
        (by(&unnamed), Some(Error::NoMatchingKey), Some((0, GCM)), None, false),
        (by(&cbc), Some(Error::NoMatchingProvider), None, None, false),
        (b"k8s:enc:rot13:".to_vec(), Some(Error::NoMatchingProvider), None, None, false),
    ];
    with_both(|transformer, record| {
        for (stored, error, provider, name, stale) in &cases {
            assert_eq!(open_all(transformer, stored), [*error; 3]);
            let said = (Operation::Open, *error, stored.len(), *provider, name.map(Into::into), *stale);
            assert_eq!(record.take(), [said.clone(), said.clone(), said]);
        }
    });
}

#[test]
fn a_small_buffer_is_told_with_what_the_caller_is_told() {
    with_both(|transformer, record| {
        let stored = by(&gcm());
        let error = transformer.open_into(AAD, &stored, &mut [0; 3]).unwrap_err();
        assert_eq!(error, Error::BufferTooSmall { needed: transformer.open_len_max(&stored) });
        let said = (Operation::Open, Some(error), stored.len(), Some((0, GCM)), None, false);
        assert_eq!(record.take(), [said]);
    });
}

#[test]
fn the_last_observer_is_told_alone() {
    let (first, second) = (Record::default(), Record::default());
    let transformer = Transformer::builder().provider(gcm()).build().unwrap();
    let transformer = transformer.with_observer(&first).with_observer(&second);
    let clone = transformer.clone();
    transformer.seal(AAD, &PLAINTEXT).unwrap();
    clone.seal(AAD, &PLAINTEXT).unwrap();
    assert_eq!((first.take().len(), second.take().len()), (0, 2));
}

#[test]
fn events_show_nothing_secret() {
    with_both(|transformer, record| {
        open_all(transformer, &by(&gcm()));
        open_all(transformer, &PLAINTEXT);
        assert!(seal_all(transformer, 100).iter().all(Result::is_ok));
        let shown = record.shown.lock().unwrap();
        for secret in ["plain-Text", "70, 6c", "112, 108", "registry", "47, 114", "1, 1, 1"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("key_name: Some(\"new\")") && shown.contains("Seal"), "{shown}");
    });
    assert_eq!(
        format!("{:?}", Transformer::builder().provider(gcm())),
        "TransformerBuilder [aesgcm [\"new\", \"old\"]]"
    );
}

#[test]
fn key_ids_are_told_as_hashes() {
    // FIPS 180-4's example "abc".
    let hash = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(HashedKeyId::of("abc").to_string(), hash);
    let event = Event::new(Operation::Unwrap, Err(Error::KekDenied), 7).with_key_id("abc");
    assert_eq!(event.key_id_hash(), Some(HashedKeyId::of("abc")));
    assert_eq!(Event::new(Operation::Rotate, Ok(()), 0).key_id_hash(), None);
    let shown = format!("{event:?}");
    assert!(shown.contains(hash) && !shown.contains("\"abc\"") && shown.contains("KekDenied"), "{shown}");
}

/// The buffer after a call that the observer made panic.
fn unwound(mut buffer: Vec<u8>, call: impl FnOnce(&Transformer<'_>, &mut [u8])) -> Vec<u8> {
    let record = Record::panicking();
    let builder = Transformer::builder().provider(gcm()).provider(Identity::new());
    let transformer = builder.build().unwrap().with_observer(&record);
    assert!(catch_unwind(AssertUnwindSafe(|| call(&transformer, &mut buffer))).is_err());
    assert_eq!(record.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len(), 1);
    buffer
}

#[test]
fn an_observer_that_panics_leaves_no_plaintext() {
    let stored = by(&gcm());
    let into = |transformer: &Transformer<'_>, out: &mut [u8]| drop(transformer.open_into(AAD, &stored, out));
    assert_eq!(unwound(vec![0xee; 60], into), [0; 60]);
    let in_place = |transformer: &Transformer<'_>, buffer: &mut [u8]| drop(transformer.open_in_place(AAD, buffer));
    assert_eq!(unwound(stored.clone(), in_place), vec![0; stored.len()]);
    let owned = |transformer: &Transformer<'_>, _: &mut [u8]| drop(transformer.open(AAD, &stored));
    assert_eq!(freed_with(&PLAINTEXT, || drop(unwound(Vec::new(), owned))), 0);

    // What did not open is still what was stored.
    let mut damaged = stored.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(unwound(damaged.clone(), in_place), damaged);
    // Sealed in place, the plaintext is gone by then.
    let seal = |transformer: &Transformer<'_>, buffer: &mut [u8]| {
        _ = transformer.seal_in_place(&mut Counter::default(), AAD, 16, buffer);
    };
    let sealed = unwound([&PLAINTEXT[..], &[0; 80]].concat(), seal);
    assert!(sealed.starts_with(b"k8s:enc:aesgcm:v1:new:"));
    assert!(!sealed.windows(4).any(|window| PLAINTEXT.windows(4).any(|part| part == window)));
}
