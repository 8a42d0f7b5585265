//! The library's own envelope, a new DEK for each value, beside another library's envelope with a local key.

use std::hint::black_box;

use atrest::{Algorithm, Envelope, LocalKek, OsRandom, Secret};
use envelopers::{Aes256Gcm, EncryptedRecord, EnvelopeCipher, SimpleKeyProvider};

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
        envelopers(sampler, size, &plaintext);
    }
}

fn envelopers(sampler: &mut Sampler, size: usize, plaintext: &[u8]) {
    let cipher: EnvelopeCipher<SimpleKeyProvider<Aes256Gcm>> = EnvelopeCipher::init(SimpleKeyProvider::init([7; 16]));
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
