//! What calls with a KEK leave on the dead part of the stack: of DEKs, of what is derived from them, of the keys of the
//! embedded KEK and of plaintext.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/dead_stack.rs"]
mod dead_stack;
#[path = "common/masking_kek.rs"]
mod masking_kek;
#[path = "common/needles.rs"]
mod needles;
#[path = "common/round_keys.rs"]
mod round_keys;

use atrest::{
    Algorithm, BlockingTransformer, EncryptedObject, Envelope, EnvelopeProvider, Kek, KmsV1, KmsV2, LocalKek, Secret,
    WrappedDek,
};
use dead_stack::{Needles, assert_clean};
use masking_kek::{Masking, masked};
use needles::{expanded, unlike};

const AAD: &[u8] = b"/registry/secrets/default/login1";

const SIZES: [usize; 5] = [16, 64, 400, 1100, 4100];

#[derive(Clone, Copy, Debug)]
enum Kind {
    V1,
    V2,
    Own(Algorithm),
}

const KINDS: [Kind; 4] = [Kind::V1, Kind::V2, Kind::Own(Algorithm::XChaCha20Poly1305), Kind::Own(Algorithm::Aes256Gcm)];

fn driver(kind: Kind) -> BlockingTransformer {
    let builder = BlockingTransformer::builder();
    let builder = match kind {
        Kind::V1 => builder.kms_v1(KmsV1::new("a").unwrap(), Masking),
        Kind::V2 => builder.kms_v2(KmsV2::new("a").unwrap(), Masking),
        Kind::Own(algorithm) => builder.envelope(EnvelopeProvider::new().with_algorithm(algorithm), Masking),
    };
    let driver = builder.build().unwrap();
    check(&driver);
    driver
}

fn check(driver: &BlockingTransformer) {
    driver.check().into_iter().for_each(|(_, checked)| checked.unwrap());
}

/// What went into a value.
fn secrets(kind: Kind, text: &[u8], stored: &[u8]) -> Needles {
    let needles = Needles::default();
    match kind {
        Kind::V1 => {
            let rest = stored.strip_prefix(b"k8s:enc:kms:v1:a:\0\x20").unwrap();
            let (wrapped, payload) = rest.split_at(32);
            needles.with_gcm(&masked(wrapped), &payload[..12]).with_text(text, &payload[12..])
        }
        Kind::V2 => {
            let object = EncryptedObject::parse(stored.strip_prefix(b"k8s:enc:kms:v2:a:").unwrap()).unwrap();
            let seed = masked(object.encrypted_dek_source());
            let (info, payload) = object.encrypted_data().split_at(32);
            let key = &expanded(&seed, info)[..32];
            needles.with_seed(&seed).with_gcm(key, &payload[..12]).with_text(text, &payload[12..])
        }
        Kind::Own(algorithm) => {
            let (header, payload) = stored.split_at(stored.len() - text.len() - 80);
            let dek = masked(header.last_chunk::<32>().unwrap());
            let code = &header[14..15];
            let okm = expanded(&dek, &[b"atrest:env:v1", code, &payload[..32]].concat());
            let needles = needles.with_seed(&dek).with_text(text, &payload[64..]);
            match algorithm {
                Algorithm::Aes256Gcm => needles.with_gcm(&okm[..32], &[0; 12]),
                _ => needles.with_xchacha(&okm[..32], &[0; 24]),
            }
        }
    }
}

/// Turns a bit of the ciphertext over.
fn damaged(kind: Kind, stored: &[u8]) -> Vec<u8> {
    let mut damaged = stored.to_vec();
    // Of v2 other fields follow.
    let place = stored.len() - if matches!(kind, Kind::V2) { 64 } else { 17 };
    damaged[place] ^= 0x80;
    damaged
}

#[test]
fn drivers_that_seal() {
    for kind in KINDS {
        let driver = driver(kind);
        for size in SIZES {
            let text = unlike(2, size);
            let seal = || driver.seal(AAD, &text).unwrap();
            assert_clean(&format!("{kind:?} {size} seal"), seal, |stored| secrets(kind, &text, stored));
        }
    }
}

type Open = fn(&BlockingTransformer, &[u8], &mut [u8]) -> bool;

const OPENS: [(&str, Open); 2] = [
    ("open", |driver, stored, _| driver.open(AAD, stored).is_ok()),
    ("open into", |driver, stored, out| driver.open_into(AAD, stored, out).is_ok()),
];

#[test]
fn drivers_that_open_or_do_not() {
    for kind in KINDS {
        let writer = driver(kind);
        for size in SIZES {
            let text = unlike(2, size);
            let stored = writer.seal(AAD, &text).unwrap();
            let damaged = damaged(kind, &stored);
            let needles = secrets(kind, &text, &stored);
            for (name, open) in OPENS {
                // The first asks the KEK, the second finds the DEK at hand.
                let reader = driver(kind);
                for (stored, opens) in [(&stored, true), (&stored, true), (&damaged, false)] {
                    let mut out = vec![0; stored.len()];
                    let name = format!("{kind:?} {size} {name} {opens}");
                    let opened = assert_clean(&name, || open(&reader, stored, &mut out), |_| needles.clone());
                    assert_eq!(opened, opens, "{name}");
                }
            }
        }
    }
}

#[test]
fn the_check_that_makes_a_seed() {
    let driver = BlockingTransformer::builder().kms_v2(KmsV2::new("a").unwrap(), Masking).build().unwrap();
    assert_clean(
        "check",
        || check(&driver),
        |()| {
            let stored = driver.seal(AAD, b"a text of a block").unwrap();
            let object = EncryptedObject::parse(stored.strip_prefix(b"k8s:enc:kms:v2:a:").unwrap()).unwrap();
            Needles::default().with_seed(&masked(object.encrypted_dek_source()))
        },
    );
}

#[test]
fn envelopes_and_sealers() {
    for algorithm in [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm] {
        let envelope = Envelope::new(Masking).with_algorithm(algorithm);
        let sealer = envelope.sealer(AAD);
        for size in SIZES {
            let text = unlike(2, size);
            let found = |stored: &Vec<u8>| secrets(Kind::Own(algorithm), &text, stored);
            let name = |call| format!("{algorithm:?} {size} {call}");
            let stored = assert_clean(&name("seal"), || envelope.seal(AAD, &text).unwrap(), found);
            assert_clean(&name("sealer"), || sealer.seal(&text).unwrap(), found);
            assert_clean(&name("open"), || drop(envelope.open(AAD, &stored).unwrap()), |()| found(&stored));
            let mut out = vec![0; size];
            let into = || assert_eq!(envelope.open_into(AAD, &stored, &mut out).unwrap(), size);
            assert_clean(&name("open into"), into, |()| found(&stored));
            let other = || drop(envelope.open(b"another", &stored).unwrap_err());
            assert_clean(&name("failing open"), other, |()| found(&stored));
            assert_clean(&name("rewrap"), || envelope.rewrap(AAD, &stored).unwrap(), found);
            let both = |sealed: &Vec<u8>| found(sealed).and(found(&stored));
            assert_clean(&name("reseal"), || envelope.reseal(AAD, &stored).unwrap(), both);
        }
    }
}

fn embedded(algorithm: Algorithm, key: &Secret<32>) -> LocalKek {
    match algorithm {
        Algorithm::Aes256Gcm => LocalKek::aes256gcm([("id1", key)]).unwrap(),
        _ => LocalKek::new([("id1", key)]).unwrap(),
    }
}

#[test]
fn the_embedded_kek() {
    let (raw, dek) = (unlike(3, 32), unlike(4, 32));
    let key = Secret::from_slice(&raw).unwrap();
    for algorithm in [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm] {
        let of = |wrapped: &[u8]| match algorithm {
            Algorithm::Aes256Gcm => Needles::default().with_gcm(&raw, &wrapped[..12]).with_text(&dek, &wrapped[12..]),
            _ => Needles::default().with_xchacha(&raw, &wrapped[..24]).with_text(&dek, &wrapped[24..]),
        };
        let name = |call| format!("{algorithm:?} KEK {call}");
        let made = || drop(embedded(algorithm, &key));
        assert_clean(&name("made and dropped"), made, |()| Needles::default().with_aes(&raw));
        let kek = embedded(algorithm, &key);
        let wrap = || kek.wrap_dek(&dek, AAD).unwrap();
        let wrapped = assert_clean(&name("wrap"), wrap, |answer| of(answer.bytes()));
        let unwrap = |context| kek.unwrap_dek(&WrappedDek::new("id1", wrapped.bytes(), context)).map(drop);
        assert_clean(&name("unwrap"), || unwrap(AAD).unwrap(), |()| of(wrapped.bytes()));
        assert_clean(&name("failing unwrap"), || drop(unwrap(b"another").unwrap_err()), |()| of(wrapped.bytes()));
    }
}
