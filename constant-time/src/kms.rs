//! KMS v1 and v2, and the own envelope as a provider beside them: DEKs, seeds, the KEK's keys and plaintexts are secret.

use atrest::{
    AesCbcKey, Algorithm, DekCache, DekLimits, DekSourceKind, EnvelopeProvider, EnvelopeTransformer, Error, Kek,
    KmsState, KmsV1, KmsV2, SealPlan, SealStep, Step, Time, WrappedProvider,
};
use core::time::Duration;

use super::kek::{ALGORITHMS, Storing};
use super::look::{self, opened, wiped};
use super::sources::{Keys, Nonces, secret_bytes};
use super::statics;
use super::tally::Tally;

const AAD: &[u8] = b"/registry/secrets/default/login1";
const NOW: Time = Time::new(Duration::from_secs(7));
const LENGTHS: [usize; 7] = [0, 1, 16, 100, 500, 1024, 5000];

type List = EnvelopeTransformer<'static>;

fn list(provider: impl WrappedProvider + 'static) -> List {
    EnvelopeTransformer::builder().wrapped(provider).build().unwrap()
}

fn v1() -> KmsV1 {
    KmsV1::new("a").unwrap()
}

/// A provider whose seed is drawn and wrapped.
fn v2(kind: DekSourceKind, kek: &dyn Kek) -> KmsV2 {
    let provider = KmsV2::with_state("a", KmsState::new(kind, DekLimits::NIST)).unwrap();
    let rotation = provider.check(&mut Keys, NOW, "key1").unwrap().unwrap();
    let answer = kek.wrap_dek(rotation.expose_dek(), &[]).unwrap();
    provider.complete(NOW, rotation, answer).unwrap();
    provider
}

fn plan<'t>(list: &'t List, kek: &dyn Kek, len: usize) -> SealPlan<'t, 'static> {
    match list.seal(&mut Keys, NOW, AAD, len).unwrap() {
        SealStep::Ready(plan) => plan,
        SealStep::Wrap(pending) => {
            let answer = kek.wrap_dek(pending.expose_dek(), pending.context()).unwrap();
            pending.answer(NOW, answer).unwrap()
        }
    }
}

/// To a vector and into a buffer; `extra` bytes besides those of the plaintext are computed from secrets.
fn seal(list: &List, kek: &dyn Kek, plaintext: &[u8], extra: usize) -> [Vec<u8>; 2] {
    let to_vec = plan(list, kek, plaintext.len()).seal_to_vec(&mut Nonces, plaintext).unwrap();
    let plan = plan(list, kek, plaintext.len());
    let mut into = vec![0; plan.sealed_len(plaintext.len()).unwrap()];
    let len = plan.seal_into(&mut Nonces, plaintext, &mut into).unwrap();
    assert_eq!(len, into.len());
    [to_vec, into].map(|mut value| {
        look::stored_with(&mut value, plaintext.len() + extra);
        value
    })
}

fn open(list: &List, kek: &dyn Kek, stored: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = vec![1; list.open_len_max(AAD, stored)];
    let mut step = list.open_into(NOW, AAD, stored, &mut out);
    loop {
        step = match step {
            Ok(Step::Ready(opened)) => return Ok(opened.plaintext_in(&out).to_vec()),
            Ok(Step::Unwrap(pending)) => match kek.unwrap_dek(&pending.request()) {
                Ok(dek) => pending.answer(NOW, &dek, &mut out),
                Err(error) => pending.refuse(NOW, error.refusal(), &mut out),
            },
            Err(error) => {
                wiped(&out);
                return Err(error);
            }
        }
    }
}

/// By the list that sealed, by one without the DEK at hand, and changed from the end on.
fn round_trips(tally: &mut Tally, name: &str, extra: usize, algorithm: Algorithm, make: &dyn Fn(&dyn Kek) -> List) {
    for len in LENGTHS {
        tally.run(format!("{name} with {algorithm}, {len} bytes"), || {
            let kek = Storing::new(algorithm);
            let (list, other) = (make(&kek), make(&kek));
            let plaintext = secret_bytes(len);
            for value in seal(&list, &kek, &plaintext, extra) {
                opened(&open(&list, &kek, &value).unwrap(), &plaintext);
                opened(&open(&other, &kek, &value).unwrap(), &plaintext);
            }
        });
    }
    tally.run(format!("{name} with {algorithm}, changed"), || {
        let kek = Storing::new(algorithm);
        let list = make(&kek);
        let value = seal(&list, &kek, &secret_bytes(100), extra).into_iter().next().unwrap();
        let prefix = value.iter().rposition(|&byte| byte == b':').map_or(0, |_| 16);
        for at in prefix..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 0x10;
            // Of KMS v2 the annotations and the key id are not authenticated.
            let _ = open(&list, &kek, &changed);
            let _ = open(&make(&kek), &kek, &changed);
        }
    });
}

/// A payload in AES-CBC under a DEK, as KMS v1 wrote before Kubernetes 1.13.
fn legacy(tally: &mut Tally, algorithm: Algorithm) {
    tally.run(format!("KMS v1 in AES-CBC with {algorithm}"), || {
        let kek = Storing::new(algorithm);
        for len in [0, 15, 100, 300] {
            let (dek, plaintext) = (secret_bytes(32), secret_bytes(len));
            let by_cbc = statics::list(vec![AesCbcKey::from_bytes(&dek).unwrap()]);
            let mut payload = by_cbc.seal_with(&mut Nonces, b"", &plaintext).unwrap();
            look::stored(&mut payload, "k8s:enc:aescbc:v1:key1:".len() + 16);
            let wrapped = kek.wrap_dek(&dek, b"").unwrap();
            let wrapped_len = u16::try_from(wrapped.bytes().len()).unwrap().to_be_bytes();
            let payload = &payload["k8s:enc:aescbc:v1:key1:".len()..];
            let mut value = [b"k8s:enc:kms:v1:a:", &wrapped_len[..], wrapped.bytes(), payload].concat();
            let list = list(v1().with_legacy_cbc());
            opened(&open(&list, &kek, &value).unwrap(), &plaintext);
            assert_eq!(open(&self::list(v1()), &kek, &value), Err(Error::Open));
            let last = value.len() - 17;
            for change in 0..=255 {
                value[last] ^= change;
                let _ = open(&list, &kek, &value);
                value[last] ^= change;
            }
        }
    });
}

pub fn run(tally: &mut Tally) {
    let tag = 16;
    let commitment = 32;
    for algorithm in ALGORITHMS {
        round_trips(tally, "KMS v1", tag, algorithm, &|_| list(v1()));
        let uncached = |_: &dyn Kek| list(v1().with_cache(DekCache::disabled()));
        round_trips(tally, "KMS v1 without a cache", tag, algorithm, &uncached);
        for kind in [DekSourceKind::Seed, DekSourceKind::AesGcmKey] {
            round_trips(tally, &format!("KMS v2 {kind:?}"), tag, algorithm, &|kek| list(v2(kind, kek)));
        }
        for with in ALGORITHMS {
            let make = |_: &dyn Kek| list(EnvelopeProvider::new().with_algorithm(with));
            round_trips(tally, &format!("EnvelopeProvider {with}"), tag + commitment, algorithm, &make);
        }
        legacy(tally, algorithm);
    }
}
