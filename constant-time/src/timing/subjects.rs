//! What is measured of atrest: checks of tags, commitments and padding that fail, and sealing and expansion of keys.

use core::hint::black_box;

use std::rc::Rc;

use atrest::{
    AesCbcKey, AesGcmKey, Algorithm, DekLimits, DekScheme, FreshDek, Keyed, KeyedCipher, OpenDek, RandomError,
    RecoveredDek, SealDek, Secret, SecretboxKey, Transformer,
};
use subtle::ConstantTimeEq;

use super::classes::{Inputs, Random, Subject};

const AAD: &[u8] = b"/registry/secrets/default/login1";

/// A nonce that is always the same: of two classes with nonces of their own one would differ from the other by chance.
struct OneNonce;

impl atrest::Random for OneNonce {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(7);
        Ok(())
    }
}

fn list<C: KeyedCipher + 'static>(key: C) -> Transformer<'static> {
    Transformer::builder().provider(Keyed::new([("key1", key)]).unwrap()).build().unwrap()
}

fn subject(name: String, inputs: Inputs, mut call: impl FnMut(&[u8]) + 'static) -> Subject {
    Subject { name, inputs, call: Box::new(move |input| call(input)) }
}

/// A value wrong in the last byte at `at..at + len`, or in all of them at random.
fn wrong_at(value: &[u8], at: usize, len: usize) -> Inputs {
    let mut random = Random::seeded();
    Inputs::new(|is_random| {
        let mut value = value.to_vec();
        if is_random {
            value[at..at + len].copy_from_slice(&random.bytes(len));
        } else {
            value[at + len - 1] ^= 1;
        }
        value
    })
}

/// A wrong tag, opened into a buffer and in place.
fn tags<C: KeyedCipher + 'static>(
    name: &str,
    key: C,
    text_len: usize,
    tag_at: impl Fn(usize) -> usize,
) -> [Subject; 2] {
    let list = list(key);
    let value = list.seal_with(&mut OneNonce, AAD, &vec![1; text_len]).unwrap();
    let inputs = || wrong_at(&value, tag_at(value.len()), 16);
    let mut out = vec![0; value.len()];
    let mut in_place = value.clone();
    let (into_inputs, in_place_inputs) = (inputs(), inputs());
    let list = Rc::new(list);
    let other = Rc::clone(&list);
    [
        subject(format!("{name}, wrong tag, {text_len} bytes"), into_inputs, move |value| {
            assert!(black_box(list.open_into(AAD, value, &mut out)).is_err());
        }),
        subject(format!("{name}, wrong tag, {text_len} bytes in place"), in_place_inputs, move |value| {
            in_place.copy_from_slice(value);
            assert!(black_box(other.open_in_place(AAD, &mut in_place)).is_err());
        }),
    ]
}

/// CBC turns a change of one block into the same change of the plaintext of the next: the padding is wrong in its first
/// byte of sixteen, or in the last byte and others at random.
fn padding(text_len: usize) -> [Subject; 2] {
    let make = || list(AesCbcKey::from_bytes(&[3; 32]).unwrap());
    let value = make().seal_with(&mut OneNonce, AAD, &vec![1; text_len]).unwrap();
    assert_eq!(text_len % 16, 0, "a whole block of padding");
    let before_last = value.len() - 32;
    let inputs = || {
        let mut random = Random::seeded();
        Inputs::new(|is_random| {
            let mut value = value.clone();
            if is_random {
                // A last byte of 0, which is no padding, where it was 16.
                let last = value[before_last + 15] ^ 16;
                value[before_last..before_last + 15].copy_from_slice(&random.bytes(15));
                value[before_last + 15] = last;
            } else {
                value[before_last] ^= 1;
            }
            value
        })
    };
    let (by_into, by_place) = (make(), make());
    let mut out = vec![0; value.len()];
    let mut in_place = value.clone();
    [
        subject(format!("aescbc, wrong padding, {text_len} bytes"), inputs(), move |value| {
            assert!(black_box(by_into.open_into(AAD, value, &mut out)).is_err());
        }),
        subject(format!("aescbc, wrong padding, {text_len} bytes in place"), inputs(), move |value| {
            in_place.copy_from_slice(value);
            assert!(black_box(by_place.open_in_place(AAD, &mut in_place)).is_err());
        }),
    ]
}

/// Always the same bytes, or others each time.
fn fixed_or_random(fixed: Vec<u8>, mut other: impl FnMut() -> Vec<u8>) -> Inputs {
    Inputs::new(|is_random| if is_random { other() } else { fixed.clone() })
}

fn plaintexts<C: KeyedCipher + 'static>(name: &str, key: C, len: usize) -> Subject {
    let mut random = Random::seeded();
    let list = list(key);
    let mut out = vec![0; list.sealed_len(len).unwrap()];
    let inputs = fixed_or_random(vec![0; len], move || random.bytes(len));
    subject(format!("{name}, sealing {len} bytes"), inputs, move |plaintext| {
        list.seal_into(&mut OneNonce, AAD, plaintext, &mut out).unwrap();
        black_box(&out);
    })
}

/// Values of aescbc whose chains run side by side, and end one after the other.
fn batch() -> Subject {
    const LENGTHS: [usize; 11] = [100, 0, 16, 300, 64, 33, 128, 200, 15, 48, 80];
    let mut random = Random::seeded();
    let list = list(AesCbcKey::from_bytes(&[2; 32]).unwrap());
    let len = LENGTHS.iter().sum();
    let inputs = fixed_or_random(vec![0; len], move || random.bytes(len));
    subject(format!("aescbc, sealing {} values at once", LENGTHS.len()), inputs, move |plaintexts| {
        let mut rest = plaintexts;
        let values = LENGTHS.map(|len| (AAD, rest.split_off(..len).unwrap()));
        for sealed in list.seal_many_with(&mut OneNonce, values) {
            black_box(sealed.unwrap());
        }
    })
}

fn keys<C: KeyedCipher + 'static>(name: &str, len: usize, expand: impl Fn(&[u8]) -> C + 'static) -> Subject {
    let mut random = Random::seeded();
    let mut out = [0; 256];
    let inputs = fixed_or_random(vec![0; len], move || random.bytes(len));
    subject(format!("{name}, expanding a key of {len} bytes and sealing"), inputs, move |key| {
        list(expand(key)).seal_into(&mut OneNonce, AAD, b"hunter2", &mut out).unwrap();
        black_box(&out);
    })
}

/// The own envelope's payload: a wrong commitment and a wrong tag, and sealing.
fn committing(algorithm: Algorithm) -> [Subject; 3] {
    let make = || FreshDek::generate(DekScheme::Committing(algorithm), DekLimits::new(u32::MAX, usize::MAX)).unwrap();
    let dek = make();
    let mut value = vec![0; dek.sealed_len(64).unwrap()];
    dek.seal_into(&mut OneNonce, AAD, &[1; 64], &mut value).unwrap();
    let opener = |dek: &FreshDek| {
        let (dek, mut out) = (dek.to_recovered(), [0; 64]);
        move |value: &[u8]| assert!(black_box(dek.open_into(AAD, value, &mut out)).is_err())
    };
    let sealer = make();
    let mut sealed = value.clone();
    let mut random = Random::seeded();
    let texts = fixed_or_random(vec![0; 64], move || random.bytes(64));
    [
        subject(format!("envelope {algorithm}, wrong commitment"), wrong_at(&value, 32, 32), opener(&dek)),
        subject(format!("envelope {algorithm}, wrong tag"), wrong_at(&value, value.len() - 16, 16), opener(&dek)),
        subject(format!("envelope {algorithm}, sealing 64 bytes"), texts, move |plaintext| {
            sealer.seal_into(&mut OneNonce, AAD, plaintext, &mut sealed).unwrap();
            black_box(&sealed);
        }),
    ]
}

/// A seed of KMS v2, and a secret by itself.
fn secrets() -> [Subject; 3] {
    let mut random = Random::seeded();
    let seeds = fixed_or_random(vec![0; 32], move || random.bytes(32));
    let secret = Secret::<32>::from_slice(&[7; 32]).unwrap();
    let mut random = Random::seeded();
    let mut last_wrong = vec![7; 32];
    last_wrong[31] = 6;
    let compared = fixed_or_random(last_wrong, move || random.bytes(32));
    let mut random = Random::seeded();
    let encoded = move || {
        let key = Secret::<32>::from_slice(&random.bytes(32)).unwrap();
        key.expose_base64().as_bytes().to_vec()
    };
    let texts = fixed_or_random(vec![b'A'; 43].into_iter().chain([b'=']).collect(), encoded);
    let mut out = [0; 64];
    [
        subject("KMS v2, a seed expanded, and a wrong tag".into(), seeds, move |seed| {
            let dek = RecoveredDek::from_bytes(DekScheme::AesGcmXNonce, seed).unwrap();
            assert!(black_box(dek.open_into(AAD, &[1; 100], &mut out)).is_err());
        }),
        subject("comparing secrets".into(), compared, move |other| {
            let other = Secret::<32>::from_slice(other).unwrap();
            black_box(secret.ct_eq(&other).unwrap_u8());
        }),
        subject("base64 of a secret".into(), texts, |text| {
            black_box(Secret::<32>::from_base64(text).unwrap());
        }),
    ]
}

pub fn all() -> Vec<Subject> {
    let gcm = || AesGcmKey::from_bytes(&[1; 32]).unwrap();
    let cbc = || AesCbcKey::from_bytes(&[2; 32]).unwrap();
    let secretbox = || SecretboxKey::from_bytes(&[3; 32]).unwrap();
    let mut subjects = Vec::new();
    for len in [64, 1024] {
        subjects.extend(tags("aesgcm", gcm(), len, |value_len| value_len - 16));
        subjects.extend(tags("secretbox", secretbox(), len, |value_len| value_len - len - 16));
        subjects.extend(padding(len));
        subjects.push(plaintexts("aesgcm", gcm(), len));
        subjects.push(plaintexts("aescbc", cbc(), len));
        subjects.push(plaintexts("secretbox", secretbox(), len));
    }
    subjects.push(batch());
    for len in [16, 24, 32] {
        subjects.push(keys("aesgcm", len, |key| AesGcmKey::from_bytes(key).unwrap()));
        subjects.push(keys("aescbc", len, |key| AesCbcKey::from_bytes(key).unwrap()));
    }
    subjects.push(keys("secretbox", 32, |key| SecretboxKey::from_bytes(key).unwrap()));
    for algorithm in [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm] {
        subjects.extend(committing(algorithm));
    }
    subjects.extend(secrets());
    subjects
}
