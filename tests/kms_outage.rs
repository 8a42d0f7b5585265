//! Every recorded KMS value that opens, while its KMS is away: by both drivers that is what is reported, never damage, and
//! the value opens afterwards.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/table_kek.rs"]
mod table_kek;

use atrest::{
    AsyncTransformer, BlockingTransformer, CallError, DekLimits, DekSourceKind, Error, KmsState, KmsV1, KmsV2, Refusal,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pollster::block_on;
use serde_json::Value;
use table_kek::TableKek;

struct Recorded {
    id: String,
    is_v2: bool,
    aad: Vec<u8>,
    stored: Vec<u8>,
    plaintext: Vec<u8>,
    kek: TableKek,
    blocking: BlockingTransformer,
    on_futures: AsyncTransformer,
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// Every value of one KMS provider that Kubernetes opened.
fn recorded() -> Vec<Recorded> {
    let file: Value = serde_json::from_str(include_str!("vectors/k8s-storage.json")).unwrap();
    file["vectors"].as_array().unwrap().iter().filter_map(Recorded::load).collect()
}

impl Recorded {
    fn load(vector: &Value) -> Option<Self> {
        let [provider] = vector["providers"].as_array()?.as_slice() else { return None };
        let name = provider.get("kms")?["name"].as_str()?;
        let script = &vector["kms"][name];
        let is_v2 = provider["kms"]["apiVersion"] == "v2";
        // Of one entry, a stale value of v1 was opened as AES-CBC, which is off here.
        let is_cbc = !is_v2 && vector["expect"]["stale"] == true;
        if vector["expect"]["ok"] != true || is_cbc {
            return None;
        }
        let plaintext = bytes(vector["expect"]["plaintext"].get("b64")?);
        let mut kek = TableKek::new(script["status_key_id"].as_str().unwrap_or_default());
        for pair in script["unwrap"].as_array()? {
            kek = kek.knowing("", &bytes(&pair["ciphertext_b64"]), &[], &bytes(&pair["plaintext_b64"]));
        }
        let kind = if script["seed"] == false { DekSourceKind::AesGcmKey } else { DekSourceKind::Seed };
        let v2 = || KmsV2::with_state(name, KmsState::new(kind, DekLimits::NIST)).unwrap();
        let v1 = || KmsV1::new(name).unwrap();
        let (blocking, on_futures) = (BlockingTransformer::builder(), AsyncTransformer::builder());
        let (blocking, on_futures) = match is_v2 {
            true => (blocking.kms_v2(v2(), kek.clone()), on_futures.kms_v2(v2(), kek.clone())),
            false => (blocking.kms_v1(v1(), kek.clone()), on_futures.kms_v1(v1(), kek.clone())),
        };
        Some(Self {
            id: vector["id"].as_str()?.to_owned(),
            is_v2,
            aad: bytes(&vector["aad_b64"]),
            stored: bytes(vector.get("stored_b64")?),
            plaintext,
            kek,
            blocking: blocking.build().unwrap(),
            on_futures: on_futures.build().unwrap(),
        })
    }

    /// Has both ask their KMS for its key.
    fn check(&self) {
        let _ = (self.blocking.check(), block_on(self.on_futures.check()));
    }

    /// What both come to.
    fn open(&self) -> Result<Vec<u8>, CallError> {
        let opened = self.blocking.open(&self.aad, &self.stored).map(|opened| opened.plaintext().to_vec());
        let on_futures = block_on(self.on_futures.open(&self.aad, &self.stored));
        let on_futures = on_futures.map(|opened| opened.plaintext().to_vec());
        assert_eq!(opened.as_ref().map_err(CallError::error), on_futures.as_ref().map_err(CallError::error));
        opened
    }
}

#[test]
fn an_outage_is_never_reported_as_damage() {
    let (mut of_v1, mut of_v2) = (0, 0);
    for value in recorded() {
        *if value.is_v2 { &mut of_v2 } else { &mut of_v1 } += 1;
        let assert_refused = |expected| {
            let error = value.open().unwrap_err();
            assert_eq!((error.error(), error.is_retryable()), (expected, true), "{}", value.id);
            assert_eq!(error.cause().is_some(), expected == Error::KekUnreachable, "{}", value.id);
        };
        value.kek.refuse(Refusal::Unreachable);
        value.check();
        assert_refused(if value.is_v2 { Error::KmsNotReady } else { Error::KekUnreachable });
        value.kek.refuse(None);
        value.check();
        value.kek.refuse(Refusal::Unreachable);
        assert_refused(Error::KekUnreachable);
        value.kek.refuse(None);
        assert_eq!(value.open().unwrap(), value.plaintext, "{}", value.id);
        // From now on it is at hand.
        value.kek.refuse(Refusal::Unreachable);
        assert_eq!(value.open().unwrap(), value.plaintext, "{}", value.id);
    }
    assert!(of_v1 >= 14 && of_v2 >= 28, "{of_v1} {of_v2}");
}
