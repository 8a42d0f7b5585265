//! The library's own envelope, a new DEK for each value, beside its primitives and another library's envelope with a local key.

use std::hint::black_box;

use aes_gcm::aead::Nonce;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use atrest::{Algorithm, Envelope, LocalKek, OsRandom, Secret};
use chacha20poly1305::XChaCha20Poly1305;
use envelopers::{EncryptedRecord, EnvelopeCipher, SimpleKeyProvider};
use hkdf::Hkdf;
use inout::InOutBuf;
use sha2::Sha256;

use crate::sampler::{Cell, Sampler};
use crate::{FAST, KEY, OURS};

const CONTEXT: &[u8] = b"tenant 7, table secrets, row 42";

pub fn measure(sampler: &mut Sampler, size: usize) {
    let plaintext = vec![0x5a; size];
    let [returning, into, _] = OURS;
    for (provider, algorithm) in
        [("envelope_aesgcm", Algorithm::Aes256Gcm), ("envelope_xchacha", Algorithm::XChaCha20Poly1305)]
    {
        let kek = LocalKek::new([("1", &Secret::<32>::from_slice(&KEY).unwrap())]).unwrap();
        let envelope = Envelope::new(kek).with_algorithm(algorithm);
        let stored = envelope.seal(CONTEXT, &plaintext).unwrap();
        let mut out = vec![0; stored.len()];
        let cell = Cell { provider, op: "seal", size };
        sampler.time(cell, returning, |_| envelope.seal(CONTEXT, black_box(&plaintext)).unwrap());
        sampler
            .time(cell, into, |_| envelope.seal_into(&mut OsRandom, CONTEXT, black_box(&plaintext), &mut out).unwrap());
        let cell = Cell { provider, op: "open", size };
        sampler.time(cell, returning, |_| envelope.open(CONTEXT, black_box(&stored)).unwrap());
        sampler.time(cell, into, |_| envelope.open_into(CONTEXT, black_box(&stored), &mut out).unwrap());
    }
    if !FAST {
        bare::<Aes256Gcm>(sampler, "envelope_aesgcm", &plaintext);
        bare::<XChaCha20Poly1305>(sampler, "envelope_xchacha", &plaintext);
        envelopers(sampler, size, &plaintext);
    }
}

/// The DEK wrapped or unwrapped, the value's key and its commitment expanded from it, and the text.
fn bare<A: AeadInOut + KeyInit>(sampler: &mut Sampler, provider: &'static str, plaintext: &[u8]) {
    let (size, mut out) = (plaintext.len(), plaintext.to_vec());
    let (kek, wrapping_nonce, nonce) = (XChaCha20Poly1305::new(&KEY.into()), [9; 24].into(), Nonce::<A>::default());
    let cipher = |dek: &[u8]| {
        let mut expanded = [0; 64];
        Hkdf::<Sha256>::from_prk(dek).unwrap().expand(&[7; 46], &mut expanded).unwrap();
        A::new_from_slice(&expanded[..32]).unwrap()
    };
    let seal = |out: &mut [u8]| {
        let mut dek = black_box(KEY);
        let text = InOutBuf::new(black_box(plaintext), out).unwrap();
        let tag = cipher(&dek).encrypt_inout_detached(&nonce, CONTEXT, text).unwrap();
        let wrapping_tag = kek.encrypt_inout_detached(&wrapping_nonce, CONTEXT, dek.as_mut_slice().into()).unwrap();
        (dek, wrapping_tag, tag)
    };
    let mut sealed = plaintext.to_vec();
    let (wrapped, wrapping_tag, tag) = seal(&mut sealed);
    sampler.time(Cell { provider, op: "seal", size }, OURS[2], |_| seal(&mut out));
    sampler.time(Cell { provider, op: "open", size }, OURS[2], |_| {
        let mut dek = black_box(wrapped);
        kek.decrypt_inout_detached(&wrapping_nonce, CONTEXT, dek.as_mut_slice().into(), &wrapping_tag).unwrap();
        let text = InOutBuf::new(black_box(&sealed), &mut out).unwrap();
        cipher(&dek).decrypt_inout_detached(&nonce, CONTEXT, text, &tag).unwrap();
    });
}

fn envelopers(sampler: &mut Sampler, size: usize, plaintext: &[u8]) {
    let cipher: EnvelopeCipher<SimpleKeyProvider<envelopers::Aes256Gcm>> =
        EnvelopeCipher::init(SimpleKeyProvider::init([7; 16]));
    let seal = |plaintext: &[u8]| pollster::block_on(cipher.encrypt(plaintext)).unwrap().to_vec().unwrap();
    let open = |stored: &[u8]| {
        let record = EncryptedRecord::try_from(stored).unwrap();
        pollster::block_on(cipher.decrypt(&record)).unwrap()
    };
    let stored = seal(plaintext);
    assert_eq!(open(&stored), plaintext);
    let provider = "envelope_aesgcm";
    sampler.time(Cell { provider, op: "seal", size }, "envelopers", |_| seal(black_box(plaintext)));
    sampler.time(Cell { provider, op: "open", size }, "envelopers", |_| open(black_box(&stored)));
}
