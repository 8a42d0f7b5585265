//! Every single-bit flip and every truncation of KMS values that Kubernetes wrote, and of our own: an error or the
//! original plaintext, never another one, by a KEK that looks at all of a request and by one that only looks at the
//! wrapped bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Arc;

use atrest::{
    DekCache, DekLimits, DekSourceKind, EncryptedObject, EnvelopeTransformer, Error, KmsState, KmsV1, KmsV2,
    WrappedProvider,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use by_hand::{Seen, open_in, seal};
use serde_json::Value;
use table_kek::{TableKek, TestClock};

/// A value, who can open it, and where its parts lie.
struct Stored {
    id: String,
    bytes: Vec<u8>,
    aad: Vec<u8>,
    plaintext: Vec<u8>,
    transformer: EnvelopeTransformer<'static>,
    kek: TableKek,
    prefix_len: usize,
    wrapped: Range<usize>,
    payload: Range<usize>,
    /// Of v2.
    key_id: Range<usize>,
}

fn list(provider: impl WrappedProvider + 'static) -> EnvelopeTransformer<'static> {
    EnvelopeTransformer::builder().wrapped(provider).build().unwrap()
}

fn list_of_v2(name: &str, kind: DekSourceKind, kek: &TableKek) -> EnvelopeTransformer<'static> {
    let kms = KmsV2::with_state(name, KmsState::new(kind, DekLimits::NIST)).unwrap();
    kms.check_with(kek, &TestClock::default()).unwrap();
    list(kms)
}

/// Where a part of a value lies in it.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = whole.windows(part.len()).position(|window| window == part).unwrap();
    start..start + part.len()
}

impl Stored {
    fn recorded(id: &str) -> Self {
        let file: Value = serde_json::from_str(include_str!("vectors/k8s-storage.json")).unwrap();
        let vector = file["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).expect(id);
        assert_eq!(vector["written_by_go"], true, "{id}");
        let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let name = vector["providers"][0]["kms"]["name"].as_str().unwrap();
        let script = &vector["kms"][name];
        let pair = &script["unwrap"][0];
        let (wrapped, dek) = (bytes(&pair["ciphertext_b64"]), bytes(&pair["plaintext_b64"]));
        let stored = bytes(&vector["stored_b64"]);
        let key_id = script["status_key_id"].as_str().unwrap_or_default();
        let kek = TableKek::new(key_id);
        let transformer = match script["seed"].as_bool() {
            None => list(KmsV1::new(name).unwrap()),
            Some(true) => list_of_v2(name, DekSourceKind::Seed, &kek),
            Some(false) => list_of_v2(name, DekSourceKind::AesGcmKey, &kek),
        };
        let prefix_len = "k8s:enc:kms:v1::".len() + name.len();
        let is_v1 = script["seed"].is_null();
        let annotations = if is_v1 { Vec::new() } else { object(&stored, prefix_len).annotations().to_vec() };
        let kek = kek.knowing(key_id, &wrapped, &annotations, &dek);
        let plaintext = bytes(&vector["expect"]["plaintext"]["b64"]);
        Self::new(id, stored, bytes(&vector["aad_b64"]), plaintext, transformer, kek, prefix_len)
    }

    fn sealed(
        id: &str,
        writer: &EnvelopeTransformer<'_>,
        reader: EnvelopeTransformer<'static>,
        kek: &TableKek,
    ) -> Self {
        let (aad, plaintext) = (by_hand::AAD.to_vec(), by_hand::TEXT.to_vec());
        Self::new(id, seal(writer, kek), aad, plaintext, reader, kek.clone(), "k8s:enc:kms:v1:a:".len())
    }

    fn new(
        id: &str,
        bytes: Vec<u8>,
        aad: Vec<u8>,
        plaintext: Vec<u8>,
        transformer: EnvelopeTransformer<'static>,
        kek: TableKek,
        prefix_len: usize,
    ) -> Self {
        let (wrapped, payload, key_id) = if bytes.starts_with(b"k8s:enc:kms:v1:") {
            let len = usize::from(u16::from_be_bytes([bytes[prefix_len], bytes[prefix_len + 1]]));
            let payload_at = prefix_len + 2 + len;
            (prefix_len + 2..payload_at, payload_at..bytes.len(), 0..0)
        } else {
            let object = object(&bytes, prefix_len);
            let parts = [object.encrypted_dek_source(), object.encrypted_data(), object.key_id().as_bytes()];
            parts.map(|part| place(&bytes, part)).into()
        };
        let id = id.into();
        Self { id, bytes, aad, plaintext, transformer, kek, prefix_len, wrapped, payload, key_id }
    }

    fn open(&self, stored: &[u8]) -> Result<Seen, Error> {
        let len = self.transformer.open_len_max(&self.aad, stored);
        assert!(len <= stored.len());
        open_in(&self.transformer, &[&self.kek], &self.aad, stored, len)
    }
}

fn object(stored: &[u8], prefix_len: usize) -> EncryptedObject<'_> {
    EncryptedObject::parse(&stored[prefix_len..]).unwrap()
}

fn values() -> Vec<Stored> {
    let recorded = [
        "kmsv1-len0",
        "kmsv1-len33",
        "kmsv1-len64",
        "kmsv2-seed-len0",
        "kmsv2-seed-len17",
        "kmsv2-seed-len33",
        "kmsv2-dek-len0",
        "kmsv2-dek-len17",
        "kmsv2-dek-len33",
    ];
    let mut values = recorded.map(Stored::recorded).into_iter().collect::<Vec<_>>();
    let kek = TableKek::new("id1");
    kek.set(|script| script.annotations = BTreeMap::from([("b.c".into(), vec![2, 3]), ("a.b".into(), vec![])]));
    for kind in [DekSourceKind::Seed, DekSourceKind::AesGcmKey] {
        let v2 = || list_of_v2("a", kind, &kek);
        values.push(Stored::sealed("of another process", &v2(), v2(), &kek));
        let kms = Arc::new(KmsV2::with_state("a", KmsState::new(kind, DekLimits::NIST)).unwrap());
        kms.check_with(&kek, &TestClock::default()).unwrap();
        let both = || EnvelopeTransformer::builder().shared_wrapped(kms.clone()).build().unwrap();
        values.push(Stored::sealed("of the same process", &both(), both(), &kek));
    }
    let kek = TableKek::new("");
    let uncached = || list(KmsV1::new("a").unwrap().with_cache(DekCache::disabled()));
    values.push(Stored::sealed("v1", &list(KmsV1::new("a").unwrap()), uncached(), &kek));
    values
}

#[test]
fn undamaged_each_value_opens_and_is_not_stale() {
    for value in values() {
        for strict in [true, false] {
            value.kek.set(|script| script.strict = strict);
            let seen = value.open(&value.bytes).unwrap();
            assert_eq!((&seen.text, seen.stale), (&value.plaintext, false), "{}", value.id);
        }
    }
}

/// What a flip of that bit may come to; `Ok` is the original plaintext.
fn check_flip(value: &Stored, strict: bool, bit: usize) {
    let position = bit / 8;
    let mut stored = value.bytes.clone();
    stored[position] ^= 1 << (bit % 8);
    let seen = value.open(&stored);
    let context = format!("{} strict {strict} bit {bit}: {seen:?}", value.id);
    let is_v1 = value.key_id.is_empty();
    if position < value.prefix_len {
        assert_eq!(seen, Err(Error::NoMatchingProvider), "{context}");
    } else if value.payload.contains(&position) {
        assert_eq!(seen, Err(Error::Open), "{context}");
    } else if value.wrapped.contains(&position) {
        assert_eq!(seen, Err(Error::KekNotMine), "{context}");
    } else if value.key_id.contains(&position) && !strict && core::str::from_utf8(&stored[value.key_id.clone()]).is_ok()
    {
        assert_eq!(seen.map(|seen| (seen.text, seen.stale)), Ok((value.plaintext.clone(), true)), "{context}");
    } else {
        match seen {
            // Annotations are not authenticated: a KEK that does not look at them lets others pass. One that does sees no
            // difference where an empty field became an unknown one.
            Ok(seen) => {
                assert!(!is_v1 && seen.text == value.plaintext, "{context}");
                let same = || object(&stored, value.prefix_len) == object(&value.bytes, value.prefix_len);
                assert!(!strict || same(), "{context}");
            }
            Err(error) => assert!(matches!(error, Error::Open | Error::KekNotMine), "{context}"),
        }
    }
}

#[test]
fn a_flipped_bit_never_gives_another_plaintext() {
    for value in values() {
        for strict in [true, false] {
            value.kek.set(|script| script.strict = strict);
            (0..value.bytes.len() * 8).for_each(|bit| check_flip(&value, strict, bit));
            // Nothing that was damaged stands in the way of the value itself.
            assert_eq!(value.open(&value.bytes).unwrap().text, value.plaintext);
        }
    }
}

#[test]
fn a_truncation_never_gives_another_plaintext() {
    for value in values() {
        for strict in [true, false] {
            value.kek.set(|script| script.strict = strict);
            for len in 0..value.bytes.len() {
                let seen = value.open(&value.bytes[..len]);
                let context = format!("{} strict {strict} {len}: {seen:?}", value.id);
                match seen {
                    // Behind all other parts stand annotations, which a reader of the first ones does not miss.
                    Ok(seen) => {
                        let end = value.key_id.end.max(value.wrapped.end);
                        assert!(!strict && len >= end && value.payload.start < end, "{context}");
                        assert_eq!(seen.text, value.plaintext, "{context}");
                    }
                    Err(Error::NoMatchingProvider) => assert!(len < value.prefix_len, "{context}"),
                    Err(error) => assert!(matches!(error, Error::Open | Error::KekNotMine), "{context}"),
                }
            }
        }
    }
}
