//! The texts of Debug and Display say what a thing is: kinds, names, ids, places in a list.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

use core::num::NonZeroUsize;
use core::time::Duration;

use atrest::{
    AesGcm, AesGcmKey, Algorithm, CacheLimits, DekCache, Envelope, EnvelopeProvider, EnvelopeTransformer, Error,
    Identity, Kek, KmsV1, KmsV2, LocalKek, NamedKey, ObjectError, OsRandom, Rewrap, SealStep, Secret, Step, Time,
    Transformer,
};

const AAD: &[u8] = b"/registry/secrets/default/login1";
const NOW: Time = Time::new(Duration::from_secs(7));

fn aesgcm() -> AesGcm<'static> {
    AesGcm::new(["a", "b"].map(|name| (name, AesGcmKey::from_bytes(&[7; 32]).unwrap()))).unwrap()
}

fn kek() -> LocalKek {
    LocalKek::aes256gcm([("id 1", &Secret::<32>::from_slice(&[9; 32]).unwrap())]).unwrap()
}

#[test]
fn lists_show_their_providers_and_key_names() {
    let key = AesGcmKey::from_bytes(&[7; 32]).unwrap();
    assert_eq!(format!("{:?}", NamedKey::new("n", &key).unwrap()), r#"NamedKey { name: "n", .. }"#);
    let named = NamedKey::new("n", &key).unwrap();
    assert_eq!(format!("{:?}", Some(&named).cloned().unwrap()), format!("{named:?}"));
    let builder = Transformer::builder().provider(aesgcm()).provider(Identity::new());
    let text = r#"[aesgcm ["a", "b"], Identity { verbatim: false }]"#;
    assert_eq!(format!("{builder:?}"), format!("TransformerBuilder {text}"));
    assert_eq!(format!("{:?}", builder.build().unwrap()), format!("Transformer {text}"));

    let v2 = KmsV2::new("w").unwrap();
    let builder = EnvelopeTransformer::builder().wrapped(KmsV1::new("v").unwrap()).wrapped(v2).provider(aesgcm());
    let text = r#"[KmsV1 { name: "v", .. }, KmsV2 { name: "w", .. }, aesgcm ["a", "b"]]"#;
    assert_eq!(format!("{builder:?}"), format!("EnvelopeTransformerBuilder {{ entries: {text}, .. }}"));
    assert_eq!(format!("{:?}", builder.build().unwrap()), format!("EnvelopeTransformer {text}"));
}

#[test]
fn an_opened_value_shows_who_opened_it() {
    let transformer = Transformer::builder().provider(aesgcm()).build().unwrap();
    let stored = transformer.seal(AAD, b"hunter2").unwrap();
    let opened = transformer.open(AAD, &stored).unwrap();
    let text =
        r#"Opened { provider: AesGcm, provider_index: 0, key_name: Some("a"), provider_name: None, stale: false, .. }"#;
    assert_eq!(format!("{opened:?}"), text);
}

#[test]
fn a_step_shows_the_provider_that_waits() {
    let transformer = EnvelopeTransformer::builder().wrapped(KmsV1::new("v").unwrap()).build().unwrap();
    let SealStep::Wrap(pending) = transformer.seal(&mut OsRandom, NOW, AAD, 7).unwrap() else { panic!("no DEK") };
    assert_eq!(format!("{pending:?}"), r#"PendingSeal { provider: KmsV1 { name: "v", .. }, .. }"#);
    let plan = pending.answer(NOW, kek().wrap_dek(&[1; 32], b"").unwrap()).unwrap();
    let text = format!("{plan:?}");
    assert!(text.starts_with(r#"SealPlan { frame: V1Frame { prefix: "k8s:enc:kms:v1:v:", "#), "{text}");
    assert!(text.ends_with(", .. }"), "{text}");

    let stored = plan.seal_to_vec(&mut OsRandom, b"hunter2").unwrap();
    transformer.clear_caches();
    let mut out = [0; 64];
    let Step::Unwrap(pending) = transformer.open_into(NOW, AAD, &stored, &mut out).unwrap() else { panic!("a DEK") };
    let text = format!("{pending:?}");
    let expected = r#"Pending { provider: KmsV1 { name: "v", .. }, provider_index: 0, request: "#;
    assert!(text.starts_with(expected), "{text}");

    let transformer = EnvelopeTransformer::builder().provider(aesgcm()).build().unwrap();
    let SealStep::Ready(plan) = transformer.seal(&mut OsRandom, NOW, AAD, 7).unwrap() else { panic!("a DEK") };
    assert_eq!(format!("{plan:?}"), r#"SealPlan { provider: aesgcm ["a", "b"], .. }"#);
}

#[test]
fn an_envelope_shows_the_ids_of_its_keys() {
    let kek = kek();
    let envelope = Envelope::new(&kek);
    let text = format!("{envelope:?}");
    assert!(text.starts_with(r#"Envelope { kek: LocalKek ["id 1"], settings: Settings { "#), "{text}");
    assert_eq!(format!("{:?}", envelope.sealer(b"context")), "EnvelopeSealer { .. }");

    let stored = envelope.seal(AAD, b"hunter2").unwrap();
    let rewrap = Rewrap::begin(AAD, &stored).unwrap();
    assert_eq!(format!("{rewrap:?}"), r#"Rewrap { key_id: "id 1", .. }"#);
    let rewrap = rewrap.answer(kek.unwrap_dek(&rewrap.request()).unwrap()).unwrap();
    assert_eq!(format!("{rewrap:?}"), r#"RewrapDek { rewrap: Rewrap { key_id: "id 1", .. }, .. }"#);
    assert!(format!("{:?}", EnvelopeProvider::new()).starts_with("EnvelopeProvider { algorithm: XChaCha20Poly1305, "));
    assert_eq!(Algorithm::XChaCha20Poly1305.to_string(), "XChaCha20-Poly1305");
    assert_eq!(Algorithm::Aes256Gcm.to_string(), "AES-256-GCM");
}

#[test]
fn a_cache_shows_its_limits_and_counts() {
    let stats = "stats: CacheStats { hits: 0, misses: 0, evicted_by_size: 0, evicted_by_age: 0, entries: 0 }";
    assert_eq!(format!("{:?}", DekCache::disabled()), format!("DekCache {{ limits: None, {stats}, .. }}"));
    let cache = DekCache::new(CacheLimits::new(NonZeroUsize::MIN, Duration::from_secs(3)));
    let limits = "Some(CacheLimits { entries: 1, ttl: 3s })";
    assert_eq!(format!("{cache:?}"), format!("DekCache {{ limits: {limits}, {stats}, .. }}"));
}

#[test]
fn the_reason_why_bytes_are_no_object_is_told() {
    for (error, text) in [
        (ObjectError::Proto, "the object is no protobuf message"),
        (ObjectError::UnknownKind(7), "7 is no kind of DEK source"),
        (ObjectError::EncryptedData, "the encrypted data is empty"),
        (ObjectError::EncryptedDekSource(0), "the encrypted DEK source has 0 bytes, 1 to 1024 are allowed"),
        (ObjectError::KeyId(1025), "the key id has 1025 bytes, 1 to 1024 are allowed"),
        (ObjectError::Annotations, "the annotations are not named by domains or have more than 32768 bytes"),
    ] {
        assert_eq!(error.to_string(), text);
        // Whoever opens a value is told no more than that it does not open.
        assert_eq!(Error::from(error), Error::Open);
    }
}
