//! A configuration made of the fuzzer's choices.

use arbitrary::Arbitrary;
use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Identity, Result, Secretbox, SecretboxKey, Transformer};

/// Names that are the beginning of one another, with and without `:`.
const NAMES: [&str; 8] = ["a", "a:b", "a:", "ab", ":", "b", "key1", "\u{e9}"];

/// One to four providers; two may be the same.
#[derive(Arbitrary, Debug)]
pub struct Configuration {
    first: ProviderChoice,
    others: [Option<ProviderChoice>; 3],
}

#[derive(Arbitrary, Debug)]
enum ProviderChoice {
    AesCbc(KeyChoices),
    AesGcm(KeyChoices),
    Secretbox(KeyChoices),
    Identity { as_apiserver: bool },
}

/// One to four keys; names and secrets may repeat.
#[derive(Arbitrary, Debug)]
struct KeyChoices {
    first: KeyChoice,
    others: [Option<KeyChoice>; 3],
}

#[derive(Arbitrary, Debug, Clone, Copy)]
struct KeyChoice {
    name: u8,
    secret: u8,
    len: u8,
}

impl Configuration {
    /// The transformer that was chosen.
    pub fn transformer(&self) -> Transformer<'static> {
        let mut builder = Transformer::builder();
        for choice in [&self.first].into_iter().chain(self.others.iter().flatten()) {
            builder = match choice {
                ProviderChoice::AesCbc(keys) => {
                    builder.provider(AesCbc::new(keys.build(AesCbcKey::from_bytes)).unwrap())
                }
                ProviderChoice::AesGcm(keys) => {
                    builder.provider(AesGcm::new(keys.build(AesGcmKey::from_bytes)).unwrap())
                }
                ProviderChoice::Secretbox(keys) => builder
                    .provider(Secretbox::new(keys.build(|bytes| SecretboxKey::from_bytes(&widened(bytes)))).unwrap()),
                ProviderChoice::Identity { as_apiserver: true } => builder.provider(Identity::as_apiserver()),
                ProviderChoice::Identity { as_apiserver: false } => builder.provider(Identity::new()),
            };
        }
        builder.build().unwrap()
    }

    /// What a value sealed with this configuration begins with.
    pub fn header(&self) -> String {
        let (prefix, keys) = match &self.first {
            ProviderChoice::AesCbc(keys) => ("k8s:enc:aescbc:v1:", keys),
            ProviderChoice::AesGcm(keys) => ("k8s:enc:aesgcm:v1:", keys),
            ProviderChoice::Secretbox(keys) => ("k8s:enc:secretbox:v1:", keys),
            ProviderChoice::Identity { .. } => return String::new(),
        };
        format!("{prefix}{}:", keys.first.name())
    }

    /// Whether values are sealed with a cipher that notices a changed byte.
    pub fn authenticates(&self) -> bool {
        matches!(self.first, ProviderChoice::AesGcm(_) | ProviderChoice::Secretbox(_))
    }

    /// Whether values are sealed with a cipher that notices another AAD.
    pub fn binds_aad(&self) -> bool {
        matches!(self.first, ProviderChoice::AesGcm(_))
    }

    /// Whether values are stored as they are, and the plaintext decides whether that is possible.
    pub fn identity(&self) -> Option<bool> {
        match self.first {
            ProviderChoice::Identity { as_apiserver } => Some(as_apiserver),
            _ => None,
        }
    }
}

impl KeyChoices {
    fn build<C>(&self, expand: impl Fn(&[u8]) -> Result<C>) -> Vec<(&'static str, C)> {
        let choices = [&self.first].into_iter().chain(self.others.iter().flatten());
        choices.map(|choice| (choice.name(), expand(&choice.secret()).unwrap())).collect()
    }
}

impl KeyChoice {
    fn name(self) -> &'static str {
        NAMES[usize::from(self.name) % NAMES.len()]
    }

    /// Few enough secrets that two keys often share one.
    fn secret(self) -> Vec<u8> {
        vec![self.secret % 4; [16, 24, 32][usize::from(self.len) % 3]]
    }
}

/// The key of 32 bytes that begins with these.
fn widened(bytes: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key[..bytes.len()].copy_from_slice(bytes);
    key
}
