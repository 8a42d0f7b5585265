//! Many values sealed with one call: of different lengths, so that chains of aescbc that run side by side end one after the
//! other, others take their places, and the last ones run alone. Keys and plaintexts are secret.

use atrest::{AesCbcKey, AesGcmKey, KeyedCipher, SecretboxKey};

use super::look::{self, opened};
use super::sources::{Nonces, secret_bytes};
use super::statics::{AAD, NONCE_CBC, NONCE_GCM, NONCE_SECRETBOX, body_at, list};
use super::tally::Tally;

/// Fewer than are worth it, as many as run side by side, more than that, and more than are sealed at once.
const COUNTS: [usize; 6] = [1, 2, 3, 8, 11, 40];

/// From no byte to some twenty blocks, on both sides of whole ones, in no order.
const fn len_of(i: usize) -> usize {
    [0, 300, 16, 33, 255, 1, 160, 15, 17, 64, 129][i % 11]
}

fn sealed_at_once<C: KeyedCipher + 'static>(tally: &mut Tally, name: &str, nonce_len: usize, key: &dyn Fn() -> C) {
    let body_at = body_at(name.split(' ').next().unwrap(), nonce_len);
    for count in COUNTS {
        tally.run(format!("{name}, {count} values at once"), || {
            let list = list(vec![key()]);
            let plaintexts: Vec<_> = (0..count).map(|i| secret_bytes(len_of(i))).collect();
            let values = plaintexts.iter().map(|plaintext| (AAD, &plaintext[..]));
            let sealed: Vec<_> = list.seal_many_with(&mut Nonces, values).collect();
            assert_eq!(sealed.len(), count);
            for (value, plaintext) in sealed.into_iter().zip(&plaintexts) {
                let mut value = value.unwrap();
                look::stored(&mut value, body_at);
                opened(list.open(AAD, &value).unwrap().plaintext(), plaintext);
            }
        });
    }
}

pub fn run(tally: &mut Tally) {
    for len in [16, 24, 32] {
        let cbc = move || AesCbcKey::from_bytes(&secret_bytes(len)).unwrap();
        sealed_at_once(tally, &format!("aescbc {len}"), NONCE_CBC, &cbc);
    }
    let gcm = || AesGcmKey::from_bytes(&secret_bytes(32)).unwrap();
    sealed_at_once(tally, "aesgcm 32", NONCE_GCM, &gcm);
    let secretbox = || SecretboxKey::from_bytes(&secret_bytes(32)).unwrap();
    sealed_at_once(tally, "secretbox", NONCE_SECRETBOX, &secretbox);
}
