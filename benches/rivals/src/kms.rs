//! KMS v2: a key expanded from a seed for each value. The KEK is a stub, which is not asked while anything is timed.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use atrest::{
    BlockingTransformer, EnvelopeTransformer, Kek, KekError, KmsV2, OsRandom, PooledRandom, SealStep, SecretVec, Step,
    SystemClock, Time, Wrapped, WrappedDek,
};
use hkdf::Hkdf;
use inout::InOutBuf;
use sha2::Sha256;

use crate::by_hand::{begun, os_random};
use crate::sampler::{Cell, Sampler};
use crate::{AAD, FAST, KEY, OURS};

const PROVIDER: &str = "kms_v2";

/// Prefix and the fields that a value has in front of its payload, of about the length that they have.
const HEAD: &[u8] = b"k8s:enc:kms:v2:vault:..1.................................";

/// Wraps by a fixed mask.
pub struct Stub;

pub fn masked(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0xa5).collect()
}

impl Kek for Stub {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok("1".into())
    }

    fn wrap_dek(&self, dek: &[u8], _context: &[u8]) -> Result<Wrapped, KekError> {
        Ok(Wrapped::new("1", masked(dek)))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        Ok(SecretVec::from_vec(masked(wrapped.bytes())))
    }
}

pub fn measure(sampler: &mut Sampler, size: usize) {
    ours(sampler, size);
    bare(sampler, size);
    if !FAST {
        rustcrypto(sampler, size);
        ring(sampler, size);
        aws_lc(sampler, size);
    }
}

const fn cell(op: &'static str, size: usize) -> Cell {
    Cell { provider: PROVIDER, op, size }
}

fn ours(sampler: &mut Sampler, size: usize) {
    let provider = Arc::new(KmsV2::new("vault").unwrap());
    provider.check_with(&Stub, &SystemClock::default()).unwrap();
    let transformer = BlockingTransformer::builder().kms_v2(Arc::clone(&provider), Stub).build().unwrap();
    let steps = EnvelopeTransformer::builder().shared_wrapped(provider).build().unwrap();
    let plaintext = vec![0x5a; size];
    let stored = [0, 1].map(|_| transformer.seal(AAD, &plaintext).unwrap());
    let mut out = vec![0; stored[0].len()];
    let [returning, into, _] = OURS;

    sampler.time(cell("seal", size), returning, |_| transformer.seal(AAD, black_box(&plaintext)).unwrap());
    sampler.time(cell("seal", size), into, |_| {
        let begun = steps.seal(&mut OsRandom, Time::default(), AAD, size).unwrap();
        let SealStep::Ready(plan) = begun else { panic!("a seed is at hand") };
        plan.seal_into(&mut PooledRandom, black_box(&plaintext), &mut out).unwrap()
    });
    // Two values by turns have no derived key of theirs at hand, one over and over may have.
    for (op, values) in [("open", 2), ("open-cached", 1)] {
        let cell = cell(op, size);
        sampler.time(cell, returning, |i| transformer.open(AAD, black_box(&stored[i % values])).unwrap());
        sampler.time(cell, into, |i| {
            let step = steps.open_into(Time::default(), AAD, black_box(&stored[i % values]), &mut out).unwrap();
            assert!(matches!(step, Step::Ready(_)));
        });
    }
}

fn bare(sampler: &mut Sampler, size: usize) {
    let plaintext = vec![0x5a; size];
    let mut sealed = vec![0; size];
    let mut out = vec![0; size];
    let (info, nonce) = ([7; 32], [9; 12]);
    if FAST {
        use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
        use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
        let prk = Prk::new_less_safe(HKDF_SHA256, &KEY);
        let key = || LessSafeKey::new(prk.expand(&[&info], &aws_lc_rs::aead::AES_256_GCM).unwrap().into());
        let nonce = || Nonce::assume_unique_for_key(nonce);
        let mut tag = [0; 16];
        key().seal_out_of_place_scatter(nonce(), Aad::from(AAD), &plaintext, &mut sealed, &[], &mut tag).unwrap();
        let mut other = [0; 16];
        sampler.time(cell("seal", size), OURS[2], |_| {
            let text = black_box(&plaintext);
            key().seal_out_of_place_scatter(nonce(), Aad::from(AAD), text, &mut out, &[], &mut other).unwrap();
        });
        for op in ["open", "open-cached"] {
            sampler.time(cell(op, size), OURS[2], |_| {
                key().open_separate_gather(nonce(), Aad::from(AAD), black_box(&sealed), &tag, &mut out).unwrap();
            });
        }
    } else {
        let prk = Hkdf::<Sha256>::from_prk(&KEY).unwrap();
        let key = || Aes256Gcm::new(&expanded(&prk, &info).into());
        let text = InOutBuf::new(&plaintext, &mut sealed).unwrap();
        let tag = key().encrypt_inout_detached(&nonce.into(), AAD, text).unwrap();
        sampler.time(cell("seal", size), OURS[2], |_| {
            let text = InOutBuf::new(black_box(&plaintext), &mut out).unwrap();
            key().encrypt_inout_detached(&nonce.into(), AAD, text).unwrap()
        });
        for op in ["open", "open-cached"] {
            sampler.time(cell(op, size), OURS[2], |_| {
                let text = InOutBuf::new(black_box(&sealed), &mut out).unwrap();
                key().decrypt_inout_detached(&nonce.into(), AAD, text, &tag).unwrap();
            });
        }
    }
}

fn expanded(prk: &Hkdf<Sha256>, info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    prk.expand(info, &mut key).unwrap();
    key
}

/// Times a way to seal and a way to open; by hand no one keeps derived keys.
fn by_hand(
    sampler: &mut Sampler,
    name: &'static str,
    size: usize,
    seal: impl Fn(&[u8; 32], [u8; 12], &mut Vec<u8>, usize),
    open: impl Fn(&[u8; 32], [u8; 12], &[u8]) -> Vec<u8>,
) {
    let plaintext = vec![0x5a; size];
    let sealed = |plaintext: &[u8]| {
        let (info, nonce) = (os_random::<32>(), os_random::<12>());
        let mut out = begun(HEAD, &info, 12 + plaintext.len() + 16);
        out.extend_from_slice(&nonce);
        let at = out.len();
        out.extend_from_slice(plaintext);
        seal(&info, nonce, &mut out, at);
        out
    };
    let stored = sealed(&plaintext);
    let opened = |stored: &[u8]| {
        let (info, rest) = stored[HEAD.len()..].split_first_chunk::<32>().unwrap();
        let (nonce, body) = rest.split_first_chunk::<12>().unwrap();
        open(info, *nonce, body)
    };
    assert_eq!(opened(&stored), plaintext, "{name}");
    sampler.time(cell("seal", size), name, |_| sealed(black_box(&plaintext)));
    for op in ["open", "open-cached"] {
        sampler.time(cell(op, size), name, |_| opened(black_box(&stored)));
    }
}

fn rustcrypto(sampler: &mut Sampler, size: usize) {
    let prk = Hkdf::<Sha256>::from_prk(&KEY).unwrap();
    let key = |info: &[u8; 32]| Aes256Gcm::new(&expanded(&prk, info).into());
    let seal = |info: &[u8; 32], nonce: [u8; 12], out: &mut Vec<u8>, at: usize| {
        let tag = key(info).encrypt_inout_detached(&nonce.into(), AAD, (&mut out[at..]).into()).unwrap();
        out.extend_from_slice(&tag);
    };
    let open = |info: &[u8; 32], nonce: [u8; 12], body: &[u8]| {
        let (text, tag) = body.split_last_chunk::<16>().unwrap();
        let mut out = text.to_vec();
        let text = out.as_mut_slice().into();
        key(info).decrypt_inout_detached(&nonce.into(), AAD, text, &(*tag).into()).unwrap();
        out
    };
    by_hand(sampler, "rustcrypto", size, seal, open);
}

/// ring and aws-lc-rs have the same interface.
macro_rules! kms_of {
    ($function:ident, $library:ident, $name:literal) => {
        fn $function(sampler: &mut Sampler, size: usize) {
            use $library::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce};
            use $library::hkdf::{HKDF_SHA256, Prk};
            let prk = Prk::new_less_safe(HKDF_SHA256, &KEY);
            let key = |info: &[u8; 32]| LessSafeKey::new(prk.expand(&[info], &AES_256_GCM).unwrap().into());
            let seal = |info: &[u8; 32], nonce: [u8; 12], out: &mut Vec<u8>, at: usize| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key(info).seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut out[at..]).unwrap();
                out.extend_from_slice(tag.as_ref());
            };
            let open = |info: &[u8; 32], nonce: [u8; 12], body: &[u8]| {
                let mut out = body.to_vec();
                let nonce = Nonce::assume_unique_for_key(nonce);
                let len = key(info).open_in_place(nonce, Aad::from(AAD), &mut out).unwrap().len();
                out.truncate(len);
                out
            };
            by_hand(sampler, $name, size, seal, open);
        }
    };
}

kms_of!(ring, ring, "ring");
kms_of!(aws_lc, aws_lc_rs, "aws-lc-rs");
