//! The own envelope over the KEK in memory: DEKs, the KEK's keys and plaintexts are secret.

use atrest::{Algorithm, Envelope};

use super::kek::{ALGORITHMS, Storing};
use super::look::{self, opened, wiped};
use super::sources::{KeyThenNonces, secret_bytes};
use super::tally::Tally;

const CONTEXT: &[u8] = b"tenant 7";

/// Commitment and tag.
const EXTRA: usize = 32 + 16;

fn envelope(payload: Algorithm, kek: Algorithm) -> Envelope<Storing> {
    Envelope::new(Storing::new(kek)).with_algorithm(payload)
}

fn seal(envelope: &Envelope<Storing>, plaintext: &[u8]) -> [Vec<u8>; 2] {
    let mut to_vec = envelope.seal_with(&mut KeyThenNonces::default(), CONTEXT, plaintext).unwrap();
    let mut into = vec![0; to_vec.len()];
    let len = envelope.seal_into(&mut KeyThenNonces::default(), CONTEXT, plaintext, &mut into).unwrap();
    assert_eq!(len, into.len());
    for value in [&mut to_vec, &mut into] {
        look::stored_with(value, plaintext.len() + EXTRA);
    }
    [to_vec, into]
}

fn open_in_every_way(envelope: &Envelope<Storing>, value: &[u8], plaintext: &[u8]) {
    opened(envelope.open(CONTEXT, value).unwrap().expose(), plaintext);
    let mut out = vec![0; envelope.open_len_max(value)];
    assert_eq!(envelope.open_into(CONTEXT, value, &mut out).unwrap(), plaintext.len());
    opened(&out, plaintext);
}

fn fail_in_every_way(envelope: &Envelope<Storing>, context: &[u8], value: &[u8]) {
    assert!(envelope.open(context, value).is_err());
    let mut out = vec![1; envelope.open_len_max(value)];
    assert!(envelope.open_into(context, value, &mut out).is_err());
    wiped(&out);
}

fn round_trips(tally: &mut Tally, payload: Algorithm, kek: Algorithm) {
    for len in [0, 1, 16, 100, 500, 1024, 5000] {
        tally.run(format!("Envelope {payload} under {kek}, {len} bytes"), || {
            let envelope = envelope(payload, kek);
            let plaintext = secret_bytes(len);
            for value in seal(&envelope, &plaintext) {
                open_in_every_way(&envelope, &value, &plaintext);
                let rewrapped = envelope.rewrap(CONTEXT, &value).unwrap();
                look::all_public(&rewrapped);
                open_in_every_way(&envelope, &rewrapped, &plaintext);
            }
        });
    }
    tally.run(format!("Envelope {payload} under {kek}, changed"), || {
        let envelope = envelope(payload, kek);
        let [value, _] = seal(&envelope, &secret_bytes(100));
        fail_in_every_way(&envelope, b"tenant 8", &value);
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 2;
            fail_in_every_way(&envelope, CONTEXT, &changed);
            let _ = envelope.rewrap(CONTEXT, &changed);
        }
    });
}

pub fn run(tally: &mut Tally) {
    for payload in ALGORITHMS {
        for kek in ALGORITHMS {
            round_trips(tally, payload, kek);
        }
    }
}
