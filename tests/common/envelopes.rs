//! The recorded values of the crate's own envelope, and KEKs and sources of randomness that a test controls.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::borrow::Cow;

use atrest::{
    Algorithm, Envelope, Error, Kek, KekError, KeySource, LocalKek, Random, RandomError, Secret, SecretVec, Wrapped,
    WrappedDek,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// A value that another implementation made, with all that went into it.
pub(crate) struct Recorded {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) kek_algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) kek: Secret<32>,
    pub(crate) context: Vec<u8>,
    pub(crate) dek: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    pub(crate) kek_nonce: Vec<u8>,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) stored: Vec<u8>,
    /// Why it does not open.
    pub(crate) error: Option<Error>,
}

/// All values of one list of the file.
pub(crate) fn recorded(list: &str) -> Vec<Recorded> {
    let file: Value = serde_json::from_str(include_str!("../vectors/envelope.json")).unwrap();
    file[list].as_array().unwrap().iter().map(Recorded::load).collect()
}

impl Recorded {
    fn load(entry: &Value) -> Self {
        let text = |field: &str| entry[field].as_str().unwrap().to_owned();
        let bytes = |field: &str| STANDARD.decode(text(field)).unwrap();
        let algorithm = |field: &str| match text(field).as_str() {
            "xchacha" => Algorithm::XChaCha20Poly1305,
            "aesgcm" => Algorithm::Aes256Gcm,
            other => panic!("{other}"),
        };
        let error = entry.get("error").map(|error| match error.as_str().unwrap() {
            "open" => Error::Open,
            "no_match" => Error::NoMatchingProvider,
            "not_mine" => Error::KekNotMine,
            "kek_answer" => Error::KekAnswer,
            other => panic!("{other}"),
        });
        Self {
            id: text("id"),
            algorithm: algorithm("algorithm"),
            kek_algorithm: algorithm("kek_algorithm"),
            key_id: text("key_id"),
            kek: Secret::from_slice(&bytes("kek_b64")).unwrap(),
            context: bytes("context_b64"),
            dek: bytes("dek_b64"),
            salt: bytes("salt_b64"),
            kek_nonce: bytes("kek_nonce_b64"),
            plaintext: bytes("plaintext_b64"),
            stored: bytes("stored_b64"),
            error,
        }
    }

    /// The KEK under which it was wrapped.
    pub(crate) fn local_kek(&self) -> LocalKek {
        // Where the id itself is what is wrong, the KEK has the right one.
        let id = if self.error.is_some() { "2026-11" } else { &self.key_id };
        let keys = [(id, &self.kek)];
        match self.kek_algorithm {
            Algorithm::Aes256Gcm => LocalKek::aes256gcm(keys),
            _ => LocalKek::new(keys),
        }
        .unwrap()
    }

    pub(crate) fn envelope(&self) -> Envelope<LocalKek> {
        Envelope::new(self.local_kek()).with_algorithm(self.algorithm)
    }

    /// Where the wrapped DEK begins, and where the payload does.
    pub(crate) fn places(&self) -> (usize, usize) {
        let wrapped_at = 14 + 1 + 2 + self.key_id.len() + 2;
        (wrapped_at, wrapped_at + self.kek_nonce.len() + self.dek.len() + 16)
    }
}

/// Hands out the scripted fills in order, whole, and fails after the last one. It may make keys.
pub(crate) struct ScriptedKeys<'a>(pub(crate) Vec<&'a [u8]>);

impl Random for ScriptedKeys<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if self.0.is_empty() {
            return Err(RandomError);
        }
        let fill = self.0.remove(0);
        assert_eq!(fill.len(), out.len(), "the script has a fill of another length");
        out.copy_from_slice(fill);
        Ok(())
    }
}

impl KeySource for ScriptedKeys<'_> {}

/// An embedded KEK that wraps with one nonce.
pub(crate) struct WithNonce {
    pub(crate) kek: LocalKek,
    pub(crate) nonce: Vec<u8>,
}

impl Kek for WithNonce {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.kek.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.kek.wrap_dek_with(&mut ScriptedKeys(vec![&self.nonce]), dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        self.kek.unwrap_dek(wrapped)
    }
}
