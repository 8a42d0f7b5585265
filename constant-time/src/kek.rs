//! The KEK in memory, with each of its ciphers: its keys and the DEKs are secret.

use std::borrow::Cow;

use atrest::{Algorithm, Kek, KekError, LocalKek, Refusal, SecretVec, Wrapped, WrappedDek};

use super::look::{all_secret, opened, stored};
use super::sources::{Nonces, secret_bytes, secret_key};
use super::tally::Tally;

pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm];

/// Length of what stands in front of the ciphertext of a wrapped DEK.
fn nonce_len(algorithm: Algorithm) -> usize {
    if algorithm == Algorithm::Aes256Gcm { 12 } else { 24 }
}

pub fn local(algorithm: Algorithm, ids: &[&str]) -> LocalKek {
    let keys: Vec<_> = ids.iter().map(|id| (*id, secret_key::<32>())).collect();
    let keys = keys.iter().map(|(id, key)| (*id, key));
    if algorithm == Algorithm::Aes256Gcm { LocalKek::aes256gcm(keys) } else { LocalKek::new(keys) }.unwrap()
}

/// A KEK whose wrapped DEKs are public, as they are stored.
pub struct Storing {
    pub kek: LocalKek,
    pub algorithm: Algorithm,
}

impl Storing {
    pub fn new(algorithm: Algorithm) -> Self {
        Self { kek: local(algorithm, &["key1"]), algorithm }
    }
}

impl Kek for Storing {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.kek.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        all_secret(dek);
        let answer = self.kek.wrap_dek_with(&mut Nonces, dek, context)?;
        let mut bytes = answer.bytes().to_vec();
        stored(&mut bytes, nonce_len(self.algorithm));
        Ok(Wrapped::new(answer.key_id(), bytes))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        let dek = self.kek.unwrap_dek(wrapped)?;
        all_secret(dek.expose());
        Ok(dek)
    }
}

fn refused(kek: &LocalKek, key_id: &str, bytes: &[u8], context: &[u8]) {
    let refused = kek.unwrap_dek(&WrappedDek::new(key_id, bytes, context));
    assert_eq!(refused.map(|_| ()).map_err(|error| error.refusal()), Err(Refusal::NotMine));
}

pub fn run(tally: &mut Tally) {
    for algorithm in ALGORITHMS {
        for len in [0, 16, 24, 32, 64, 300] {
            tally.run(format!("LocalKek {algorithm}, {len} bytes"), || {
                let kek = Storing::new(algorithm);
                let dek = secret_bytes(len);
                let answer = kek.wrap_dek(&dek, b"tenant 7").unwrap();
                let request = WrappedDek::new("key1", answer.bytes(), b"tenant 7");
                opened(kek.unwrap_dek(&request).unwrap().expose(), &dek);
            });
        }
        tally.run(format!("LocalKek {algorithm}, refused"), || {
            let kek = Storing::new(algorithm);
            let answer = kek.wrap_dek(&secret_bytes(32), b"tenant 7").unwrap();
            refused(&kek.kek, "key1", answer.bytes(), b"tenant 8");
            refused(&kek.kek, "key2", answer.bytes(), b"tenant 7");
            for at in 0..answer.bytes().len() {
                let mut changed = answer.bytes().to_vec();
                changed[at] ^= 1;
                refused(&kek.kek, "key1", &changed, b"tenant 7");
            }
        });
        tally.run(format!("LocalKek {algorithm}, a key looked for"), || {
            let kek = Storing { kek: local(algorithm, &["b", "a"]), algorithm };
            let dek = secret_bytes(32);
            let answer = kek.wrap_dek(&dek, b"").unwrap();
            refused(&local(algorithm, &["a", "b", "c"]), "", answer.bytes(), b"");
            opened(kek.unwrap_dek(&WrappedDek::new("", answer.bytes(), b"")).unwrap().expose(), &dek);
        });
    }
}
